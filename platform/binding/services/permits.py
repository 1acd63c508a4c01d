"""Leave for one use: given to a phone that shows all three identifiers, and used up once."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from audit.services import record
from binding.errors import (
    BindingRefusedError,
    BindingSuspendedError,
    NotBoundError,
    PermitRequiredError,
)
from binding.identifiers import Identifiers
from binding.models import Binding, ChipChallenge, Device, Permit
from binding.selectors import binding_of_device, bound_with_other_chip
from binding.services.chips import take_chip_proof
from binding.services.states import suspend
from binding.services.swaps import require_not_swapped
from common.errors import DomainError
from enrolment.selectors import policy
from protocol import binding as protocol
from protocol.binding import PERMIT_BYTES, Purpose
from protocol.errors import ProtocolError
from protocol.jwk import from_base64
from protocol.keys import Purpose as KeyPurpose
from signing.services import signing_key

if TYPE_CHECKING:
    from accounts.models import Holder

PERMIT_LIFE = timedelta(seconds=60)
MAX_MISMATCHES = 3


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A permit, shown this once.

    Attributes:
        permit: 16 bytes.
        signed: COSE cs-permit, for the phone to check.
        expires_at: End of its minute.
    """

    permit: bytes
    signed: bytes
    expires_at: datetime


def issue_permit(
    *, device: Device, purpose: Purpose, identifiers: Identifiers, chip_proof: bytes, now: datetime
) -> Issued:
    """Check that chip, SIM and number are those that are bound, and give leave for one use.

    Raises:
        NotBoundError: the device is not bound to anything.
        BindingSuspendedError: it is stopped.
        ChipProofInvalidError, ChipCounterReplayError: the chip did not sign this.
        BindingRefusedError: one of the three is another; the third time in a row it is stopped.
        SimRecentlySwappedError, CarrierUnavailableError: the SIM is new, or nobody knows.
    """
    binding = binding_of_device(device)
    if binding is not None and not binding.is_bound:
        raise BindingSuspendedError
    try:
        take_chip_proof(
            device=device,
            identifiers=identifiers,
            purpose=purpose,
            message=chip_proof,
            now=now,
        )
    except DomainError as error:
        if binding is None:
            raise NotBoundError from error
        raise
    if binding is None:
        _stop_stolen(identifiers, device.actor, now)
        raise NotBoundError
    if reasons := mismatches(binding, identifiers):
        _note_mismatch(binding, reasons, device.actor, now)
        _stop_stolen(identifiers, device.actor, now)
        raise BindingRefusedError
    require_not_swapped(
        number=identifiers.number, since=binding.created_at, actor=device.actor, now=now
    )
    return _issued(binding, purpose, now)


def permit_if_policy_asks(
    *,
    holder: "Holder",
    purpose: Purpose,
    permit: str | None,
    now: datetime,
    device: Device | None = None,
) -> int | None:
    """Use up a permit where the policy wants one; as :func:`require_permit`."""
    if purpose not in policy().permits:
        return None
    return require_permit(holder=holder, purpose=purpose, permit=permit, now=now, device=device)


def require_permit(
    *,
    holder: "Holder",
    purpose: Purpose,
    permit: str | None,
    now: datetime,
    device: Device | None = None,
) -> int:
    """Use up a permit, in the caller's transaction where there is one.

    Args:
        holder: Whose phone has it.
        purpose: What it has to be for.
        permit: Base64url, as the header ``Permit`` has it; ``None`` for any fresh one.
        now: Timezone-aware.
        device: Of which device alone; ``None`` for any of the holder.

    Returns:
        Its number, for :func:`give_back`.

    Raises:
        PermitRequiredError: there is none, it is over, or it was used.
    """
    fresh = Permit.objects.filter(
        binding__holder=holder,
        binding__state=Binding.State.BOUND,
        purpose=purpose,
        used_at=None,
        expires_at__gt=now,
    )
    if device is not None:
        fresh = fresh.filter(binding__device=device)
    if permit is not None:
        fresh = fresh.filter(permit_hash=_named(permit))
    # Compare and set: of two who look at one permit, one gets it.
    for pk in fresh.order_by("pk").values_list("pk", flat=True):
        if Permit.objects.filter(pk=pk, used_at=None).update(used_at=now):
            return pk
    raise PermitRequiredError


def give_back(used: int | None) -> None:
    """Undo the use of a permit by what was refused unlooked-at; ``None`` is no permit."""
    if used is not None:
        Permit.objects.filter(pk=used).update(used_at=None)


def forget_old_permits(*, now: datetime) -> None:
    """Delete permits and challenges that nobody can use any more."""
    Permit.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()
    ChipChallenge.objects.filter(expires_at__lt=now).delete()


def mismatches(binding: Binding, identifiers: Identifiers) -> list[str]:
    """Say which of the three are not those that are bound; none is left out of the comparison."""
    pairs = {
        "bind_chip_mismatch": (binding.chip.serial_hash, identifiers.chip_hash),
        "bind_sim_mismatch": (binding.sim_hash, identifiers.sim_hash),
        "bind_number_mismatch": (binding.number_hash, identifiers.number_hash),
    }
    return [
        reason
        for reason, (bound, seen) in pairs.items()
        if not hmac.compare_digest(bytes(bound), seen)
    ]


def _note_mismatch(binding: Binding, reasons: list[str], actor: str, now: datetime) -> None:
    """Count a mismatch, with its reasons for the audit alone; the third in a row stops."""
    with transaction.atomic():
        bound = Binding.objects.filter(pk=binding.pk, state=Binding.State.BOUND)
        bound.update(mismatches=F("mismatches") + 1)
        for reason in reasons:
            record(
                action="binding.mismatch",
                actor=actor,
                subject=binding.public_id,
                now=now,
                code=reason,
            )
        if bound.filter(mismatches__gte=MAX_MISMATCHES).exists():
            suspend(binding, reason=Binding.Reason.MISMATCH, actor=actor, now=now)


def _stop_stolen(identifiers: Identifiers, actor: str, now: datetime) -> None:
    """Stop whose SIM this is, when another chip than theirs vouches for it."""
    stolen = bound_with_other_chip(identifiers)
    if stolen is not None:
        suspend(stolen, reason=Binding.Reason.MISMATCH, actor=actor, now=now)


def _issued(binding: Binding, purpose: Purpose, now: datetime) -> Issued:
    permit = secrets.token_bytes(PERMIT_BYTES)
    issued = int(now.timestamp())
    signed = protocol.Permit(
        permit=permit,
        device=bytes(binding.device.thumbprint),
        purpose=purpose,
        issued=issued,
        expires=issued + int(PERMIT_LIFE.total_seconds()),
    ).sign(signing_key(KeyPurpose.PERMIT, now=now).key)
    with transaction.atomic():
        # Whoever was suspended meanwhile gets none.
        still = Binding.objects.filter(pk=binding.pk, state=Binding.State.BOUND)
        if not still.update(mismatches=0):
            raise BindingSuspendedError
        row = Permit.objects.create(
            permit_hash=_digest(permit),
            binding=binding,
            purpose=purpose,
            issued_at=now,
            expires_at=now + PERMIT_LIFE,
        )
    return Issued(permit, signed, row.expires_at)


def _named(permit: str) -> bytes:
    try:
        return _digest(from_base64(permit))
    except (ProtocolError, ValueError) as error:
        raise PermitRequiredError from error


def _digest(permit: bytes) -> bytes:
    return hashlib.sha256(permit).digest()
