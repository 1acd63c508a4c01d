"""Payments between holders: held, captured or released, refunded."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from audit.services import record
from billing.ledger.errors import (
    LedgerKeyReusedError,
    OwnPayeeError,
    PaymentNotCapturedError,
    PaymentNotHeldError,
    RefundExceedsError,
)
from billing.ledger.models import Journal, LedgerAccount, Payment
from billing.ledger.selectors import payment as find_payment
from billing.ledger.services.journals import account_of, book, lock, require_amount, scoped_key
from billing.ledger.services.wallets import require_not_frozen
from common.ids import new_uid

if TYPE_CHECKING:
    from accounts.models import Holder

_Kind = LedgerAccount.Kind


def hold(
    *,
    payer: "Holder",
    payee: "Holder",
    amount: int,
    currency: str,
    reference: str,
    key: str,
    now: datetime,
) -> Payment:
    """Set money of the payer's wallet aside for the payee.

    Args:
        payer: Whose wallet.
        payee: Who gets it when it is captured.
        amount: Minor units.
        currency: ISO 4217.
        reference: Public id of what is paid, at most 40 characters.
        key: The caller's own, once for each payer; a repetition returns the first payment.
        now: Timezone-aware.

    Raises:
        AmountInvalidError, OwnPayeeError: as they say.
        AccountFrozenError: the payer's wallet is frozen.
        FundsInsufficientError: the wallet holds less.
        LedgerKeyReusedError: the key named another payment before.
    """
    require_amount(amount, currency)
    if payer.pk == payee.pk:
        raise OwnPayeeError
    asked = Payment(
        payer=payer,
        payee=payee,
        amount=amount,
        currency=currency,
        reference=reference,
        state=Payment.State.HELD,
        created_at=now,
    )
    with transaction.atomic():
        return _hold_once(asked, scoped_key("hold", payer, key), now)


def pay(
    *,
    payer: "Holder",
    payee: "Holder",
    amount: int,
    currency: str,
    reference: str,
    key: str,
    now: datetime,
) -> Payment:
    """Pay at once: :func:`hold` and :func:`capture`, in one transaction.

    Raises:
        As :func:`hold`, and PaymentNotHeldError when the key's payment was released before.
    """
    with transaction.atomic():
        held = hold(
            payer=payer,
            payee=payee,
            amount=amount,
            currency=currency,
            reference=reference,
            key=key,
            now=now,
        )
        return capture(bytes(held.uid), now=now)


def capture(payment_uid: bytes, *, now: datetime) -> Payment:
    """Give held money to the payee; again changes nothing.

    Raises:
        NotFoundError: there is no such payment.
        PaymentNotHeldError: it was released.
    """
    return _end(payment_uid, Payment.State.CAPTURED, now)


def release(payment_uid: bytes, *, now: datetime) -> Payment:
    """Give held money back to the payer; again changes nothing.

    Raises:
        NotFoundError: there is no such payment.
        PaymentNotHeldError: it was captured.
    """
    return _end(payment_uid, Payment.State.RELEASED, now)


def refund(payment_uid: bytes, *, amount: int, key: str, now: datetime) -> Payment:
    """Give captured money back, from the payee's earnings to the payer's wallet.

    Args:
        payment_uid: Public id.
        amount: Minor units; several refunds together never pass what was captured.
        key: The caller's own, once for each payee; a repetition changes nothing.
        now: Timezone-aware.

    Raises:
        NotFoundError, AmountInvalidError: as they say.
        PaymentNotCapturedError: nothing was captured.
        RefundExceedsError: all refunds together would pass the capture.
        FundsInsufficientError: the payee's earnings are gone.
        LedgerKeyReusedError: the key named another refund before.
    """
    paid = find_payment(payment_uid)
    require_amount(amount, paid.currency)
    stored_key = scoped_key("refund", paid.payee, key)
    with transaction.atomic():
        # Locks the payment: whoever repeats this waits here, and finds the journal then.
        Payment.objects.select_for_update().get(pk=paid.pk)
        earlier = Journal.objects.filter(idempotency_key=stored_key).first()
        if earlier is not None:
            _require_same_refund(earlier, paid, amount)
        else:
            _refund(paid, amount, stored_key, now)
    paid.refresh_from_db()
    return paid


def _hold_once(asked: Payment, key: str, now: datetime) -> Payment:
    earlier = _payment_of(key)
    if earlier is None:
        wallet = account_of(asked.payer, _Kind.WALLET, asked.currency)
        held = account_of(asked.payer, _Kind.HELD, asked.currency)
        earnings = account_of(asked.payee, _Kind.EARNINGS, asked.currency)
        lock(wallet, held, earnings)
        # Whoever held the locks before may have been this very request.
        earlier = _payment_of(key)
        if earlier is None:
            require_not_frozen(asked.payer)
            asked.uid = new_uid()
            book(
                kind=Journal.Kind.HOLD,
                key=key,
                reference=asked.uid,
                changes={wallet: -asked.amount, held: asked.amount},
                now=now,
            )
            asked.save()
            _record("payment.held", asked, now)
            return asked
    fields = ("payer_id", "payee_id", "amount", "currency", "reference")
    if any(getattr(earlier, field) != getattr(asked, field) for field in fields):
        raise LedgerKeyReusedError
    return earlier


def _payment_of(key: str) -> Payment | None:
    journal = Journal.objects.filter(idempotency_key=key).first()
    return find_payment(bytes.fromhex(journal.reference)) if journal else None


def _end(payment_uid: bytes, state: Payment.State, now: datetime) -> Payment:
    paid = find_payment(payment_uid)
    with transaction.atomic():
        captured_at = now if state == Payment.State.CAPTURED else None
        row = Payment.objects.filter(pk=paid.pk)
        # Compare and set: held money ends once.
        is_ours = row.filter(state=Payment.State.HELD).update(state=state, captured_at=captured_at)
        if is_ours:
            _move_held(paid, state, now)
    paid.refresh_from_db()
    if paid.state != state:
        raise PaymentNotHeldError
    return paid


def _move_held(paid: Payment, state: Payment.State, now: datetime) -> None:
    is_captured = state == Payment.State.CAPTURED
    kind = Journal.Kind.CAPTURE if is_captured else Journal.Kind.RELEASE
    held = account_of(paid.payer, _Kind.HELD, paid.currency)
    goal = (
        account_of(paid.payee, _Kind.EARNINGS, paid.currency)
        if is_captured
        else account_of(paid.payer, _Kind.WALLET, paid.currency)
    )
    uid = bytes(paid.uid)
    book(
        kind=kind,
        key=f"{kind}:{uid.hex()}",
        reference=uid,
        changes={held: -paid.amount, goal: paid.amount},
        now=now,
    )
    _record(f"payment.{state}", paid, now)


def _refund(paid: Payment, amount: int, key: str, now: datetime) -> None:
    if paid.state != Payment.State.CAPTURED:
        raise PaymentNotCapturedError
    row = Payment.objects.filter(pk=paid.pk, state=Payment.State.CAPTURED)
    # Compare and set: of refunds that do not fit together, one is made.
    if not row.filter(refunded__lte=F("amount") - amount).update(refunded=F("refunded") + amount):
        raise RefundExceedsError
    earnings = account_of(paid.payee, _Kind.EARNINGS, paid.currency)
    wallet = account_of(paid.payer, _Kind.WALLET, paid.currency)
    book(
        kind=Journal.Kind.REFUND,
        key=key,
        reference=bytes(paid.uid),
        changes={earnings: -amount, wallet: amount},
        now=now,
    )
    _record("payment.refunded", paid, now)


def _require_same_refund(earlier: Journal, paid: Payment, amount: int) -> None:
    is_same = earlier.reference == bytes(paid.uid).hex()
    if not is_same or not earlier.entries.filter(amount=amount).exists():
        raise LedgerKeyReusedError


def _record(action: str, paid: Payment, now: datetime) -> None:
    record(action=action, actor=paid.payer.actor, subject=bytes(paid.uid).hex(), now=now)
