"""Put devices up at a service, and take them away."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from audit.services import record
from offline.errors import DeviceNotTrustedError, RelayElsewhereError, ServiceEndedError
from offline.models import Relay, Service

if TYPE_CHECKING:
    from accounts.models import Holder
    from binding.models import Device


def add_relay(*, service: Service, device: "Device", now: datetime) -> Relay:
    """Let a device of a service's owner relay for it; again changes nothing.

    Raises:
        DeviceNotTrustedError: it is somebody else's, or was removed.
        ServiceEndedError: the service ended.
        RelayElsewhereError: it stands at another service.
    """
    if device.holder_id != service.owner_id or device.removed_at is not None:
        raise DeviceNotTrustedError
    with transaction.atomic():
        # Whoever ends the service in this moment waits, and takes this device away as well.
        if not Service.objects.select_for_update().filter(pk=service.pk, ended_at=None).exists():
            raise ServiceEndedError
        begun = {"service": service, "created_at": now}
        relay, is_new = Relay.objects.get_or_create(device=device, defaults=begun)
        # Compare and set: of two services that want it back, one gets it.
        ended = Relay.objects.filter(pk=relay.pk, ended_at__isnull=False)
        if is_new or ended.update(ended_at=None, **begun):
            record(
                action="relay.added",
                actor=service.owner.actor,
                subject=f"{service.public_id} {device.public_id}",
                now=now,
            )
        relay = Relay.objects.select_related("device", "service__owner__user").get(pk=relay.pk)
        if relay.service_id != service.pk:
            raise RelayElsewhereError
    return relay


def end_relay(*, relay: Relay, actor: "Holder", now: datetime) -> None:
    """Let a device relay no more; again changes nothing."""
    _end(relay, actor.actor, now)


def end_relays(*, service: Service, actor: str, now: datetime) -> None:
    """Take all devices of a service away, in the caller's transaction."""
    for relay in Relay.objects.filter(service=service).select_related("device", "service"):
        _end(relay, actor, now)


def forget_relay(*, device: "Device", now: datetime) -> None:
    """Take away a device that was removed, in the caller's transaction."""
    for relay in Relay.objects.filter(device=device).select_related("device", "service"):
        _end(relay, device.actor, now)


def _end(relay: Relay, actor: str, now: datetime) -> None:
    with transaction.atomic():
        # Compare and set: it is ended once, and only where it stands.
        row = Relay.objects.filter(pk=relay.pk, service=relay.service_id, ended_at=None)
        if row.update(ended_at=now):
            record(
                action="relay.ended",
                actor=actor,
                subject=f"{relay.service.public_id} {relay.device.public_id}",
                now=now,
            )
