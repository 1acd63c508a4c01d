"""Read devices, and the phones among them."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Min, Q, QuerySet, Subquery

from binding.errors import RecipientNotBoundError
from binding.identifiers import Identifiers, number_hash
from binding.models import Binding, Chip, Device, DeviceCode, Message, SeenProof
from common.compiled import Compiled
from common.errors import NotFoundError

if TYPE_CHECKING:
    from accounts.models import Holder

PHONE_STATES = tuple(Binding.State.values)


def device_by_thumbprint(thumbprint: bytes) -> Device | None:
    """Return the device of a key, with its holder, if both are in use."""
    return _BY_THUMBPRINT.first(thumbprint)


_BY_THUMBPRINT = Compiled(
    lambda: Device.objects.filter(thumbprint=b"", removed_at=None, holder__user__is_active=True),
    "holder",
)


def devices_of(*, holder: "Holder") -> QuerySet[Device]:
    """Return a holder's devices in use, newest first."""
    return Device.objects.filter(holder=holder, removed_at=None).order_by("-pk")


def device_of(*, holder: "Holder", uid: bytes) -> Device:
    """Return one of a holder's devices in use.

    Raises:
        NotFoundError: there is none of that id.
    """
    device = devices_of(holder=holder).filter(uid=uid).first()
    if device is None:
        raise NotFoundError
    return device


def open_code(*, holder: "Holder", now: datetime) -> DeviceCode | None:
    """Return the code by which a holder may add a device now, if there is one."""
    return DeviceCode.objects.filter(holder=holder, used_at=None, expires_at__gt=now).first()


def bound_phone(device: Device) -> Binding | None:
    """Return what a device is bound to; ``None`` while that is suspended, too."""
    found = binding_of_device(device)
    return found if found is not None and found.is_bound else None


def proofs_since(thumbprint: bytes, since: datetime) -> tuple[int, datetime | None]:
    """Count a key's requests, and find the first; they are known for two minutes."""
    seen = SeenProof.objects.filter(thumbprint=thumbprint, at__gt=since)
    found = seen.aggregate(count=Count("pk"), first=Min("at"))
    return found["count"], found["first"]


def binding_of_device(device: Device) -> Binding | None:
    """Return what a device is bound to, suspended or not."""
    return _OF_DEVICE.first(device.pk, *Binding.HELD)


_OF_DEVICE = Compiled(
    lambda: Binding.objects.filter(device=0).filter(state__in=Binding.HELD),
    *("chip", "holder", "holder__user"),
)


def held_like(identifiers: Identifiers, device: Device) -> list[Binding]:
    """Return the bindings to which this chip, SIM, number or device belongs."""
    return list(_like(identifiers, device).filter(state__in=Binding.HELD))


def ended_like(identifiers: Identifiers, device: Device, *, since: datetime) -> Binding | None:
    """Return which binding with this chip, SIM, number or device its holder ended of late."""
    ended = _like(identifiers, device).filter(
        holder=device.holder, reason=Binding.Reason.REPORTED, ended_at__gt=since
    )
    return ended.exclude(bound_at=None).order_by("-pk").first()


def _like(identifiers: Identifiers, device: Device) -> QuerySet[Binding]:
    return Binding.objects.select_related("chip").filter(
        Q(chip__serial_hash=identifiers.chip_hash)
        | Q(sim_hash=identifiers.sim_hash)
        | Q(number_hash=identifiers.number_hash)
        | Q(device=device)
    )


def bound_with_other_chip(identifiers: Identifiers) -> Binding | None:
    """Return whose SIM and number these are, if they are bound to another chip."""
    bound = Binding.objects.filter(
        sim_hash=identifiers.sim_hash,
        number_hash=identifiers.number_hash,
        state=Binding.State.BOUND,
    )
    others = bound.exclude(chip__serial_hash=identifiers.chip_hash)
    return others.select_related("holder__user").first()


def bindings_of(*, holder: "Holder") -> QuerySet[Binding]:
    """Return a holder's phones, newest first; without those that never came to anything."""
    mine = Binding.objects.filter(holder=holder).exclude(reason=Binding.Reason.NOT_PROVED)
    return mine.select_related("device", "replaces__device").order_by("-pk")


def binding_of(*, holder: "Holder", uid: bytes) -> Binding:
    """Return one of a holder's phones.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = bindings_of(holder=holder).filter(uid=uid).select_related("holder__user").first()
    if found is None:
        raise NotFoundError
    return found


def any_binding(uid: bytes) -> Binding:
    """Return somebody's phone, for operators.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = Binding.objects.filter(uid=uid).select_related("holder__user", "device").first()
    if found is None:
        raise NotFoundError
    return found


def phones(*, state: str = "") -> QuerySet[Binding]:
    """Return everybody's phones for the console, newest first: all, or those in one state."""
    found = Binding.objects.select_related("holder", "device").order_by("-pk")
    return found.filter(state=state) if state else found


def newest_of_number(number: str) -> Binding | None:
    """Return the phone of a number, E.164, that was registered last."""
    return phones().filter(number_hash=number_hash(number)).first()


def with_number_of(binding: Binding) -> QuerySet[Binding]:
    """Return the other phones that have, or had, the number of this one, newest first."""
    return phones().filter(number_hash=binding.number_hash).exclude(pk=binding.pk)


def peer(*, number: str) -> Binding:
    """Return the bound phone of a number, with its chip.

    Raises:
        RecipientNotBoundError: there is none, or it is suspended.
    """
    bound = Binding.objects.filter(number_hash=number_hash(number), state=Binding.State.BOUND)
    found = bound.select_related("chip").first()
    if found is None:
        raise RecipientNotBoundError
    return found


def inbox(binding: Binding, *, after: bytes = b"") -> QuerySet[Message]:
    """Return what was written to a phone, oldest first; from behind one message on."""
    messages = Message.objects.filter(recipient=binding).select_related("sender__chip")
    if after:
        behind = Message.objects.filter(recipient=binding, uid=after).values("pk")[:1]
        messages = messages.filter(pk__gt=Subquery(behind))
    return messages.order_by("pk")


def chip_count() -> int:
    """Return how many chips are listed."""
    return Chip.objects.count()
