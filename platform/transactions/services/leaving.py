"""Leave the platform: what must be settled first, and what is erased then.

``leaving_at`` is set once and never taken back.  What follows may be cut off anywhere and is
repeated by the worker until it is done: open steps end, tokens are revoked at their hosts, what
nobody else took part in is erased, and at last who the holder was.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.selectors import leaving_holders
from accounts.services import erase_holder, start_leaving
from billing.ledger import selectors as ledger
from billing.ledger.services import forget_payment_password
from binding.services import forget_devices, forget_phones
from common.errors import DomainError
from enrolment.selectors import tokens_of
from enrolment.services import change_state, forget_names, settle_owed
from protocol.digests import verdict_digest
from protocol.statement import Kind
from transactions.errors import NotFreeToLeaveError
from transactions.models import ErasedStep, Step, Transaction
from transactions.selectors import BUSINESS_KINDS

if TYPE_CHECKING:
    from accounts.models import Holder

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What keeps a holder from leaving.

    Attributes:
        steps: Open steps of the holder, which others may wait for.
        transactions: Open transactions that the holder began and somebody signed.
        has_money: Whether the holder has money here, or money on its way.
    """

    steps: list[Step]
    transactions: list[Transaction]
    has_money: bool

    def __bool__(self) -> bool:
        return bool(self.steps or self.transactions or self.has_money)


def unsettled(*, holder: "Holder") -> Unsettled:
    """Return what a holder has to end before leaving."""
    steps = _open_steps(holder).exclude(kind=Kind.LOGIN).select_related("transaction")
    signed = Step.objects.filter(
        transaction=OuterRef("pk"), state=Step.State.SIGNED, kind__in=BUSINESS_KINDS
    )
    own = Transaction.objects.filter(Exists(signed), owner=holder, state=Transaction.State.OPEN)
    return Unsettled(
        list(steps.order_by("pk")), list(own.order_by("pk")), ledger.has_money(holder.pk)
    )


def leave(*, holder: "Holder", now: datetime, tell: Callable[[], None] = lambda: None) -> bool:
    """Delete a holder's account.

    Args:
        holder: Who leaves.
        now: Timezone-aware.
        tell: Called once it cannot be taken back any more, while the address is still known.

    Returns:
        Whether it is done; otherwise the worker finishes it.

    Raises:
        NotFreeToLeaveError: something is still open; nothing was changed.
        LastOwnerError: an organisation would lose its only owner; nothing was changed.
        HolderLeftError: it is being deleted already.
    """
    if unsettled(holder=holder):
        raise NotFreeToLeaveError
    start_leaving(holder=holder, now=now)
    tell()
    return _finish(holder, now)


def finish_leaving(*, now: datetime) -> int:
    """Go on with whoever is leaving; return how many are not done yet."""
    return sum(not _finish(holder, now) for holder in leaving_holders())


def _finish(holder: "Holder", now: datetime) -> bool:
    """Do what is left to do, in order; ``False`` when something has to be waited for."""
    # One may have been begun in the moment of leaving; the worker ends it when its time is over.
    if _open_steps(holder).exists() or not _revoke_tokens(holder, now):
        return False
    for chain in _own_chains(holder):
        _erase_chain(chain)
    with transaction.atomic():
        forget_names(holder=holder)
        forget_payment_password(holder=holder)
        forget_phones(holder=holder, now=now)
        forget_devices(holder=holder, now=now)
        address = holder.user.email
        nobody = erase_holder(holder=holder, now=now)
        Step.objects.filter(next_email=address).exclude(next_email="").update(next_email=nobody)
    return True


def _revoke_tokens(holder: "Holder", now: datetime) -> bool:
    """Revoke every token at its host; ``False`` while one gives no answer."""
    try:
        for token in tokens_of(holder=holder):
            if not token.is_ended:
                change_state(holder=holder, serial=token.serial, action="revoke", now=now)
    except DomainError as error:
        logger.warning("holder.waits", extra={"account": holder.account, "code": error.code})
        return False
    return not settle_owed(holder=holder, now=now)


def _open_steps(holder: "Holder") -> QuerySet[Step]:
    return Step.objects.filter(holder=holder, state__in=Step.OPEN)


def _own_chains(holder: "Holder") -> QuerySet[Transaction]:
    """Return the transactions in which nobody else ever took part."""
    others = Step.objects.filter(transaction=OuterRef("pk")).exclude(holder=holder)
    return Transaction.objects.filter(owner=holder).exclude(Exists(others))


def _erase_chain(chain: Transaction) -> None:
    """Delete a transaction, and keep its digests; another worker may be at it."""
    with transaction.atomic():
        if not Transaction.objects.select_for_update().filter(pk=chain.pk).exists():
            return
        # The last first: each step keeps the one before it from being deleted.
        for step in Step.objects.filter(transaction=chain).order_by("-position", "-pk"):
            ErasedStep.objects.create(
                tx=chain.tx,
                position=step.position,
                s=step.s,
                v=None if step.verdict is None else verdict_digest(bytes(step.verdict)),
                link=step.link,
                receipt_id=step.receipt_id,
            )
            step.delete()
        chain.delete()
