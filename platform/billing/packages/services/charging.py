"""What ends a billing request: charged, refused, or paid back.  Each happens once."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.services import tell_holder
from audit.services import record
from billing.ledger import services as ledger
from billing.packages.errors import NotCapturedError, RequestClosedError, RequestExpiredError
from billing.packages.models import BillingRequest
from billing.packages.selectors import require_on_sale
from billing.packages.selectors_requests import open_requests, request_with_all
from billing.packages.services import send
from billing.packages.services.caps import spend
from billing.packages.services.receipts import make_receipt
from common.errors import DomainError
from notices.services import publish
from protocol.receipt import identity
from signing.receipts import note_receipt

if TYPE_CHECKING:
    from accounts.models import Holder

_State = BillingRequest.State


def capture(request_pk: int, *, from_state: str, now: datetime) -> BillingRequest:
    """Charge a request that is proved, in one transaction with its receipt; once, whoever asks.

    Args:
        request_pk: Of the request.
        from_state: In which it waited for what proved it.
        now: Timezone-aware.

    Returns:
        The request, charged.

    Raises:
        RequestClosedError: it is not, or no longer, in that state.
        RequestExpiredError: the time to prove it is over.
        BuildRevokedError, PackageUnknownError: it is not on sale any more.
        CapExceededError: it would pass the payer's limits.
        FundsInsufficientError, AccountFrozenError, OwnPayeeError: as the ledger says.
        KeysMissingError: the platform cannot sign a receipt.
    """
    request = request_with_all(request_pk)
    if request.state != from_state:
        raise RequestClosedError
    if request.expires_at <= now:
        raise RequestExpiredError
    require_on_sale(request.item.build)
    with transaction.atomic():
        _charge(request, from_state, now)
    return request


def refund_charge(request: BillingRequest, *, by: "Holder", now: datetime) -> BillingRequest:
    """Pay a charge back in full, once; spending limits are not given back.

    Args:
        request: Charged.
        by: Who was paid, or an operator.
        now: Timezone-aware.

    Raises:
        NotCapturedError: it was not charged, or is paid back already.
        FundsInsufficientError: the developer's earnings are gone.
    """
    developer = request.item.build.package.developer
    actor = by.actor if by.pk == developer.pk else by.operator_actor
    row = BillingRequest.objects.filter(pk=request.pk, state=_State.CAPTURED)
    with transaction.atomic():
        # Compare and set: of two who pay back, one does.
        if request.payment is None or not row.update(state=_State.REFUNDED, ended_at=now):
            raise NotCapturedError
        ledger.refund(bytes(request.payment), amount=request.amount, key=_key(request), now=now)
        record(action="charge.refunded", actor=actor, subject=request.public_id, now=now)
        tell_holder(request.payer, kind="charge_refunded", page=_page(request), now=now)
        _announce("charge.refunded", request, now)
    request.state, request.ended_at = _State.REFUNDED, now
    return request


def reject(request: BillingRequest, error: DomainError, now: datetime) -> bool:
    """End a request that cannot be charged; tell whether it was still in its state.

    Raises:
        DomainError: ``error``, when it is our own trouble.
    """
    require_refusal(error)
    ended = {"state": _State.REJECTED, "reason": reason_of(error), "ended_at": now}
    row = open_requests().filter(pk=request.pk)
    with transaction.atomic():
        if not row.update(**ended):
            return False
        for field, value in ended.items():
            setattr(request, field, value)
        note_rejection(request, now)
    return True


def note_rejection(request: BillingRequest, now: datetime) -> None:
    """Leave the precise reason, which nobody outside is told, in the audit trail."""
    record(
        action="charge.rejected",
        actor=request.terminal.device.actor,
        subject=request.public_id,
        now=now,
        code=request.reason,
    )


def reason_of(error: DomainError) -> str:
    """Return why something is refused, more precisely than its code, where that is known."""
    return str(getattr(error, "reason", error.code))


def require_refusal(error: DomainError) -> None:
    """Tell a refusal from trouble of our own, after which the same may be tried again.

    Raises:
        DomainError: ``error``, of our own trouble.
    """
    if error.status >= 500:
        raise error


def _charge(request: BillingRequest, from_state: str, now: datetime) -> None:
    spend(
        holder=request.payer,
        currency=request.currency,
        amount=request.amount,
        item=request.item,
        now=now,
    )
    paid = ledger.pay(
        payer=request.payer,
        payee=request.item.build.package.developer,
        amount=request.amount,
        currency=request.currency,
        reference=request.public_id,
        key=_key(request),
        now=now,
    )
    receipt = make_receipt(request, now=now)
    charged = {
        "state": _State.CAPTURED,
        "payment": bytes(paid.uid),
        "receipt": receipt,
        "receipt_id": identity(receipt),
        "captured_at": now,
    }
    # Compare and set, with all that belongs to it: whoever comes second undoes what it did.
    row = BillingRequest.objects.filter(pk=request.pk, state=from_state, expires_at__gt=now)
    if not row.update(**charged):
        raise RequestClosedError
    note_receipt(receipt, now=now)
    for field, value in charged.items():
        setattr(request, field, value)
    actor = request.terminal.device.actor
    record(action="charge.captured", actor=actor, subject=request.public_id, now=now)
    tell_holder(request.payer, kind="charged", page=_page(request), now=now)
    _announce("charge.captured", request, now)
    send.confirm(request, now)


def _key(request: BillingRequest) -> str:
    return f"charge:{request.public_id}"


def _page(request: BillingRequest) -> str:
    return f"/charges/{request.public_id}"


def _announce(event: str, request: BillingRequest, now: datetime) -> None:
    package = request.item.build.package
    publish(
        event,
        {"request": request.public_id, "package": package.public_id},
        holders={request.payer_id, package.developer_id},
        now=now,
    )
