"""Find transactions and steps, and read them as the protocol's messages."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from common.compiled import Compiled
from common.errors import NotFoundError
from enrolment.selectors import certified_server
from protocol import chain, cose
from protocol.bundle import MAX_CONTEXT, Context
from protocol.digests import verdict_digest
from protocol.fitting import Linked, fit_bundle
from protocol.receipt import MAX_STEPS
from protocol.statement import Kind
from signing.services import platform_information
from transactions.models import Step, Transaction

if TYPE_CHECKING:
    from accounts.models import Holder

BUSINESS_KINDS = [kind.value for kind in Kind if kind.is_business]


def step_by_digest(s: bytes) -> Step:
    """Return a step with all that answering it needs; ``last_seq`` is its server's last known.

    Raises:
        NotFoundError: there is no such step.
    """
    step = _BY_DIGEST.first(s)
    if step is None:
        raise NotFoundError("There is no such step.")
    return step


def step_by_receipt(receipt_id: bytes) -> Step | None:
    """Return the step whose stored receipt has this identity."""
    return _BY_RECEIPT.first(receipt_id)


def transaction_by_tx(tx: bytes) -> Transaction:
    """Return a transaction.

    Raises:
        NotFoundError: there is none with this id.
    """
    found = Transaction.objects.select_related("owner").filter(tx=tx).first()
    if found is None:
        raise NotFoundError("There is no such transaction.")
    return found


def transactions_of(*, holder: "Holder") -> QuerySet[Transaction]:
    """Return the transactions a holder is a party of or is invited to, newest first."""
    mine = Step.objects.filter(kind__in=BUSINESS_KINDS).filter(
        Q(holder=holder) | Q(next_holder=holder) | _invited_by_email(holder)
    )
    return (
        Transaction.objects.filter(pk__in=mine.values("transaction"))
        .select_related("owner")
        .order_by("-pk")
    )


def is_party(*, transaction: Transaction, holder: "Holder") -> bool:
    """Tell whether a holder owns, signed, was asked to sign, or is invited to a transaction."""
    return (
        transaction.owner_id == holder.pk
        or Step.objects.filter(
            Q(holder=holder) | Q(next_holder=holder) | _invited_by_email(holder),
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


def folded_steps(*, transaction: Transaction, to: int) -> list[tuple[bytes, bytes]]:
    """Return statement payloads and verdicts of the signed steps up to a position, in order."""
    rows = Step.objects.filter(
        transaction=transaction, state=Step.State.SIGNED, position__lte=to
    ).order_by("position")
    return [
        (cose.parse(bytes(statement)).payload, bytes(verdict or b""))
        for statement, verdict in rows.values_list("statement", "verdict")
    ]


def bundle_of(step: Step) -> bytes:
    """Return the challenge bundle of a step: what its QR code carries."""
    statement = step.content
    earlier = earlier_steps(step, MAX_CONTEXT) if step.position else []
    return fit_bundle(
        origin=platform_information().origin,
        statement=bytes(step.statement),
        pos=step.position,
        recent=[_as_context(row) for row in earlier],
        prev=statement.prev,
    )


def earlier_steps(step: Step, count: int = MAX_STEPS - 1) -> list[Step]:
    """Return the last signed steps before this one, oldest first, with token and host."""
    rows = (
        Step.objects.filter(
            transaction_id=step.transaction_id,
            state=Step.State.SIGNED,
            position__lt=step.position,
            position__gte=step.position - count,
        )
        .select_related("token__host")
        .order_by("position")
    )
    return list(rows)


def as_receipt_step(step: Step, *, verdict: bytes, decided: int, seq: int) -> Linked[chain.Step]:
    """Return a step as receipts carry it, with the certificate of its server."""
    statement = step.content
    content = chain.Step(
        party=statement.party,
        demand=statement.demand,
        serial=statement.serial,
        sight=statement.sight,
        nonce=statement.nonce,
        issued=statement.issued,
        ttl=statement.ttl,
        decided=decided,
        seq=seq,
        signature=cose.parse(verdict).signature,
        by=certified_server(step.token),
    )
    return Linked(statement.prev, content)


def stored_receipt_step(step: Step) -> Linked[chain.Step]:
    """Return a signed step as receipts carry it."""
    if step.verdict is None or step.decided_at is None or step.seq is None:
        raise AssertionError("a signed step has its verdict")
    return as_receipt_step(
        step,
        verdict=bytes(step.verdict),
        decided=int(step.decided_at.timestamp()),
        seq=step.seq,
    )


def _as_context(step: Step) -> Linked[Context]:
    statement = step.content
    return Linked(
        statement.prev, Context.of(statement, verdict_digest(bytes(step.verdict or b"")))
    )


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


def _invited_by_email(holder: "Holder") -> Q:
    return Q(next_email=holder.user.email) & ~Q(next_email="")
