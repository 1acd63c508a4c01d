"""A holder's transactions and their steps as tables, read a part at a time."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from common.spreadsheets import Cell
from protocol.currency import format_amount
from protocol.statement import Demand
from transactions.models import Step, Transaction
from transactions.selectors_lists import transactions_of

if TYPE_CHECKING:
    from accounts.models import Holder

# Transactions that are read at once.
PART = 200

_DEMAND = (
    "kind",
    "amount",
    "currency",
    "payee_account",
    "payee_name",
    "text",
    "reference",
    "due_days",
)
TRANSACTION_COLUMNS = ("id", "state", "created_at", "owner", "signed_steps", *_DEMAND)
STEP_COLUMNS = (
    "transaction",
    "position",
    "id",
    "state",
    "reason",
    *_DEMAND,
    "account",
    "name",
    "remark",
    "token",
    "sight",
    "issued_at",
    "expires_at",
    "decided_at",
    "note",
    "receipt_id",
)


def transaction_rows(holder: "Holder") -> Iterator[list[Cell]]:
    """Return the holder's transactions, newest first, each with what its first step asks."""
    for chains in _parts(holder):
        steps = Step.objects.filter(transaction__in=chains)
        first = {step.transaction_id: step for step in steps.filter(position=0).order_by("pk")}
        signed = steps.filter(state=Step.State.SIGNED).values_list("transaction", flat=True)
        counts = Counter(signed)
        for chain in chains:
            yield [
                chain.public_id,
                chain.state,
                chain.created_at,
                chain.owner.account,
                counts[chain.pk],
                *_demanded(first[chain.pk].content.demand),
            ]


def step_rows(holder: "Holder") -> Iterator[list[Cell]]:
    """Return all steps of the holder's transactions, those that came to nothing included."""
    for chains in _parts(holder):
        steps = Step.objects.filter(transaction__in=chains).select_related("transaction")
        for step in steps.order_by("-transaction", "position", "pk").defer("verdict", "receipt"):
            yield _step(step)


def _parts(holder: "Holder") -> Iterator[list[Transaction]]:
    """Return the holder's transactions in parts, so that no query lasts as long as the answer."""
    rows = transactions_of(holder=holder)
    part = list(rows[:PART])
    while part:
        yield part
        part = list(rows.filter(pk__lt=part[-1].pk)[:PART])


def _step(step: Step) -> list[Cell]:
    statement = step.content
    return [
        step.transaction.public_id,
        step.position,
        step.public_id,
        step.state,
        step.get_reason_display() if step.reason is not None else None,
        *_demanded(statement.demand),
        statement.party.account,
        statement.party.name,
        statement.party.remark,
        statement.serial,
        statement.sight.words,
        step.issued_at,
        step.expires_at,
        step.decided_at,
        step.note,
        step.public_receipt_id,
    ]


def _demanded(demand: Demand) -> list[Cell]:
    amount = None
    if demand.amount is not None and demand.currency is not None:
        amount = format_amount(demand.amount, demand.currency).split()[0]
    return [
        demand.kind.name.lower(),
        amount,
        demand.currency,
        demand.payee_account,
        demand.payee_name,
        demand.text,
        demand.reference,
        demand.due_days,
    ]
