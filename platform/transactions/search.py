"""What operators look for: steps under way, and transactions and steps by whatever is known."""

from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts.selectors import holders_matching
from common.prefixes import id_range
from protocol.fields import DIGEST_BYTES, ID_BYTES
from protocol.statement import Kind
from transactions.models import EXPIRY_LEEWAY, Step, Transaction
from transactions.selectors import steps_of

TRANSACTION_STATES = Transaction.State.values
# A refused call of the API is recorded with its path.
_CALLS_ON_TRANSACTION = ("steps", "close", "cancel", "dispute")
_CALLS_ON_STEP = ("response", "cancel", "decline")


class UnderWay(NamedTuple):
    """How many steps have not ended yet."""

    challenged: int
    closing: int
    overdue: int


def due_steps(*, now: datetime) -> QuerySet[Step]:
    """Return the steps that are to be settled, the oldest first.

    It is :meth:`Step.is_due` put as a query.
    """
    is_due = Q(expires_at__lt=now - EXPIRY_LEEWAY) | Q(state=Step.State.CLOSING)
    return Step.objects.filter(is_due, state__in=Step.OPEN).order_by("expires_at")


def steps_under_way(*, now: datetime) -> UnderWay:
    """Count the steps that have not ended yet."""
    counts = Step.objects.filter(state__in=Step.OPEN).aggregate(
        challenged=Count("pk", filter=Q(state=Step.State.CHALLENGED)),
        closing=Count("pk", filter=Q(state=Step.State.CLOSING)),
        overdue=Count("pk", filter=Q(expires_at__lt=now - EXPIRY_LEEWAY)),
    )
    return UnderWay(**counts)


def transactions_matching(text: str, *, state: str = "") -> QuerySet[Transaction]:
    """Return transactions by the beginning of their id or by an owner or party, newest first.

    Sign-ins by token are none.

    Args:
        text: What to look for; all when empty.
        state: One of ``TRANSACTION_STATES``; any when empty.
    """
    found = _without_sign_ins().select_related("owner").order_by("-pk")
    if state:
        found = found.filter(state=state)
    if state not in ("", Transaction.State.OPEN):
        # Said in the words of the index on states, or SQLite would not use it.
        found = found.exclude(state=Transaction.State.OPEN)
    return found.filter(pk__in=_ids_matching(text)) if text else found


def _ids_matching(text: str) -> QuerySet[Any, Any]:
    # A union, so that each part is looked up by its own index.
    people = holders_matching(text).order_by().values("pk")
    named = Transaction.objects.filter(_begins("tx", text, ID_BYTES)).values("pk")
    owned = Transaction.objects.filter(owner__in=people).values("pk")
    return named.union(owned, Step.objects.filter(holder__in=people).values("transaction"))


def transactions_by_id(text: str) -> QuerySet[Transaction]:
    """Return the transactions whose id begins so."""
    found = Transaction.objects.filter(_begins("tx", text, ID_BYTES))
    return found.select_related("owner")


def steps_by_digest_or_receipt(text: str) -> QuerySet[Step]:
    """Return the steps whose digest S, or the id of whose receipt, begins so."""
    found = Step.objects.filter(
        _begins("s", text, DIGEST_BYTES) | _begins("receipt_id", text, DIGEST_BYTES)
    )
    return found.select_related("transaction")


def whole_steps(transaction: Transaction) -> QuerySet[Step]:
    """Return all steps of a transaction in order, with everything that belongs to them."""
    return steps_of(transaction).select_related("token__host", "next_holder")


def recent_steps_of(*, token_id: int) -> QuerySet[Step]:
    """Return a token's steps, newest first."""
    steps = Step.objects.filter(token=token_id).select_related("transaction")
    return steps.order_by("-issued_at", "-pk")


def recent_transactions_of(*, holder_id: int) -> QuerySet[Transaction]:
    """Return the transactions that a holder has begun, newest first."""
    return _without_sign_ins().filter(owner=holder_id).order_by("-pk")


def audit_subjects(transaction: Transaction, steps: list[Step]) -> list[str]:
    """Return how audit rows may name a transaction and its steps."""
    tx = str(transaction)
    subjects = [tx, *(f"/api/v1/transactions/{tx}/{call}" for call in _CALLS_ON_TRANSACTION)]
    for step in steps:
        s = step.public_id
        subjects += [s, *(f"/api/v1/steps/{s}/{call}" for call in _CALLS_ON_STEP)]
    return subjects


def _without_sign_ins() -> QuerySet[Transaction]:
    sign_ins = Step.objects.filter(transaction=OuterRef("pk"), kind=Kind.LOGIN)
    return Transaction.objects.exclude(Exists(sign_ins))


def _begins(field: str, text: str, octets: int) -> Q:
    """Find ids by their first digits; what is none finds nothing."""
    ends = id_range(text, octets)
    return Q(pk__in=[]) if ends is None else Q(**{f"{field}__range": ends})
