"""What follows here from what happens in the apps below.

Every command loads this module, and few need the services behind it: they are imported on use.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from offline.models import Client

if TYPE_CHECKING:
    from binding.models import Device


def follow_device(*, device: "Device", now: datetime, **_: Any) -> None:
    """End the client that a removed device is, and take it away as a relay."""
    from offline.services.clients import remove_client
    from offline.services.relays import forget_relay

    forget_relay(device=device, now=now)
    for client in Client.objects.filter(device=device):
        remove_client(client=client, actor="system", now=now)
