"""Register a phone: what its hardware says is checked, and the number has to be proved."""

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from accounts.selectors import in_language_of
from audit.services import record
from binding.errors import (
    AlreadyBoundError,
    BindingStateError,
    BindingSuspendedError,
    RegistrationNumberMismatchError,
    SmsCodeExpiredError,
    SmsCodeWrongError,
    TooManyTriesError,
)
from binding.identifiers import Identifiers, number_hash
from binding.models import Binding, Device, NumberProof
from binding.selectors import bound_with_other_chip, ended_like, held_like
from binding.services.chips import take_chip_proof
from binding.services.states import bind, suspend, tell
from binding.services.swaps import require_not_swapped
from common.errors import DomainError, NotFoundError
from common.numbers import normalise
from common.sealing import sealer
from notices.services import send_sms
from protocol.binding import Purpose

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import Holder

COOL_OFF = timedelta(hours=24)
CODE_LIFE = timedelta(minutes=5)
SENT_CODE_LIFE = timedelta(minutes=10)
MAX_TRIES = 5
# SMS cost money, and annoy whoever did not ask for them.
MAX_SMS_PER_HOUR = 3
MAX_PROOFS_PER_HOUR = 10
_TO_PHONE, _FROM_PHONE = NumberProof.Direction.TO_PHONE, NumberProof.Direction.FROM_PHONE
_State, _Reason = Binding.State, Binding.Reason


@dataclass(frozen=True, slots=True, repr=False)
class Registered:
    """A phone that waits for the proof of its number.

    Attributes:
        binding: The phone.
        text: What it has to send by SMS; empty when it gets a code instead.
    """

    binding: Binding
    text: str = ""


def register(
    *,
    device: Device,
    registration_number: str,
    identifiers: Identifiers,
    direction: str,
    chip_proof: bytes,
    now: datetime,
) -> Registered:
    """Begin to bind the SIM of a number to this device and its chip.

    Args:
        device: Who asks; its key is proved.
        registration_number: As somebody typed it.
        identifiers: As the phone read them.
        direction: ``to_phone``: a code is sent there; ``from_phone``: it sends one.
        chip_proof: COSE cs-chip-proof, for the purpose ``register``.
        now: Timezone-aware.

    Raises:
        RegistrationNumberMismatchError: what was typed is another number.
        ChipProofInvalidError, ChipCounterReplayError: the chip did not sign this.
        AlreadyBoundError: one of them is bound, and this is not for the caller to change.
        BindingSuspendedError: an operator stopped what it would replace.
        SimRecentlySwappedError, CarrierUnavailableError: the SIM is too new, or nobody knows.
        TooManyTriesError: too many SMS to this number, or tries of this holder.
    """
    if normalise(registration_number) != identifiers.number:
        raise RegistrationNumberMismatchError
    chip = take_chip_proof(
        device=device,
        identifiers=identifiers,
        purpose=Purpose.REGISTER,
        message=chip_proof,
        now=now,
    )
    replaced = _replaced(device, identifiers, now)
    require_not_swapped(number=identifiers.number, actor=device.actor, now=now)
    _require_within_limits(device, identifiers, direction, now)
    binding = Binding(
        device=device,
        holder=device.holder,
        chip=chip,
        sim_hash=identifiers.sim_hash,
        number_hash=identifiers.number_hash,
        number_tail=identifiers.number[-4:],
        state=_State.PENDING_PROOF,
        replaces=replaced,
        created_at=now,
    )
    binding.sealed_number = sealer().seal(identifiers.number.encode(), number_context(binding))
    return _asked(binding, identifiers.number, direction, now)


def prove_number(*, device: Device, uid: bytes, code: str, now: datetime) -> Binding:
    """Take the code that was sent to the phone; with the right one it is bound, or may wait.

    Raises:
        NotFoundError: this device did not register that.
        BindingStateError: it is not the number that has to be proved now.
        SmsCodeWrongError: another code; the try is counted.
        SmsCodeExpiredError: too old, or tried five times.
        AlreadyBoundError: somebody else was first.
    """
    rows = Binding.objects.select_related("holder__user", "replaces")
    binding = rows.filter(uid=uid, device=device).first()
    if binding is None:
        raise NotFoundError
    if binding.state != _State.PENDING_PROOF or binding.proved_at is not None:
        raise BindingStateError
    proof = binding.proofs.filter(direction=_TO_PHONE).order_by("-pk").first()
    # Counted before it is compared: a crash costs a try and gives none away.
    if proof is None or not _open(proof, now).filter(tries__lt=MAX_TRIES).update(
        tries=F("tries") + 1
    ):
        raise SmsCodeExpiredError
    if not hmac.compare_digest(bytes(proof.code_hash), _code_hash(binding, code)):
        raise SmsCodeWrongError(tries_left=MAX_TRIES - 1 - proof.tries)
    _complete(binding, proof, device.actor, now)
    binding.refresh_from_db()
    return binding


def take_sent(*, sender: str, code: str, now: datetime) -> bool:
    """Take a code that came by SMS from a number; tell whether it proved that number."""
    rows = NumberProof.objects.select_related("binding__holder__user", "binding__replaces")
    waiting = rows.filter(
        binding__number_hash=number_hash(sender),
        binding__state=_State.PENDING_PROOF,
        binding__proved_at=None,
        direction=_FROM_PHONE,
    )
    for proof in waiting.order_by("-pk")[:MAX_PROOFS_PER_HOUR]:
        if hmac.compare_digest(bytes(proof.code_hash), _code_hash(proof.binding, code)):
            return _is_completed(proof, now)
    return False


