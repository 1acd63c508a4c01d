"""Close, cancel or dispute a whole transaction."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from audit.services import record
from common.errors import NotFoundError
from transactions.errors import NotYourTurnError, TransactionClosedError
from transactions.models import Step, Transaction
from transactions.selectors import is_party, transaction_by_tx
from transactions.services.withdraw import cancel_step

if TYPE_CHECKING:
    from accounts.models import Holder


def close_transaction(*, holder: "Holder", tx: bytes, now: datetime) -> Transaction:
    """Let no further step follow: by the owner, or the last signer if the owner allowed it.

    Raises:
        NotFoundError: there is no such transaction, or the holder is no party of it.
        NotYourTurnError: it is not for this holder to close.
        TransactionClosedError: it is not open, or a step is under way.
    """
    chain = _transaction_of(holder, tx)
    if chain.owner_id != holder.pk and not _is_last_signer(chain, holder):
        raise NotYourTurnError("Only its owner may close this transaction.")
    return _move(chain, Transaction.State.CLOSED, holder, now)


def cancel_transaction(*, holder: "Holder", tx: bytes, now: datetime) -> Transaction:
    """Call a transaction off by its owner; an open step is ended first.

    Raises:
        As :func:`close_transaction`, and ``StepClosingError`` when the step cannot be ended now.
    """
    chain = _transaction_of(holder, tx)
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
    chain = _transaction_of(holder, tx)
    return _move(chain, Transaction.State.DISPUTED, holder, now)


def _transaction_of(holder: "Holder", tx: bytes) -> Transaction:
    chain = transaction_by_tx(tx)
    if not is_party(transaction=chain, holder=holder):
        raise NotFoundError("There is no such transaction of yours.")
    return chain


def _move(
    chain: Transaction, state: Transaction.State, holder: "Holder", now: datetime
) -> Transaction:
    sources = [Transaction.State.OPEN]
    if state is Transaction.State.DISPUTED:
        sources.append(Transaction.State.CLOSED)
    with transaction.atomic():
        if not Transaction.objects.filter(pk=chain.pk, state__in=sources).update(state=state):
            raise TransactionClosedError
        # Looked at with the row in hand, which a new step needs too: none can slip in between.
        is_under_way = Step.objects.filter(transaction=chain, state__in=Step.OPEN).exists()
        if is_under_way and state is not Transaction.State.DISPUTED:
            raise TransactionClosedError("A step is under way; finish or cancel it first.")
        record(action=f"transaction.{state}", actor=holder.actor, subject=str(chain), now=now)
    chain.state = state
    return chain


def _is_last_signer(chain: Transaction, holder: "Holder") -> bool:
    last = (
        Step.objects.filter(transaction=chain, state=Step.State.SIGNED).order_by("position").last()
    )
    return chain.last_signer_may_close and last is not None and last.holder_id == holder.pk
