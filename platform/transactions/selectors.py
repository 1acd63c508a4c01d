"""Find transactions and steps, and read them as the protocol's messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from common.compiled import Compiled
from common.errors import NotFoundError
from enrolment.selectors import certified_server
from protocol import chain, cose, qrtext
from protocol.bundle import MAX_CONTEXT, Context
from protocol.digests import verdict_digest
from protocol.fitting import Linked, fit_bundle
from protocol.qrtext import Link
from protocol.rebuild import rebuild
from protocol.receipt import MAX_STEPS, Receipt
from protocol.statement import Kind, Sight, Statement
from signing.services import platform_information
from tokens.question import question_for
from tokens.suites import parse_suite
from transactions.models import EXPIRY_LEEWAY, Step, Transaction
from transactions.standing import MAX_UNSUCCESSFUL_PER_HEAD, Entry, Standing

if TYPE_CHECKING:
    from accounts.models import Holder
    from enrolment.models import Token

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


def last_step_of(*, holder: "Holder") -> Step | None:
    """Return the step of a chain that a holder wrote last."""
    written = Step.objects.filter(holder=holder, kind__in=BUSINESS_KINDS)
    return written.only("statement").order_by("-pk").first()


def shown_by_receipt(step: Step) -> tuple[int, list[Statement]]:
    """Return what a signed step's receipt shows: how many steps are folded, and the others."""
    receipt = Receipt.from_signed(cose.parse(bytes(step.receipt or b"")))
    return receipt.folded, [rebuilt.statement for rebuilt in rebuild(receipt)]


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


def transactions_of(
    *, holder: "Holder", tokens: "Iterable[Token] | None" = None
) -> QuerySet[Transaction]:
    """Return the transactions a holder is a party of or is invited to, newest first.

    Args:
        holder: Whose.
        tokens: Only those that one of these tokens of the holder was to sign.
    """
    business = Step.objects.filter(kind__in=BUSINESS_KINDS)
    if tokens is not None:
        mine = business.filter(holder=holder, token__in=tokens)
    else:
        mine = business.filter(
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
        by=certified_server(step.token, vk=statement.vk, decided=decided),
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


def challenge_text(step: Step) -> str:
    """Return the text of the QR code that asks a token to answer."""
    return qrtext.encode(platform_information().origin, Link.BUNDLE, bundle_of(step))


def receipt_text(step: Step) -> str | None:
    """Return the QR text of a step's receipt, once it has one."""
    if step.receipt is None:
        return None
    return qrtext.encode(platform_information().origin, Link.RECEIPT, bytes(step.receipt))


def typed_question(step: Step) -> str | None:
    """Return the digits to type into the token, where its suite has them."""
    if step.token.sight != Sight.TYPED or not step.is_open:
        return None
    return question_for(parse_suite(step.token.suite), bytes(step.s))


def to_answer(*, holder: "Holder", now: datetime) -> QuerySet[Step]:
    """Return the steps that wait for a holder's token, the most urgent first.

    A sign-in is not among them: whoever is signed in and answers it lets somebody else in.
    """
    waiting = Step.objects.filter(holder=holder, state=Step.State.CHALLENGED, expires_at__gt=now)
    return waiting.exclude(kind=Kind.LOGIN).order_by("expires_at")


def to_continue(*, holder: "Holder", now: datetime) -> QuerySet[Step]:
    """Return the signed steps behind which a holder is invited to add the next, newest first.

    It is the rule of :class:`Standing` put as a query.
    """
    after = Step.objects.filter(previous=OuterRef("pk"))
    in_time = Q(state__in=Step.OPEN, expires_at__gte=now - EXPIRY_LEEWAY)
    taken = after.filter(Q(state=Step.State.SIGNED) | in_time)
    given_up = after.filter(holder=holder)
    return (
        Step.objects.filter(Q(next_holder=holder) | _invited_by_email(holder))
        .filter(state=Step.State.SIGNED, transaction__state=Transaction.State.OPEN)
        .exclude(holder=holder, transaction__may_repeat_holder=False)
        .exclude(Exists(taken))
        .exclude(Exists(given_up[MAX_UNSUCCESSFUL_PER_HEAD - 1 :]))
        .order_by("-pk")
    )


def waiting_count(*, holder: "Holder", now: datetime) -> int:
    """Return how many steps wait for a holder: to be answered, or to be followed."""
    answers = to_answer(holder=holder, now=now).count()
    return answers + to_continue(holder=holder, now=now).count()


@dataclass(frozen=True, slots=True)
class Summary:
    """A transaction as one line of a list.

    Attributes:
        chain: The transaction.
        first: Its first step.
        others: The names, or else accounts, of the other parties.
        state: That of the transaction, or of its first step while nothing is signed.
    """

    chain: Transaction
    first: Step
    others: list[str]
    state: str


def summaries(chains: Iterable[Transaction], *, holder: "Holder", now: datetime) -> list[Summary]:
    """Return transactions as the lines of a list, with two queries for all of them."""
    listed = list(chains)
    steps = Step.objects.filter(transaction__in=listed)
    first = {step.transaction_id: step for step in steps.filter(position=0).defer("receipt")}
    parties: dict[int, list[str]] = {}
    signers = steps.filter(state=Step.State.SIGNED).exclude(holder=holder).order_by("position")
    named = signers.values_list("transaction_id", "holder__name", "holder__account")
    for chain_id, name, account in dict.fromkeys(named):
        parties.setdefault(chain_id, []).append(name or account)
    return [
        Summary(
            chain=chain,
            first=first[chain.pk],
            others=parties.get(chain.pk, []),
            state=_listed_state(chain, Entry.of(first[chain.pk], holder, now)),
        )
        for chain in listed
    ]


def _listed_state(chain: Transaction, first: Entry) -> str:
    is_begun = first.step.is_signed or chain.state != Transaction.State.OPEN
    return chain.state if is_begun else first.state


def _require_party(step: Step, holder: "Holder") -> None:
    is_own = step.holder_id == holder.pk
    if not is_own and not is_party(transaction=step.transaction, holder=holder):
        raise NotFoundError("There is no such step of yours.")


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
