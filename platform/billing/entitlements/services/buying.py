"""Buy what an offer gives: from the wallet at once, or by a token as a step of a chain."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Q

from billing.entitlements.errors import (
    AlreadyOwnedError,
    OfferEndedError,
    OwnResourceError,
    PurchaseKeyReusedError,
    PurchaseNotPendingError,
)
from billing.entitlements.models import Entitlement, Offer, Purchase, Resource
from billing.entitlements.selectors import LIVING, offer_by_uid, purchase_by_uid, purchase_of
from billing.entitlements.services.settle import cancel, expiry, first_step, tell_of_payment
from billing.ledger import services as ledger
from common.errors import DomainError, InputInvalidError
from common.ids import new_uid
from protocol.errors import ProtocolError
from protocol.fields import ID_BYTES
from transactions.services import Asked, cancel_step, check_part, open_transaction

if TYPE_CHECKING:
    from accounts.models import Holder
    from billing.ledger.models import Payment


def buy(
    *,
    buyer: "Holder",
    offer_uid: bytes,
    way: str,
    key: str,
    now: datetime,
    payment_password: str = "",
    token_serial: str = "",
    remark: str = "",
    permit: str | None = None,
) -> Purchase:
    """Buy what an offer gives.  Never inside a transaction.

    From the wallet it is paid at once, after the payment password.  By a token the money is held,
    and the payment becomes the first step of a transaction, whose id is ``Purchase.transaction``:
    when that step is signed, the money is captured and the receipt is the invoice; when it ends
    otherwise, the money is released.

    Args:
        buyer: Who pays.
        offer_uid: Public id.
        way: ``wallet`` or ``token``.
        key: The caller's own, once for each purchase; a repetition returns the first one.
        now: Timezone-aware.
        payment_password: For ``wallet``.
        token_serial: For ``token``: which of the buyer's tokens answers.
        remark: For ``token``: the buyer's word on the demand; the title when empty.
        permit: For ``token``: of the buyer's bound phone, where the policy asks for one for a
            step; ``None`` for any fresh one.

    Returns:
        The purchase: paid, or pending.

    Raises:
        NotFoundError: there is no such offer.
        OfferEndedError: it ended, or its resource is not sold now.
        OwnResourceError, AlreadyOwnedError: the buyer needs no purchase.
        PurchaseKeyReusedError: the key named another purchase before.
        PaypassNotSetError, PaypassWrongError, PaypassLockedError: as the ledger says.
        AccountFrozenError, FundsInsufficientError: likewise.
        And whatever ``transactions.services.open_transaction`` refuses.
    """
    if way not in Purchase.Way:
        wrong = ProtocolError("value_out_of_range", "way is unknown", "way")
        raise InputInvalidError(wrong)
    offer = offer_by_uid(offer_uid)
    asked = Purchase(
        uid=new_uid(),
        buyer=buyer,
        offer=offer,
        way=way,
        key=_stored_key(buyer, key),
        refund_until=now + timedelta(days=offer.resource.refund_days),
        created_at=now,
    )
    earlier = _earlier(asked)
    if earlier is None:
        _require_sold(asked, now)
    if way == Purchase.Way.WALLET:
        return earlier or _buy_from_wallet(asked, payment_password, now)
    return _buy_by_token(
        asked, earlier, _part(earlier or asked, token_serial, remark), permit, now
    )


def cancel_purchase(*, buyer: "Holder", purchase_uid: bytes, now: datetime) -> Purchase:
    """End a purchase that waits for a token; the money that was held is released.

    Returns:
        The purchase as it ended: paid, if the step was signed before.

    Raises:
        NotFoundError: the buyer has no such purchase.
        PurchaseNotPendingError: it is paid, or ended already.
        StepClosingError: the authentication server cannot be reached; it is settled later.
    """
    purchase = purchase_of(buyer=buyer, uid=purchase_uid)
    if purchase.state != Purchase.State.PENDING:
        raise PurchaseNotPendingError
    step = first_step(purchase)
    if step is None:
        cancel(purchase, now=now)
    else:
        # Its end reaches the purchase by the signal.
        cancel_step(holder=buyer, s=bytes(step.s), now=now)
    return purchase_by_uid(purchase_uid)


def _buy_from_wallet(asked: Purchase, password: str, now: datetime) -> Purchase:
    ledger.check_payment_password(holder=asked.buyer, password=password, now=now)
    asked.state = Purchase.State.PAID
    try:
        with transaction.atomic():
            asked.payment = _money(asked, ledger.pay, now)
            asked.save(force_insert=True)
            _entitle(asked, Entitlement.State.ACTIVE, now)
            tell_of_payment(asked, now=now)
    except IntegrityError as error:
        return _taken(asked, error)
    return purchase_by_uid(bytes(asked.uid))


def _buy_by_token(
    asked: Purchase, earlier: Purchase | None, part: Asked, permit: str | None, now: datetime
) -> Purchase:
    if earlier is not None and not _lacks_step(earlier):
        return earlier
    purchase = earlier or asked
    if earlier is None:
        # Most of what can be refused is refused before any money is held.
        check_part(holder=asked.buyer, asked=part, now=now)
        purchase = _reserve(asked, now)
    if not _lacks_step(purchase):
        return purchase
    try:
        open_transaction(
            holder=purchase.buyer,
            asked=part,
            now=now,
            is_open_to_anyone=False,
            tx=bytes(purchase.transaction or b""),
            permit=permit,
        )
    except DomainError:
        cancel(purchase, now=now, frees_key=True)
        raise
    return purchase_by_uid(bytes(purchase.uid))


def _reserve(asked: Purchase, now: datetime) -> Purchase:
    """Hold the money and note the transaction to be, so that a crash leaves nothing unknown."""
    asked.state = Purchase.State.PENDING
    asked.transaction = secrets.token_bytes(ID_BYTES)
    try:
        with transaction.atomic():
            asked.payment = _money(asked, ledger.hold, now)
            asked.save(force_insert=True)
            _entitle(asked, Entitlement.State.PENDING_PAYMENT, now)
    except IntegrityError as error:
        return _taken(asked, error)
    return asked


def _money(asked: Purchase, move: Callable[..., "Payment"], now: datetime) -> bytes:
    offer = asked.offer
    payment = move(
        payer=asked.buyer,
        payee=offer.resource.developer,
        amount=offer.amount,
        currency=offer.currency,
        reference=bytes(asked.uid).hex(),
        key=f"purchase:{bytes(asked.uid).hex()}",
        now=now,
    )
    return bytes(payment.uid)


def _entitle(asked: Purchase, state: Entitlement.State, now: datetime) -> None:
    offer = asked.offer
    Entitlement.objects.create(
        purchase=asked,
        holder=asked.buyer,
        resource=offer.resource,
        term=offer.term,
        state=state,
        # Of one that waits for payment the time has not begun.
        expires_at=expiry(offer, now) if state == Entitlement.State.ACTIVE else None,
        uses_left=offer.uses,
    )


def _part(purchase: Purchase, serial: str, remark: str) -> Asked:
    offer = purchase.offer
    developer = offer.resource.developer
    demand = {
        "kind": "payment",
        "amount": offer.amount,
        "currency": offer.currency,
        "payee_account": developer.account,
        "payee_name": developer.name,
        "text": offer.resource.title,
        "reference": bytes(purchase.uid).hex(),
    }
    return Asked(demand=demand, remark=remark or offer.resource.title, serial=serial)


def _require_sold(asked: Purchase, now: datetime) -> None:
    offer = asked.offer
    is_listed = offer.resource.state == Resource.State.LISTED
    if offer.ended_at is not None or not is_listed or offer.resource.developer.leaving_at:
        raise OfferEndedError
    if offer.resource.developer_id == asked.buyer.pk:
        raise OwnResourceError
    held = Entitlement.objects.filter(
        holder=asked.buyer, resource=offer.resource, state__in=LIVING
    )
    covers = Q(term=Offer.Term.PERMANENT)
    if offer.term == Offer.Term.UNTIL:
        # A longer time is worth buying; a shorter one would be thrown away.
        covers |= Q(term=Offer.Term.UNTIL, expires_at__gte=expiry(offer, now))
    if held.filter(covers).exists():
        raise AlreadyOwnedError


def _earlier(asked: Purchase) -> Purchase | None:
    """Return what the key stands for already.

    Raises:
        PurchaseKeyReusedError: it is another purchase.
    """
    found = Purchase.objects.filter(key=asked.key).first()
    if found is None:
        return None
    if (found.offer_id, found.way) != (asked.offer.pk, asked.way):
        raise PurchaseKeyReusedError
    return purchase_by_uid(bytes(found.uid))


def _taken(asked: Purchase, error: IntegrityError) -> Purchase:
    """Say what a constraint refused: a repetition, or a second purchase of the same."""
    earlier = _earlier(asked)
    if earlier is None:
        raise AlreadyOwnedError from error
    return earlier


def _lacks_step(purchase: Purchase) -> bool:
    return purchase.state == Purchase.State.PENDING and first_step(purchase) is None


def _stored_key(buyer: "Holder", key: str) -> str:
    """Return the key as it is stored: no two buyers' are ever the same."""
    return hashlib.sha256(f"{buyer.pk}:{key}".encode()).hexdigest()
