"""What ends an authorization: approved, rejected, or over.  Each happens once, and is signed."""

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts.services import tell_holder
from audit.services import record
from billing.ledger import errors as money_errors
from billing.ledger import services as ledger
from common.errors import DomainError
from notices.services import publish
from offline import errors
from offline.models import Authorization
from offline.selectors import code_of
from offline.services.limits import spend
from protocol import cose
from protocol.charge import Charge, Side
from protocol.jwk import to_base64
from protocol.keys import Purpose
from protocol.offline import APPROVED, Money, Outcome, Result, Serial, ToBeSigned
from protocol.receipt import identity
from signing.receipts import note_receipt
from signing.services import platform_information, signing_key

if TYPE_CHECKING:
    from accounts.models import Holder

_State = Authorization.State
_PAGE = "/offline/history"
_RECEIPT_ID_BYTES = 8
# Whatever refuses an authorization after it was asked for; a token's response has further ones.
_REFUSALS: dict[str, type[DomainError]] = {
    kind.code: kind
    for kind in (
        errors.UnknownClientError,
        errors.ServiceDeniedError,
        errors.LimitExceededError,
        errors.TbsExpiredError,
        errors.CountersignInvalidError,
        errors.LevelRequiredError,
        errors.OfflinePasswordLockedError,
        errors.OfflinePasswordNotSetError,
        money_errors.AccountFrozenError,
        money_errors.AmountInvalidError,
        money_errors.FundsInsufficientError,
        money_errors.OwnPayeeError,
    )
}


def conclude(found: Authorization, *, from_state: str, now: datetime) -> None:
    """Approve what is proved, with its payment and receipt; or reject it, when that is refused.

    In the caller's transaction, or one of its own.

    Args:
        found: With its client, relay and service; as it is stored afterwards.
        from_state: In which it waited for what proved it.
        now: Timezone-aware.

    Raises:
        AuthorizationWaitsError: it is no longer in that state.
        KeysMissingError: the platform cannot sign; nothing has changed.
    """
    with transaction.atomic():
        try:
            with transaction.atomic():
                approve(found, from_state=from_state, now=now)
        except DomainError as error:
            reject(found, error, from_state=from_state, now=now)


def approve(found: Authorization, *, from_state: str, now: datetime) -> None:
    """Approve what is proved, with its payment and receipt, in the caller's transaction.

    Raises:
        AuthorizationWaitsError: it is no longer in that state.
        LimitExceededError: it would pass a limit of the client.
        FundsInsufficientError, AccountFrozenError, OwnPayeeError: as the ledger says.
        KeysMissingError: the platform cannot sign.
    """
    paid = _pay(found, now)
    receipt = _receipt(found, now)
    receipt_id = identity(receipt)[:_RECEIPT_ID_BYTES]
    approved = {
        "state": _State.APPROVED,
        "payment": paid,
        "receipt": receipt,
        "receipt_id": receipt_id,
        "result": _result(found, APPROVED, now, receipt_id),
        "decided_at": now,
    }
    # Compare and set, with all that belongs to it: whoever comes second undoes what it did.
    if not _set(found, from_state, approved):
        raise errors.AuthorizationWaitsError
    note_receipt(receipt, now=now)
    actor = found.client.device.actor
    record(action="authorization.approved", actor=actor, subject=found.public_id, now=now)
    if paid is not None:
        tell_holder(found.client.device.holder, kind="offline_paid", page=_PAGE, now=now)
    _announce(found, now)


def reject(found: Authorization, error: DomainError, *, from_state: str, now: datetime) -> None:
    """End an authorization with what refused it; again changes nothing.

    Raises:
        DomainError: ``error``, when it is our own trouble: then it may be asked again.
    """
    if error.status >= 500:
        raise error
    is_over = isinstance(error, errors.TbsExpiredError)
    ended = {
        "state": _State.EXPIRED if is_over else _State.REJECTED,
        "reason": error.audit_code or error.code,
        "result": _result(found, error.code, now),
        "decided_at": now,
    }
    with transaction.atomic():
        if not _set(found, from_state, ended):
            return
        record(
            action=f"authorization.{ended['state']}",
            actor=found.client.device.actor,
            subject=found.public_id,
            now=now,
            code=found.reason,
        )
        _announce(found, now)


