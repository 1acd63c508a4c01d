"""What becomes of a purchase by token, once its step has ended."""

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.services import tell_holder
from audit.services import record
from billing.entitlements.models import Entitlement, Offer, Purchase
from billing.ledger import services as ledger
from common.errors import DomainError, NotFoundError
from notices.services import publish
from transactions.errors import TransactionClosedError
from transactions.selectors import steps_of, transaction_by_tx
from transactions.services import close_transaction

if TYPE_CHECKING:
    from transactions.models import Step

logger = logging.getLogger(__name__)

# Longer than any challenge lives: whoever was to put it is surely gone.
ABANDONED_AFTER = timedelta(minutes=15)
_MOST_AT_ONCE = 200


def expiry(offer: Offer, now: datetime) -> datetime | None:
    """Return until when an offer lasts that is paid now; ``None`` for ever."""
    return None if offer.days is None else now + timedelta(days=offer.days)


def first_step(purchase: Purchase) -> "Step | None":
    """Return the step that pays for a purchase; ``None`` while nobody has put it."""
    try:
        chain = transaction_by_tx(bytes(purchase.transaction or b""))
    except NotFoundError:
        return None
    return steps_of(chain).first()


def conclude_step(*, step: "Step", now: datetime) -> None:
    """Conclude the purchase that a step pays for, if it pays for one; in the step's transaction.

    What cannot be done now is left to the worker: a purchase never keeps a step from ending.
    """
    pending = Purchase.objects.filter(
        transaction=step.transaction.tx, state=Purchase.State.PENDING
    ).first()
    if pending is None or step.position:
        return
    try:
        with transaction.atomic():
            conclude(pending, is_signed=step.is_signed, now=now)
    except DomainError as error:
        logger.exception(
            "purchase.unsettled", extra={"purchase": str(pending), "code": error.code}
        )


def conclude(purchase: Purchase, *, is_signed: bool, now: datetime) -> None:
    """End a pending purchase: paid when its step is signed, cancelled otherwise.

    Doing it again changes nothing.
    """
    if not is_signed:
        cancel(purchase, now=now)
        return
    with transaction.atomic():
        # Compare and set: of all who bring the news, one books it.
        row = Purchase.objects.filter(pk=purchase.pk, state=Purchase.State.PENDING)
        if not row.update(state=Purchase.State.PAID):
            return
        ledger.capture(bytes(purchase.payment), now=now)
        Entitlement.objects.filter(purchase=purchase).update(
            state=Entitlement.State.ACTIVE, expires_at=expiry(purchase.offer, now)
        )
        tell_of_payment(purchase, now=now)
    _close_chain(purchase, now)


def cancel(purchase: Purchase, *, now: datetime, frees_key: bool = False) -> None:
    """End a pending purchase unpaid; its money is released.  Again changes nothing.

    Args:
        purchase: Which.
        now: Timezone-aware.
        frees_key: Whether the buyer's key may stand for another try.
    """
    with transaction.atomic():
        row = Purchase.objects.filter(pk=purchase.pk, state=Purchase.State.PENDING)
        key = f"cancelled:{purchase}" if frees_key else purchase.key
        if row.update(state=Purchase.State.CANCELLED, ended_at=now, key=key):
            ledger.release(bytes(purchase.payment), now=now)
            # To have none is to have no row.
            Entitlement.objects.filter(purchase=purchase).delete()
            _record("purchase.cancelled", purchase, now)


def settle_purchases(*, now: datetime) -> int:
    """Conclude what was cut off; return how many purchases were settled."""
    settled = 0
    pending = Purchase.objects.filter(state=Purchase.State.PENDING).select_related("offer")
    for purchase in pending.order_by("pk")[:_MOST_AT_ONCE]:
        step = first_step(purchase)
        is_abandoned = step is None and purchase.created_at < now - ABANDONED_AFTER
        if not is_abandoned and (step is None or step.is_open):
            continue
        try:
            conclude(purchase, is_signed=step is not None and step.is_signed, now=now)
            settled += 1
        except DomainError as error:
            logger.exception(
                "purchase.unsettled", extra={"purchase": str(purchase), "code": error.code}
            )
    return settled


def tell_of_payment(purchase: Purchase, *, now: datetime) -> None:
    """Tell buyer and developer that a purchase is paid."""
    developer = purchase.offer.resource.developer
    _record("purchase.paid", purchase, now)
    tell_holder(purchase.buyer, kind="bought", page="/library", now=now)
    tell_holder(developer, kind="sold", page="/develop", now=now)
    announce("purchase.paid", purchase, now=now)


def announce(event: str, purchase: Purchase, *, now: datetime) -> None:
    """Tell the programs of buyer and developer what became of a purchase."""
    offer = purchase.offer
    publish(
        event,
        {
            "purchase": bytes(purchase.uid).hex(),
            "offer": bytes(offer.uid).hex(),
            "resource": str(offer.resource),
        },
        holders={purchase.buyer_id, offer.resource.developer_id},
        now=now,
    )


def _close_chain(purchase: Purchase, now: datetime) -> None:
    """Let nothing follow the payment."""
    tx = bytes(purchase.transaction or b"")
    try:
        close_transaction(holder=purchase.buyer, tx=tx, now=now)
    except TransactionClosedError:
        # Its owner was quicker.
        logger.info("purchase.chain_closed", extra={"purchase": str(purchase)})


def _record(action: str, purchase: Purchase, now: datetime) -> None:
    subject = bytes(purchase.uid).hex()
    record(action=action, actor=purchase.buyer.actor, subject=subject, now=now)
