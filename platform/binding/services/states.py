"""Bind, suspend, resume and revoke phones; each change tells the holder by e-mail."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.services import tell_holder
from audit.services import record
from billing.ledger.services import check_payment_password
from binding.errors import AlreadyBoundError, BindingStateError, BindingSuspendedError
from binding.identifiers import number_hash
from binding.models import Binding, Device
from binding.selectors import binding_of_device
from binding.signals import device_removed

_State, _Reason = Binding.State, Binding.Reason
# What its holder may take back; the rest is for an operator to judge.
HOLDERS_OWN = (_Reason.MISMATCH, _Reason.REPORTED)


def bind(binding: Binding, *, actor: str, now: datetime) -> None:
    """Let a proved phone take the place of the one it replaces, or the first place.

    Raises:
        AlreadyBoundError: chip, SIM, number or device was bound meanwhile.
        BindingStateError: it does not wait any more.
    """
    try:
        with transaction.atomic():
            # First, so that the constraints find the place free.
            _make_room(binding.replaces, actor, now)
            waiting = Binding.objects.filter(pk=binding.pk, state=_State.PENDING_PROOF)
            if not waiting.update(state=_State.BOUND, bound_at=now):
                raise BindingStateError
            _record("binding.bound", binding, actor, now)
            tell(binding, "phone_bound", now)
    except IntegrityError as error:
        raise AlreadyBoundError from error


def _make_room(old: Binding | None, actor: str, now: datetime) -> None:
    if old is None:
        return
    held = Binding.objects.filter(pk=old.pk, state__in=Binding.HELD)
    if held.update(state=_State.REVOKED, reason=_Reason.REBOUND, ended_at=now):
        _record("binding.revoked", old, actor, now, _Reason.REBOUND)


def suspend(binding: Binding, *, reason: str, actor: str, now: datetime) -> bool:
    """Stop a bound phone, and tell its holder by e-mail; ``False`` when it was not bound."""
    with transaction.atomic():
        bound = Binding.objects.filter(pk=binding.pk, state=_State.BOUND)
        if not bound.update(state=_State.SUSPENDED, reason=reason):
            return False
        _record("binding.suspended", binding, actor, now, reason)
        tell(binding, "phone_stopped", now)
    return True


def report_stolen(binding: Binding, *, now: datetime) -> None:
    """Stop a phone because its holder says so.

    Raises:
        BindingStateError: it is not bound.
    """
    if not suspend(binding, reason=_Reason.REPORTED, actor=binding.holder.actor, now=now):
        raise BindingStateError


def resume_by_holder(binding: Binding, *, password: str, now: datetime) -> None:
    """Let a phone do again what it did, because its holder says so.

    Args:
        binding: Suspended after mismatches, or by its holder.
        password: The holder's payment password.
        now: Timezone-aware.

    Raises:
        BindingSuspendedError: an operator or the carrier stopped it: an operator has to look.
        BindingStateError: it is not suspended, or its device was removed.
        And as :func:`billing.ledger.services.check_payment_password`.
    """
    if binding.state == _State.SUSPENDED and binding.reason not in HOLDERS_OWN:
        raise BindingSuspendedError("Only an operator can let this phone go on.")
    check_payment_password(holder=binding.holder, password=password, now=now)
    resume(binding, actor=binding.holder.actor, now=now)


def resume(binding: Binding, *, actor: str, now: datetime) -> None:
    """Let a suspended phone do again what it did.

    Raises:
        BindingStateError: it is not suspended, or its device was removed.
    """
    with transaction.atomic():
        suspended = Binding.objects.filter(
            pk=binding.pk, state=_State.SUSPENDED, device__removed_at=None
        ).values_list("pk", flat=True)
        resumed = Binding.objects.filter(pk__in=list(suspended), state=_State.SUSPENDED)
        if not resumed.update(state=_State.BOUND, reason="", mismatches=0):
            raise BindingStateError
        _record("binding.resumed", binding, actor, now)
        tell(binding, "phone_released", now)


def revoke(binding: Binding, *, reason: str, actor: str, now: datetime) -> None:
    """End a phone's binding for good, or refuse one that waits.

    Raises:
        BindingStateError: it has ended already.
    """
    with transaction.atomic():
        standing = Binding.objects.filter(pk=binding.pk).exclude(state=_State.REVOKED)
        if not standing.update(state=_State.REVOKED, reason=reason, ended_at=now):
            raise BindingStateError
        _record("binding.revoked", binding, actor, now, reason)
        tell(binding, "phone_stopped", now)


def suspend_by_operator(binding: Binding, *, actor: str, now: datetime) -> None:
    """Stop a phone because an operator says so.

    Raises:
        BindingStateError: it is not bound.
    """
    if not suspend(binding, reason=_Reason.OPERATOR, actor=actor, now=now):
        raise BindingStateError


def revoke_by_operator(binding: Binding, *, actor: str, now: datetime) -> None:
    """End a phone because an operator says so; errors as :func:`revoke`."""
    revoke(binding, reason=_Reason.OPERATOR, actor=actor, now=now)


def end_by_holder(binding: Binding, *, now: datetime) -> None:
    """End a phone, or refuse one that waits, because its holder says so.

    Raises:
        BindingSuspendedError: an operator stopped it.
        BindingStateError: it has ended already.
    """
    if binding.is_for_operators:
        raise BindingSuspendedError("Only an operator can do something about this phone.")
    revoke(binding, reason=_Reason.REPORTED, actor=binding.holder.actor, now=now)


def note_swap(*, number: str, actor: str, now: datetime) -> bool:
    """Take a carrier's word that a number has another SIM; tell whether a phone was stopped."""
    bound = Binding.objects.filter(number_hash=number_hash(number), state=_State.BOUND)
    found = bound.select_related("holder__user").first()
    return found is not None and suspend(found, reason=_Reason.SIM_SWAP, actor=actor, now=now)


def tell(binding: Binding, kind: str, now: datetime) -> None:
    """Tell the holder in the inbox and by e-mail, which is not the phone's own channel."""
    tell_holder(binding.holder, kind=kind, page=f"/phones/{binding.public_id}", now=now)


def _record(action: str, binding: Binding, actor: str, now: datetime, code: str = "") -> None:
    record(action=action, actor=actor, subject=binding.public_id, now=now, code=code)


def _stop_removed(*, device: Device, now: datetime, **_: Any) -> None:
    """Stop the phone whose device was removed; what waits with it comes to nothing."""
    held = binding_of_device(device)
    if held is not None:
        suspend(held, reason=_Reason.DEVICE_REMOVED, actor="system", now=now)
    waiting = Binding.objects.filter(device=device, state=_State.PENDING_PROOF)
    waiting.update(state=_State.REVOKED, reason=_Reason.DEVICE_REMOVED, ended_at=now)


device_removed.connect(_stop_removed, dispatch_uid="binding.stop_removed")
