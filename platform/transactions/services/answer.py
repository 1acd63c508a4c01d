"""Pass a response on to the step's authentication server, and take its verdict in."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from django.db import transaction

from audit.services import record
from binding.services import give_back, require_permit
from common.errors import NotFoundError
from enrolment.authserver_client import Outcome
from enrolment.errors import AuthserverRefusedError
from enrolment.selectors import policy
from enrolment.services import client_of, look_at_lock, note_wrong
from protocol.binding import Purpose
from protocol.statement import Kind
from signing.selectors import signer_certificate
from transactions.errors import (
    ChallengeExpiredError,
    ChallengeVoidError,
    ResponseReplayedError,
)
from transactions.models import Step
from transactions.selectors import step_by_digest
from transactions.services.conclude import conclude
from transactions.services.refusals import refusal_recorded
from transactions.services.withdraw import expire_step

if TYPE_CHECKING:
    from accounts.models import Holder


@dataclass(frozen=True, slots=True)
class Answer:
    """How a response was judged.  Test ``accepted``; an answer has no truth value.

    Attributes:
        step: The step as it stands now.
        tries_left: Tries before the token locks, when the response was wrong.
        locked_until: Unix seconds, when the token is locked now.
    """

    step: Step
    tries_left: int | None = None
    locked_until: int | None = None

    def __bool__(self) -> bool:
        raise TypeError("an Answer has no truth value; test .accepted")

    @property
    def accepted(self) -> bool:
        """Whether the step is signed."""
        return self.step.state == Step.State.SIGNED


def answer_step(
    *, holder: "Holder", s: bytes, response: str, now: datetime, permit: str | None = None
) -> Answer:
    """Have a holder's typed response judged.

    The same correct response may be given again at any time and gets the same answer.  ``permit``
    is of a bound phone, where the policy wants one; ``None`` for any fresh one of the holder.

    Raises:
        NotFoundError: no such step of this holder.
        ChallengeExpiredError: nobody answered in time.
        ChallengeVoidError: the step was ended otherwise.
        ResponseReplayedError: the step is signed by another response.
        AuthserverRefusedError: the server refused with a code of its own.
        AuthserverUnavailableError: no usable answer came; the step stays as it was.
        PermitRequiredError: the policy wants a permit, and there is none; no try is used up.
    """
    step = step_by_digest(s)
    # A sign-in is answered where it was begun, and by the token itself: no other session of the
    # holder, nor a program with a key, types the digits that let somebody in.
    if step.holder_id != holder.pk or step.kind == Kind.LOGIN:
        raise NotFoundError("There is no such step of yours.")
    return judge_step(step, response, actor=holder.actor, now=now, permit=permit)


def answer_as_token(*, s: bytes, response: str, tag: bytes, now: datetime) -> Answer:
    """Have a response judged that the token posts itself; the server checks its tag first.

    Raises:
        As :func:`answer_step`; a wrong tag is ``tag_wrong`` and costs no try.
    """
    step = step_by_digest(s)
    with refusal_recorded(step, now=now):
        return judge_step(step, response, tag=tag, actor=f"token:{step.token.serial}", now=now)


def judge_step(
    step: Step,
    response: str,
    *,
    actor: str,
    now: datetime,
    tag: bytes | None = None,
    permit: str | None = None,
) -> Answer:
    """Have a response judged by whoever may give it; errors as :func:`answer_step`."""
    require_answerable(step)
    used = _use_permit(step, permit, now)
    try:
        # No transaction is open here: the server may take seconds.
        outcome = _judge(step, response, tag)
    except AuthserverRefusedError as error:
        # Not judged at all: whoever posts a wrong tag burns no permit of the holder.
        give_back(used)
        explain(error, step, now)
    return take_in(step, outcome, actor=actor, now=now)


def _use_permit(step: Step, permit: str | None, now: datetime) -> int | None:
    """Use up a permit where the policy wants one: not to sign in, nor to be told again."""
    is_asked = Purpose.COUNTERSIGN in policy().permits
    # The holder is not looked up for nothing: every answer comes here.
    if not is_asked or step.state == Step.State.SIGNED or not Kind(step.kind).is_business:
        return None
    return require_permit(holder=step.holder, purpose=Purpose.COUNTERSIGN, permit=permit, now=now)


def require_answerable(step: Step) -> None:
    """Refuse a step that has ended otherwise than by a signature.

    Raises:
        ChallengeExpiredError, ChallengeVoidError: it has.
    """
    if step.state == Step.State.EXPIRED:
        raise ChallengeExpiredError
    if step.state in (Step.State.CANCELLED, Step.State.REFUSED):
        raise ChallengeVoidError


def take_in(step: Step, outcome: Outcome, *, actor: str, now: datetime) -> Answer:
    """Store what the server says of a response: its verdict, or that it was wrong."""
    if outcome.verdict is not None:
        conclude(step, outcome.verdict, actor=actor, now=now)
    else:
        with transaction.atomic():
            record(
                action="response.refused",
                actor=actor,
                subject=bytes(step.s).hex(),
                now=now,
                code="response_wrong",
            )
            note_wrong(step.token, tries_left=outcome.tries_left, now=now)
    return Answer(step, outcome.tries_left, outcome.locked_until)


def _judge(step: Step, response: str, tag: bytes | None) -> Outcome:
    return client_of(step.token).judge(
        vk=bytes(step.token.vk),
        statement=bytes(step.statement),
        certificate=signer_certificate(bytes(step.statement)),
        response=response,
        last_seq=step.last_seq or 0,  # type: ignore[attr-defined]  # annotated by the selector
        tag=tag,
        is_login=step.kind == Kind.LOGIN,
    )


def explain(error: AuthserverRefusedError, step: Step, now: datetime) -> NoReturn:
    """Raise what a server's refusal to judge means here, having noted what follows from it."""
    if error.code == ResponseReplayedError.code:
        raise ResponseReplayedError from error
    if error.code == "token_locked":
        look_at_lock(step.token, now=now)
    if error.code == ChallengeExpiredError.code and step.is_open:
        # An accepted verdict may have been given to somebody else meanwhile: ask for the end.
        expire_step(step, now=now)
        if step.state == Step.State.SIGNED:
            raise ResponseReplayedError from error
        raise ChallengeExpiredError from error
    raise error
