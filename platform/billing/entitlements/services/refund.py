"""Give the money of a purchase back, and close what it gave.

A purchase that was never used is refunded at once, as long as was promised.  Of one that was used
the developer decides, who may give any purchase back at any time.  Everybody may ask once.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.services import tell_holder
from audit.services import record
from billing.entitlements.errors import (
    PurchaseNotPaidError,
    RefundNotAskedError,
    RefundRefusedError,
    RefundTooLateError,
)
from billing.entitlements.models import Entitlement, Purchase, Resource, StatusCode
from billing.entitlements.selectors import is_used, purchase_by_uid, purchase_of, sale_of
from billing.entitlements.services.settle import announce
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.ledger.errors import FundsInsufficientError
from common.errors import InputInvalidError
from protocol.errors import ProtocolError
from protocol.text import check_text, normalise

if TYPE_CHECKING:
    from accounts.models import Holder

_REASON_CHARACTERS = 200
# An operator has looked into these: they are not refunded unseen.
_NOT_AT_ONCE = (Entitlement.State.SUSPENDED, Entitlement.State.REVOKED)


class _UsedMeanwhileError(Exception):
    """The content key was released while the money was on its way back."""


def ask_refund(
    *, buyer: "Holder", purchase_uid: bytes, reason: str = "", now: datetime
) -> Purchase:
    """Ask for the money back.

    Returns:
        The purchase: ``refunded``, when it was never used, or when its resource was withdrawn; or
        still ``paid`` with ``refund_asked_at``, when the developer has to decide.

    Raises:
        NotFoundError: the buyer has no such purchase.
        PurchaseNotPaidError: it is not paid.
        RefundTooLateError: the time for asking is over.
        RefundRefusedError: the developer has said no.
        InputInvalidError: the reason may not be kept as it is.
    """
    purchase = purchase_of(buyer=buyer, uid=purchase_uid)
    if purchase.state == Purchase.State.REFUNDED:
        return purchase
    words = _checked_reason(reason)
    _require_paid(purchase)
    if purchase.refund_refused_at is not None:
        raise RefundRefusedError
    is_withdrawn = purchase.offer.resource.state == Resource.State.WITHDRAWN
    is_in_time = now <= purchase.refund_until
    if not is_in_time and not is_withdrawn:
        raise RefundTooLateError
    if is_in_time and purchase.entitlement.state not in _NOT_AT_ONCE:
        try:
            return _give_back(purchase, actor=buyer.actor, only_unused=not is_withdrawn, now=now)
        except (_UsedMeanwhileError, FundsInsufficientError):
            # The developer decides, or has to find the money first.
            pass
    return _note_asked(purchase, words, now)


def grant_refund(*, developer: "Holder", purchase_uid: bytes, now: datetime) -> Purchase:
    """Give the money of a sale back, asked for or not; again changes nothing.

    Raises:
        NotFoundError: the developer has no such sale.
        PurchaseNotPaidError: it is not paid.
        FundsInsufficientError: the developer's earnings are gone.
    """
    purchase = sale_of(developer=developer, uid=purchase_uid)
    return _give_back(purchase, actor=developer.actor, only_unused=False, now=now)


def refuse_refund(
    *, developer: "Holder", purchase_uid: bytes, reason: str = "", now: datetime
) -> Purchase:
    """Say no to a buyer who asks, and tell them; again changes nothing.

    Raises:
        NotFoundError: the developer has no such sale.
        RefundNotAskedError: nobody asks, or the money is back already.
        InputInvalidError: the reason may not be kept as it is.
    """
    purchase = sale_of(developer=developer, uid=purchase_uid)
    words = _checked_reason(reason)
    if purchase.refund_refused_at is not None:
        return purchase
    with transaction.atomic():
        asked = Purchase.objects.filter(
            pk=purchase.pk,
            state=Purchase.State.PAID,
            refund_asked_at__isnull=False,
            refund_refused_at=None,
        )
        if not asked.update(refund_refused_at=now, refund_answer=words):
            raise RefundNotAskedError
        _record("refund.refused", developer.actor, purchase, now)
        page = f"/library/{purchase_uid.hex()}"
        tell_holder(purchase.buyer, kind="refund_refused", page=page, now=now)
        announce("refund.refused", purchase, now=now)
    return purchase_by_uid(purchase_uid)


def refund_as_operator(*, operator: "Holder", purchase_uid: bytes, now: datetime) -> Purchase:
    """Give the money of any purchase back, from its developer's earnings.

    Raises:
        NotFoundError: there is no such purchase.
        PurchaseNotPaidError: it is not paid.
        FundsInsufficientError: the developer's earnings are gone.
    """
    purchase = purchase_by_uid(purchase_uid)
    return _give_back(purchase, actor=operator.operator_actor, only_unused=False, now=now)


def _give_back(purchase: Purchase, *, actor: str, only_unused: bool, now: datetime) -> Purchase:
    """Close access and return the money, in one transaction; again changes nothing.

    Raises:
        PurchaseNotPaidError: it is not paid.
        FundsInsufficientError: the developer's earnings are gone.
        _UsedMeanwhileError: it was used, and only what was not is to be given back.
    """
    if purchase.state == Purchase.State.REFUNDED:
        return purchase
    # Looked at before any lock is taken: of a pending one the locks are its conclusion's.
    _require_paid(purchase)
    with transaction.atomic():
        # In the order in which a use takes them, so that the two never wait for each other: a code
        # that is just being consumed is waited for here, and seen below.
        revoke_codes(purchase)
        Entitlement.objects.filter(purchase=purchase).update(state=Entitlement.State.REFUNDED)
        if only_unused and is_used(purchase):
            raise _UsedMeanwhileError
        # Compare and set: of several refunds, one is booked.
        paid = Purchase.objects.filter(pk=purchase.pk, state=Purchase.State.PAID)
        if paid.update(state=Purchase.State.REFUNDED, ended_at=now):
            _return_money(purchase, now)
            _record("purchase.refunded", actor, purchase, now)
            tell_holder(purchase.buyer, kind="refunded", page="/library", now=now)
            announce("purchase.refunded", purchase, now=now)
    return purchase_by_uid(bytes(purchase.uid))


def revoke_codes(purchase: Purchase) -> None:
    """Make every status code useless that was issued on a purchase and not used yet."""
    # Not by way of a join: PostgreSQL would look at the state before it waits, and not again.
    StatusCode.objects.filter(
        entitlement=purchase.entitlement, state=StatusCode.State.ISSUED
    ).update(state=StatusCode.State.REVOKED)


def _return_money(purchase: Purchase, now: datetime) -> None:
    uid = bytes(purchase.payment)
    payment = ledger_selectors.payment(uid)
    # The developer may have given a part back before.
    amount = payment.amount - payment.refunded
    if amount:
        key = f"refund:{bytes(purchase.uid).hex()}"
        ledger.refund(uid, amount=amount, key=key, now=now)


def _note_asked(purchase: Purchase, reason: str, now: datetime) -> Purchase:
    with transaction.atomic():
        row = Purchase.objects.filter(
            pk=purchase.pk, state=Purchase.State.PAID, refund_asked_at=None
        )
        if row.update(refund_asked_at=now, refund_reason=reason):
            _record("refund.asked", purchase.buyer.actor, purchase, now)
            developer = purchase.offer.resource.developer
            tell_holder(developer, kind="refund_asked", page="/develop", now=now)
            announce("refund.asked", purchase, now=now)
    return purchase_by_uid(bytes(purchase.uid))


def _require_paid(purchase: Purchase) -> None:
    if purchase.state != Purchase.State.PAID:
        raise PurchaseNotPaidError


def _checked_reason(reason: str) -> str:
    words = normalise(" ".join(reason.split()))
    try:
        if words:
            check_text("reason", words, 4 * _REASON_CHARACTERS)
        if len(words) > _REASON_CHARACTERS:
            excess = len(words) - _REASON_CHARACTERS
            raise ProtocolError("text_too_long", "reason is too long", "reason", excess)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    return words


def _record(action: str, actor: str, purchase: Purchase, now: datetime) -> None:
    record(action=action, actor=actor, subject=bytes(purchase.uid).hex(), now=now)