def refusal_of(found: Authorization) -> DomainError | None:
    """Return what refused an authorization, with its signed result; ``None`` when approved.

    Whoever asks again gets the same.

    Raises:
        AuthorizationWaitsError: it is not decided yet.
    """
    if found.result is None:
        raise errors.AuthorizationWaitsError
    code = code_of(found)
    if code == APPROVED:
        return None
    extra = {"result": to_base64(bytes(found.result))}
    kind = _REFUSALS.get(code)
    return kind(**extra) if kind else errors.AuthorizationRefusedError(code, **extra)


def money_of(found: Authorization) -> Money | None:
    """Return what is to be paid."""
    return None if found.amount is None else Money(found.amount, found.currency)


def digest(found: Authorization) -> bytes:
    """Return what the client signed for: SHA-256 of the tbs, or of the one-way code."""
    return hashlib.sha256(bytes(found.tbs or found.application)).digest()


def side(holder: "Holder") -> Side:
    """Return how signed messages name a holder."""
    return Side(holder.account, holder.name or None)


def _pay(found: Authorization, now: datetime) -> bytes | None:
    money = money_of(found)
    if money is None:
        return None
    spend(client=found.client, money=money, now=now)
    paid = ledger.pay(
        payer=found.client.device.holder,
        payee=found.service.owner,
        amount=money.amount,
        currency=money.currency,
        reference=found.public_id,
        key=f"offline:{found.public_id}",
        now=now,
    )
    return bytes(paid.uid)


def _receipt(found: Authorization, now: datetime) -> bytes:
    title, payee = _shown(found)
    charge = Charge(
        platform=platform_information(),
        # Client and counter: no two have both.
        uid=bytes(found.serial)[:8],
        way=found.way,
        payer=side(found.client.device.holder),
        payee=payee,
        text=title,
        amount=found.amount,
        currency=found.currency or None,
        digest=digest(found),
        captured=int(now.timestamp()),
    )
    return charge.sign(signing_key(Purpose.RECEIPT, now=now).key)


def _shown(found: Authorization) -> tuple[str, Side]:
    """Return title and payee as the client was shown them, should they be called otherwise now."""
    if found.tbs is None:
        return found.service.title, side(found.service.owner)
    due = ToBeSigned.from_signed(cose.parse(bytes(found.tbs)))
    return due.title, due.payee


def _result(found: Authorization, code: str, now: datetime, receipt: bytes | None = None) -> bytes:
    is_approved = code == APPROVED
    return Result(
        serial=Serial.from_bytes(bytes(found.serial)),
        device=bytes(found.relay.device.uid),
        service=bytes(found.service.uid),
        outcome=Outcome.APPROVED if is_approved else Outcome.REJECTED,
        code=code,
        money=money_of(found) if is_approved else None,
        decided=int(now.timestamp()),
        receipt=receipt,
    ).sign(signing_key(Purpose.OFFLINE, now=now).key)


def _set(found: Authorization, from_state: str, fields: dict[str, Any]) -> bool:
    """Store how it ends, if it is still in its state; the row in memory follows."""
    row = Authorization.objects.filter(pk=found.pk, state=from_state)
    if not row.update(**fields):
        return False
    for name, value in fields.items():
        setattr(found, name, value)
    return True


def _announce(found: Authorization, now: datetime) -> None:
    publish(
        f"authorization.{found.state}",
        {"authorization": found.public_id, "service": found.service.public_id},
        holders={found.client.device.holder_id, found.service.owner_id},
        now=now,
    )
