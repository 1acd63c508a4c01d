"""Find a token again whose clock or counter ran away, by two responses one after the other."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from common.errors import DomainError, NotFoundError
from enrolment.authserver_client import Outcome
from enrolment.errors import AuthserverRefusedError
from enrolment.selectors import token_of
from enrolment.services import client_of, tell
from signing.selectors import signer_certificate
from transactions.errors import NothingToResynchroniseError, StepClosingError
from transactions.models import Step, Transaction
from transactions.selectors import own_step
from transactions.services.answer import Answer, explain, require_answerable, take_in
from transactions.services.asked import Asked
from transactions.services.challenge import ask_alone
from transactions.services.conclude import conclude
from transactions.services.withdraw import cancel_step

if TYPE_CHECKING:
    from accounts.models import Holder


def start_resynchronisation(*, holder: "Holder", serial: str, now: datetime) -> tuple[Step, Step]:
    """Ask a token for two responses that approve nothing.

    Raises:
        NotFoundError: the holder has no such token.
        NothingToResynchroniseError: it has neither clock nor counter.
        TokenNotActiveError, TooManyChallengesError: it cannot answer.
    """
    token = token_of(holder=holder, serial=serial)
    if not token.can_run_away:
        raise NothingToResynchroniseError
    # A card without questions answers nothing but sign-ins; by these two nobody is let in.
    kind = "test" if token.can_sign else "login"
    asked = Asked({"kind": kind}, "Find this token again", serial)
    # Two are needed, however few the policy allows at a time.
    most = Step.MAX_OPEN_PER_TOKEN
    first = ask_alone(holder=holder, asked=asked, now=now, most_open=most)
    try:
        return first, ask_alone(holder=holder, asked=asked, now=now, most_open=most)
    except DomainError:
        _call_off(first, holder, now)
        raise


def resynchronise(
    *,
    holder: "Holder",
    serial: str,
    asked: tuple[bytes, bytes],
    given: tuple[str, str],
    now: datetime,
) -> Answer:
    """Have two responses judged; both together are one try.

    Args:
        holder: Who types.
        serial: Of the token.
        asked: S of the two statements, in the order in which the token answered them.
        given: The responses.
        now: Timezone-aware.

    Returns:
        The second step as it ended: signed, when the token was found again.

    Raises:
        NotFoundError: no such two steps of this holder's token.
        ChallengeExpiredError, ChallengeVoidError: one of them has ended.
        AuthserverRefusedError: the server refused with a code of its own.
        AuthserverUnavailableError: no usable answer came; the same may be sent again.
    """
    first, second = pair_of_steps(holder=holder, serial=serial, asked=asked)
    for step in (first, second):
        require_answerable(step)
    token, actor = second.token, holder.actor
    answers = [
        (bytes(step.statement), signer_certificate(bytes(step.statement)), response)
        for step, response in zip((first, second), given, strict=True)
    ]
    try:
        outcome = client_of(token).resynchronise(
            vk=bytes(token.vk),
            answers=answers,
            last_seq=second.last_seq or 0,  # type: ignore[attr-defined]  # by the selector
        )
    except AuthserverRefusedError as error:
        explain(error, second, now)
    if isinstance(outcome, Outcome):
        return take_in(second, outcome, actor=actor, now=now)
    for step, verdict in zip((first, second), outcome, strict=True):
        conclude(step, verdict, actor=actor, now=now)
    with transaction.atomic():
        chains = (first.transaction_id, second.transaction_id)
        Transaction.objects.filter(pk__in=chains).update(state=Transaction.State.CLOSED)
        tell(token, "resynchronised", actor=actor, now=now)
    return Answer(second)


def pair_of_steps(
    *, holder: "Holder", serial: str, asked: tuple[bytes, bytes]
) -> tuple[Step, Step]:
    """Return the two steps by which a token is found again.

    Raises:
        NotFoundError: no such two steps of this holder's token.
    """
    first, second = (own_step(holder=holder, s=s) for s in asked)
    if first.pk == second.pk or {first.token.serial, second.token.serial} != {serial}:
        raise NotFoundError("There are no such two steps of this token.")
    return first, second


def _call_off(step: Step, holder: "Holder", now: datetime) -> None:
    try:
        cancel_step(holder=holder, s=bytes(step.s), now=now)
    except StepClosingError:
        # It ends by itself.
        return