def end_overdue_registrations(*, now: datetime) -> int:
    """End what was never proved, or never agreed to within a week; return how many."""
    waiting = Binding.objects.filter(state=_State.PENDING_PROOF)
    never_proved = waiting.filter(proved_at=None, created_at__lt=now - 2 * SENT_CODE_LIFE)
    never_agreed = waiting.filter(may_bind_at__lt=now - timedelta(days=7))
    return sum(
        rows.update(state=_State.REVOKED, reason=_Reason.NOT_PROVED, ended_at=now)
        for rows in (never_proved, never_agreed)
    )


def number_of(binding: Binding) -> str:
    """Return a phone's number, E.164."""
    return sealer().open(bytes(binding.sealed_number), number_context(binding)).decode()


def number_context(binding: Binding) -> bytes:
    """Return what a phone's number is sealed with."""
    return b"number " + bytes(binding.uid)


def _replaced(device: Device, identifiers: Identifiers, now: datetime) -> Binding | None:
    """Return which phone of the same holder this one is to replace, if any.

    Raises:
        AlreadyBoundError: it is another holder's; or two; or this is bound just so.
        BindingSuspendedError: an operator stopped it.
    """
    held = held_like(identifiers, device)
    if not held:
        # To end it first, and bind anew at once, would go round the cool-off.
        return ended_like(identifiers, device, since=now - COOL_OFF)
    stolen = bound_with_other_chip(identifiers)
    if stolen is not None and stolen.holder_id != device.holder_id:
        suspend(stolen, reason=_Reason.MISMATCH, actor=device.actor, now=now)
    (first, *others) = held
    if others or first.holder_id != device.holder_id or _is_same(first, device, identifiers):
        raise AlreadyBoundError
    if first.is_for_operators:
        raise BindingSuspendedError("Only an operator can let this phone go on.")
    return first


def _is_same(bound: Binding, device: Device, identifiers: Identifiers) -> bool:
    return (
        bound.device_id == device.pk
        and bytes(bound.chip.serial_hash) == identifiers.chip_hash
        and bytes(bound.sim_hash) == identifiers.sim_hash
        and bytes(bound.number_hash) == identifiers.number_hash
    )


def _require_within_limits(
    device: Device, identifiers: Identifiers, direction: str, now: datetime
) -> None:
    recent = NumberProof.objects.filter(created_at__gt=now - timedelta(hours=1))
    sms = recent.filter(direction=_TO_PHONE, binding__number_hash=identifiers.number_hash)
    is_too_many = direction == _TO_PHONE and sms.count() >= MAX_SMS_PER_HOUR
    if is_too_many or recent.filter(binding__holder=device.holder).count() >= MAX_PROOFS_PER_HOUR:
        raise TooManyTriesError(retry_after=3600)


def _asked(binding: Binding, number: str, direction: str, now: datetime) -> Registered:
    """Store a registration, and send the code or say which one to send."""
    to_phone = direction == _TO_PHONE
    code = f"{secrets.randbelow(10**6):06}" if to_phone else _long_code()
    expires_at = now + (CODE_LIFE if to_phone else SENT_CODE_LIFE)
    with transaction.atomic():
        earlier = Binding.objects.filter(device=binding.device, state=_State.PENDING_PROOF)
        earlier.update(state=_State.REVOKED, reason=_Reason.NOT_PROVED, ended_at=now)
        binding.save()
        binding.proofs.create(
            direction=direction,
            code_hash=_code_hash(binding, code),
            created_at=now,
            expires_at=expires_at,
        )
        record(
            action="binding.registered",
            actor=binding.device.actor,
            subject=binding.public_id,
            now=now,
        )
        if to_phone:
            text = _words(code, binding.holder)
            send_sms(
                number=number, text=text, purpose="number_proof", expires_at=expires_at, now=now
            )
    return Registered(binding, "" if to_phone else f"CS {code}")


def _words(code: str, holder: "Holder") -> str:
    with in_language_of(holder):
        words = gettext(
            "%(code)s binds this phone to an account at %(platform)s. If you did not ask for it, "
            "tell it to nobody."
        )
    return words % {"code": code, "platform": settings.COUNTERSIGN_PLATFORM_NAME}


def _complete(binding: Binding, proof: NumberProof, actor: str, now: datetime) -> None:
    """Use a proof of the number: bind the phone, or let the one it replaces agree first."""
    with transaction.atomic():
        if not _open(proof, now).update(used_at=now):
            raise SmsCodeExpiredError
        waiting = Binding.objects.filter(pk=binding.pk, state=_State.PENDING_PROOF, proved_at=None)
        if binding.replaces_id is None:
            waiting.update(proved_at=now)
            bind(binding, actor=actor, now=now)
            return
        if not waiting.update(proved_at=now, may_bind_at=now + COOL_OFF):
            raise BindingStateError
        record(action="binding.proved", actor=actor, subject=binding.public_id, now=now)
        tell(binding, "phone_waits", now)


def _is_completed(proof: NumberProof, now: datetime) -> bool:
    try:
        _complete(proof.binding, proof, "system", now)
    except DomainError as error:
        subject = proof.binding.public_id
        record(action="binding.refused", actor="system", subject=subject, now=now, code=error.code)
        return False
    return True


def _open(proof: NumberProof, now: datetime) -> "QuerySet[NumberProof]":
    return NumberProof.objects.filter(pk=proof.pk, used_at=None, expires_at__gt=now)


def _long_code() -> str:
    """Return 80 bits in 16 letters and digits: nobody guesses it."""
    return base64.b32encode(secrets.token_bytes(10)).decode()


def _code_hash(binding: Binding, code: str) -> bytes:
    return sealer().keyed_hash("number-proof", bytes(binding.uid) + code.encode())
