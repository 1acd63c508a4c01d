"""What is listed for a holder: transactions, and the steps that wait."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q, QuerySet

from protocol.statement import Kind
from transactions.models import EXPIRY_LEEWAY, Step, Transaction
from transactions.selectors import BUSINESS_KINDS, invited_by_email
from transactions.standing import MAX_UNSUCCESSFUL_PER_HEAD, Entry

if TYPE_CHECKING:
    from accounts.models import Holder
    from enrolment.models import Token


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
        mine = business.filter(Q(holder=holder) | Q(next_holder=holder) | invited_by_email(holder))
    return (
        Transaction.objects.filter(pk__in=mine.values("transaction"))
        .select_related("owner")
        .order_by("-pk")
    )


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
        Step.objects.filter(Q(next_holder=holder) | invited_by_email(holder))
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
