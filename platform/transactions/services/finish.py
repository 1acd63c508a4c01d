"""Close, cancel or dispute a whole transaction."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from audit.services import record
from notices.services import publish
from transactions.errors import NotYourTurnError, TransactionClosedError
from transactions.models import Step, Transaction
from transactions.selectors import visible_transaction
from transactions.services.withdraw import cancel_step
from transactions.standing import DISPUTABLE, may_close

if TYPE_CHECKING:
    from accounts.models import Holder


def close_transaction(*, holder: "Holder", tx: bytes, now: datetime) -> Transaction:
    """Let no further step follow: by the owner, or the last signer if the owner allowed it.

    Raises:
        NotFoundError: there is no such transaction, or the holder is no party of it.
        NotYourTurnError: it is not for this holder to close.
        TransactionClosedError: it is not open, or a step is under way.
    """
    chain = visible_transaction(holder=holder, tx=tx)
    if not may_close(chain, _last_signed(chain), holder):
        raise NotYourTurnError("Only its owner may close this transaction.")
    return _move(chain, Transaction.State.CLOSED, holder, now)


def cancel_transaction(*, holder: "Holder", tx: bytes, now: datetime) -> Transaction:
    """Call a transaction off by its owner; an open step is ended first.

    Raises:
        As :func:`close_transaction`, and ``StepClosingError`` when the step cannot be ended now.
    """
    chain = visible_transaction(holder=holder, tx=tx)
    if chain.owner_id != holder.pk:
        raise NotYourTurnError("Only its owner may cancel this transaction.")
    for s in Step.objects.filter(transaction=chain, state__in=Step.OPEN).values_list(
        "s", flat=True
    ):
        cancel_step(holder=holder, s=bytes(s), now=now)
    return _move(chain, Transaction.State.CANCELLED, holder, now)


def dispute_transaction(*, holder: "Holder", tx: bytes, now: datetime) -> Transaction:
    """Mark a transaction as disputed by one of its parties.

    Raises:
        NotFoundError: there is no such transaction, or the holder is no party of it.
        TransactionClosedError: it is cancelled or disputed already.
    """
    chain = visible_transaction(holder=holder, tx=tx)
    return _move(chain, Transaction.State.DISPUTED, holder, now)


def _move(
    chain: Transaction, state: Transaction.State, holder: "Holder", now: datetime
) -> Transaction:
    sources = DISPUTABLE if state is Transaction.State.DISPUTED else (Transaction.State.OPEN,)
    with transaction.atomic():
        if not Transaction.objects.filter(pk=chain.pk, state__in=sources).update(state=state):
            raise TransactionClosedError
        # Looked at with the row in hand, which a new step needs too: none can slip in between.
        is_under_way = Step.objects.filter(transaction=chain, state__in=Step.OPEN).exists()
        if is_under_way and state is not Transaction.State.DISPUTED:
            raise TransactionClosedError("A step is under way; finish or cancel it first.")
        record(action=f"transaction.{state}", actor=holder.actor, subject=str(chain), now=now)
        steps = Step.objects.filter(transaction=chain)
        publish(
            f"transaction.{state}",
            {"transaction": str(chain)},
            holders={chain.owner_id, *steps.values_list("holder_id", flat=True)},
            now=now,
        )
    chain.state = state
    return chain


def _last_signed(chain: Transaction) -> Step | None:
    signed = Step.objects.filter(transaction=chain, state=Step.State.SIGNED)
    return signed.order_by("position").last()
