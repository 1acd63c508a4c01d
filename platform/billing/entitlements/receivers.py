"""What follows here from what happens in the apps below.

Every command loads this module, and few need the services behind it: they are imported on use.
"""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from binding.models import Device
    from transactions.models import Step

# The public id of a purchase is the reference of its demand: other steps cost no query.
_PURCHASE = re.compile(r"[0-9a-f]{16}")


def follow_step(*, step: "Step", now: datetime, **_: Any) -> None:
    """Conclude the purchase that a step pays for."""
    if _PURCHASE.fullmatch(step.content.demand.reference or ""):
        from billing.entitlements.services import conclude_step

        conclude_step(step=step, now=now)


def follow_device(*, device: "Device", **_: Any) -> None:
    """Give up what a device that was removed had."""
    from billing.entitlements.services.slots import free_slots

    free_slots(device=device)
