"""On how many devices a buyer uses a resource: each takes a slot, and there are only so many."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from billing.entitlements.errors import DeviceLimitError
from billing.entitlements.models import DeviceSlot, Resource, StatusCode
from common.compiled import Compiled

if TYPE_CHECKING:
    from binding.models import Device

_TAKEN = Compiled(lambda: DeviceSlot.objects.filter(holder=0).filter(resource=0))


def take_slot(*, device: "Device", resource: Resource, now: datetime) -> None:
    """Make sure that a device has a slot for a resource.

    Raises:
        DeviceLimitError: others have them all.
    """
    slots = list(_TAKEN.rows(device.holder_id, resource.pk))
    if any(slot.device_id == device.pk for slot in slots):
        return
    taken = {slot.slot for slot in slots}
    for number in range(1, resource.device_limit + 1):
        if number not in taken and _is_taken(device, resource, number, now):
            return
    raise DeviceLimitError(limit=resource.device_limit)


def free_slots(*, device: "Device") -> None:
    """Give up the slots of a device that was removed, and void the codes it holds."""
    StatusCode.objects.filter(device=device, state=StatusCode.State.ISSUED).update(
        state=StatusCode.State.REVOKED
    )
    DeviceSlot.objects.filter(device=device).delete()


def _is_taken(device: "Device", resource: Resource, slot: int, now: datetime) -> bool:
    """Take a slot; that another device, or another call of this one, was first shows here."""
    try:
        with transaction.atomic():
            DeviceSlot.objects.create(
                holder_id=device.holder_id, resource=resource, device=device, slot=slot, since=now
            )
    except IntegrityError:
        return DeviceSlot.objects.filter(device=device, resource=resource).exists()
    return True
