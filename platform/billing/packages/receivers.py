"""What follows here from what happens in the apps below.

Every command loads this module, and few need the services behind it: they are imported on use.
"""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from binding.models import Device
    from transactions.models import Step

# The public id of a request is the reference of its demand: other steps cost no query.
_REQUEST = re.compile(r"[0-9a-f]{16}")


def follow_step(*, step: "Step", now: datetime, **_: Any) -> None:
    """Conclude the request that a step proves."""
    if _REQUEST.fullmatch(step.content.demand.reference or ""):
        from billing.packages.services.proving_token import conclude_step

        conclude_step(step=step, now=now)


def follow_device(*, device: "Device", now: datetime, **_: Any) -> None:
    """End, uncharged, what a device asked for that was removed."""
    from billing.packages.services.finish import cancel_requests

    cancel_requests(device, now)
