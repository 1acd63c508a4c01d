"""Pass a response on to the step's authentication server, and take its verdict in."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from audit.services import record
from common.errors import NotFoundError
from enrolment.authserver_client import Outcome
from enrolment.errors import AuthserverRefusedError
from enrolment.selectors import client_for
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


def answer_step(*, holder: "Holder", s: bytes, response: str, now: datetime) -> Answer:
    """Have a holder's typed response judged.

    The same correct response may be given again at any time and gets the same answer.

    Raises:
        NotFoundError: no such step of this holder.
        ChallengeExpiredError: nobody answered in time.
        ChallengeVoidError: the step was ended otherwise.
        ResponseReplayedError: the step is signed by another response.
        AuthserverRefusedError: the server refused with a code of its own.
        AuthserverUnavailableError: no usable answer came; the step stays as it was.
    """
    step = step_by_digest(s)
    if step.holder_id != holder.pk:
        raise NotFoundError("There is no such step of yours.")
    return _answer(step, response, tag=None, actor=holder.actor, now=now)


def answer_as_token(*, s: bytes, response: str, tag: bytes, now: datetime) -> Answer:
    """Have a response judged that the token posts itself; the server checks its tag first.

    Raises:
        As :func:`answer_step`; a wrong tag is ``tag_wrong`` and costs no try.
    """
    step = step_by_digest(s)
    with refusal_recorded(step, now=now):
        return _answer(step, response, tag=tag, actor=f"token:{step.token.serial}", now=now)


def _answer(step: Step, response: str, *, tag: bytes | None, actor: str, now: datetime) -> Answer:
    _require_answerable(step)
    try:
        # No transaction is open here: the server may take seconds.
        outcome = _judge(step, response, tag)
    except AuthserverRefusedError as error:
        _raise(error, step, now)
    if outcome.verdict is not None:
        conclude(step, outcome.verdict, actor=actor, now=now)
    else:
        record(
            action="response.refused",
            actor=actor,
            subject=bytes(step.s).hex(),
            now=now,
            code="response_wrong",
        )
    return Answer(step, outcome.tries_left, outcome.locked_until)


def _require_answerable(step: Step) -> None:
    if step.state == Step.State.EXPIRED:
        raise ChallengeExpiredError
    if step.state in (Step.State.CANCELLED, Step.State.REFUSED):
        raise ChallengeVoidError


def _judge(step: Step, response: str, tag: bytes | None) -> Outcome:
    return client_for(step.token.host).judge(
        vk=bytes(step.token.vk),
        statement=bytes(step.statement),
        certificate=signer_certificate(bytes(step.statement)),
        response=response,
        last_seq=step.last_seq or 0,  # type: ignore[attr-defined]  # annotated by the selector
        tag=tag,
    )


def _raise(error: AuthserverRefusedError, step: Step, now: datetime) -> NoReturn:
    if error.code == ResponseReplayedError.code:
        raise ResponseReplayedError from error
    if error.code == ChallengeExpiredError.code and step.is_open:
        # An accepted verdict may have been given to somebody else meanwhile: ask for the end.
        expire_step(step, now=now)
        if step.state == Step.State.SIGNED:
            raise ResponseReplayedError from error
        raise ChallengeExpiredError from error
    raise error
