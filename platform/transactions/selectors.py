"""Find transactions and steps."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from common.compiled import Compiled
from common.errors import NotFoundError
from protocol.statement import Kind
from transactions.models import Step, Transaction
from transactions.standing import Entry, Standing

if TYPE_CHECKING:
    from accounts.models import Holder

BUSINESS_KINDS = [kind.value for kind in Kind if kind.is_business]


def kept_receipts() -> QuerySet[Step, Any]:
    """Return S and receipt of every step that has one: of refused steps, too."""
    return Step.objects.filter(receipt__isnull=False).values_list("s", "receipt")


def step_by_digest(s: bytes) -> Step:
    """Return a step with all that answering it needs; ``last_seq`` is its server's last known.

    Raises:
        NotFoundError: there is no such step.
    """
    step = _BY_DIGEST.first(s)
    if step is None:
        raise NotFoundError("There is no such step.")
    return step


def visible_step(*, holder: "Holder", s: bytes) -> Step:
    """Return a step as :func:`step_by_digest`, if the holder is a party of its transaction.

    Raises:
        NotFoundError: there is none for the holder to see.
    """
    step = step_by_digest(s)
    _require_party(step, holder)
    return step


def step_state(*, holder: "Holder", s: bytes, now: datetime) -> dict[str, str | int]:
    """Return how a step stands and how many seconds it has left, and read no more than that.

    Raises:
        NotFoundError: there is none for the holder to see.
    """
    steps = Step.objects.select_related("transaction")
    step = steps.only("state", "expires_at", "holder", "transaction__owner").filter(s=s).first()
    if step is None:
        raise NotFoundError("There is no such step.")
    _require_party(step, holder)
    return {"state": Entry.of(step, holder, now).state, "seconds_left": step.seconds_left(now)}


def step_by_receipt(receipt_id: bytes) -> Step | None:
    """Return the step whose stored receipt has this identity."""
    return _BY_RECEIPT.first(receipt_id)


def visible_receipt(*, holder: "Holder", receipt_id: bytes) -> Step:
    """Return the step of a receipt, if the holder is a party of its transaction.

    Raises:
        NotFoundError: there is none for the holder to see.
    """
    step = step_by_receipt(receipt_id)
    if step is None:
        raise NotFoundError("There is no such receipt.")
    _require_party(step, holder)
    return step


def follower_of(head: Step, *, now: datetime) -> Step | None:
    """Return the step that holds the place behind a signed one; one past its time does not."""
    after = Step.objects.filter(previous=head, state__in=Step.HOLDS)
    return next((step for step in after if not step.is_overdue(now)), None)


def own_step(*, holder: "Holder", s: bytes) -> Step:
    """Return a step that the holder wrote.

    Raises:
        NotFoundError: there is no such step of this holder.
    """
    step = step_by_digest(s)
    if step.holder_id != holder.pk:
        raise NotFoundError("There is no such step of yours.")
    return step


def own_step_beginning(*, holder: "Holder", prefix: bytes) -> Step:
    """Return a step that the holder wrote, by the first bytes of its S.

    Raises:
        NotFoundError: there is no such step of this holder, or more than one.
    """
    rest = 32 - len(prefix)
    within = (prefix + bytes(rest), prefix + b"\xff" * rest)
    found = list(Step.objects.filter(holder=holder, s__range=within)[:2])
    if len(found) != 1:
        raise NotFoundError("There is no such step of yours.")
    return found[0]


def last_step_of(*, holder: "Holder") -> Step | None:
    """Return the step of a chain that a holder wrote last."""
    written = Step.objects.filter(holder=holder, kind__in=BUSINESS_KINDS)
    return written.only("statement").order_by("-pk").first()


def transaction_by_tx(tx: bytes) -> Transaction:
    """Return a transaction.

    Raises:
        NotFoundError: there is none with this id.
    """
    found = Transaction.objects.select_related("owner").filter(tx=tx).first()
    if found is None:
        raise NotFoundError("There is no such transaction.")
    return found


def visible_transaction(*, holder: "Holder", tx: bytes) -> Transaction:
    """Return a transaction that the holder is a party of.

    Raises:
        NotFoundError: there is none for the holder to see.
    """
    found = transaction_by_tx(tx)
    if not is_party(transaction=found, holder=holder):
        raise NotFoundError("There is no such transaction of yours.")
    return found


def standing_of(*, transaction: Transaction, holder: "Holder", now: datetime) -> Standing:
    """Return a transaction with its steps, and what a holder may do with it now."""
    steps = list(steps_of(transaction).select_related("next_holder").defer("verdict"))
    return Standing(transaction, steps, holder, now)


def is_party(*, transaction: Transaction, holder: "Holder") -> bool:
    """Tell whether a holder owns, signed, was asked to sign, or is invited to a transaction."""
    return (
        transaction.owner_id == holder.pk
        or Step.objects.filter(
            Q(holder=holder) | Q(next_holder=holder) | invited_by_email(holder),
            transaction=transaction,
        ).exists()
    )


def steps_of(transaction: Transaction) -> QuerySet[Step]:
    """Return all steps of a transaction, those that came to nothing included, in order."""
    return (
        Step.objects.filter(transaction=transaction)
        .select_related("holder", "token", "transaction")
        .order_by("position", "pk")
    )


def _require_party(step: Step, holder: "Holder") -> None:
    is_own = step.holder_id == holder.pk
    if not is_own and not is_party(transaction=step.transaction, holder=holder):
        raise NotFoundError("There is no such step of yours.")


def recent_steps(*, token_id: int, since: datetime) -> list[Step]:
    """Return a token's steps that were put after a time or are still open, in part."""
    return list(_RECENT.rows(token_id, since, *Step.OPEN))


def _detailed() -> QuerySet[Step]:
    last = (
        Step.objects.filter(token=OuterRef("token"), seq__isnull=False)
        .order_by("-seq")
        .values("seq")[:1]
    )
    return Step.objects.annotate(last_seq=Subquery(last))


_RELATED = ("transaction", "token", "token__host")
_BY_DIGEST = Compiled(lambda: _detailed().filter(s=b""), *_RELATED)
_BY_RECEIPT = Compiled(lambda: _detailed().filter(receipt_id=b""), *_RELATED)
_RECENT = Compiled(
    lambda: (
        Step.objects.filter(token=0)
        .filter(Q(issued_at__gt=timezone.now()) | Q(state__in=Step.OPEN))
        .only("s", "issued_at", "expires_at", "state", "slot")
    )
)


def invited_by_email(holder: "Holder") -> Q:
    """Return the condition that a step names the holder's address, and no account, as the next."""
    return Q(next_email=holder.user.email) & ~Q(next_email="")
