"""Endpoints of wallets and payments."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status

from accounts.security import HOLDER_AUTH, caller
from billing.ledger import selectors, services
from billing.ledger.errors import NotThePayeeError
from billing.ledger.providers import provider
from billing.ledger.schemas import (
    AmountIn,
    EntryOut,
    MovementOut,
    NewPasswordIn,
    PaymentOut,
    PayoutIn,
    RefundIn,
    RowNumber,
    WalletOut,
)
from common.idempotency import request_key
from common.schemas import Hex8

router = Router(auth=HOLDER_AUTH, tags=["wallet"])

_LINES = 100


class EntriesOut(Schema):
    """Some lines; ``older`` is what ``before`` is for the next ones, null at the end."""

    items: list[EntryOut]
    older: int | None


@router.get("/wallet", response=WalletOut)
def show_wallet(request: HttpRequest) -> WalletOut:
    """Return what the caller has, by currency."""
    holder = caller(request)
    return WalletOut.of(
        selectors.money_of(holder.pk),
        is_play_money=provider().is_play_money,
        is_frozen=selectors.is_frozen(holder.pk),
        has_payment_password=selectors.has_payment_password(holder.pk),
    )


@router.get("/wallet/entries", response=EntriesOut)
def list_entries(request: HttpRequest, before: RowNumber | None = None) -> EntriesOut:
    """Return the caller's statement, newest first."""
    entries = selectors.statement(caller(request).pk)
    if before is not None:
        entries = entries.filter(pk__lt=before)
    found = list(entries[: _LINES + 1])
    older = found[_LINES - 1].pk if len(found) > _LINES else None
    items = [EntryOut.of(line) for line in selectors.lines(found[:_LINES])]
    return EntriesOut(items=items, older=older)


@router.post("/wallet/top-ups", response={201: MovementOut})
def top_up(request: HttpRequest, body: AmountIn) -> Status[MovementOut]:
    """Bring money into the caller's wallet."""
    movement = services.top_up(
        holder=caller(request),
        amount=body.amount,
        currency=body.currency,
        key=request_key(request),
        now=timezone.now(),
    )
    return Status(201, MovementOut.of(movement))


@router.post("/wallet/payouts", response={201: MovementOut})
def pay_out(request: HttpRequest, body: PayoutIn) -> Status[MovementOut]:
    """Pay the caller's money out: earnings first, then the wallet."""
    holder, now = caller(request), timezone.now()
    services.check_payment_password(holder=holder, password=body.payment_password, now=now)
    movement = services.pay_out(
        holder=holder,
        amount=body.amount,
        currency=body.currency,
        key=request_key(request),
        now=now,
    )
    return Status(201, MovementOut.of(movement))


@router.post("/wallet/payment-password", response={204: None})
def set_payment_password(request: HttpRequest, body: NewPasswordIn) -> Status[None]:
    """Set or change the payment password."""
    services.change_payment_password(
        holder=caller(request), current=body.current, password=body.password, now=timezone.now()
    )
    return Status(204, None)


@router.get("/payments/{uid}", response=PaymentOut)
def show_payment(request: HttpRequest, uid: Hex8) -> PaymentOut:
    """Return a payment; for its two parties."""
    return PaymentOut.of(selectors.payment_of(bytes.fromhex(uid), holder=caller(request)))


@router.post("/payments/{uid}/refunds", response={201: PaymentOut})
def refund(request: HttpRequest, uid: Hex8, body: RefundIn) -> Status[PaymentOut]:
    """Give money of a payment back; for its payee."""
    payment = selectors.payment_of(bytes.fromhex(uid), holder=caller(request))
    if payment.payee_id != caller(request).pk:
        raise NotThePayeeError
    refunded = services.refund(
        bytes(payment.uid), amount=body.amount, key=request_key(request), now=timezone.now()
    )
    return Status(201, PaymentOut.of(refunded))
