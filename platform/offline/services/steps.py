"""A step of a transaction that a holder's token signs by way of a phone without a network.

The phone passes on what the token answers: the token's server judges it, with its count of tries,
as it judges what is typed on the step's page.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from common.errors import NotFoundError
from common.sentences import is_told
from enrolment.errors import AuthserverRefusedError
from enrolment.selectors import policy
from offline.errors import AuthorizationWaitsError, CountersignInvalidError, ServiceDeniedError
from protocol.statement import Kind
from transactions.selectors import own_step_beginning
from transactions.selectors_lists import to_answer
from transactions.selectors_messages import bundle_of
from transactions.services import answer_step
from transactions.services.answer import require_answerable

if TYPE_CHECKING:
    from offline.models import Authorization, Client
    from transactions.models import Step


def statement_for(*, client: "Client", subject: bytes, now: datetime) -> bytes:
    """Return the challenge of a step that a client asks to sign: the bundle, for its token.

    Args:
        client: It may authorize; its holder's token is asked.
        subject: The first 8 bytes of the step's S.
        now: Timezone-aware.

    Raises:
        ServiceDeniedError: the policy does not allow it, or this is no open step of the holder.
    """
    waiting = to_answer(holder=client.device.holder, now=now)
    for step in waiting if policy().offline_steps else ():
        if step.offline_id == subject.hex() and Kind(step.kind).is_business:
            return bundle_of(step)
    raise ServiceDeniedError


def sign_step(*, authorization: "Authorization", response: str, now: datetime) -> None:
    """Have the token's response judged; the step is signed when this returns.

    Never inside a transaction: the token's server may take seconds.  The same response may be
    judged again at any time, with the same answer.

    Args:
        authorization: Countersigned, with all that was due beside the response.
        response: As the client countersigned it.
        now: Timezone-aware.

    Raises:
        AuthorizationWaitsError: the time to countersign is over; the worker decides.
        CountersignInvalidError: it is wrong, which cost a try, or the server refused to judge it.
        AuthserverUnavailableError: nothing is known; it may have been judged all the same.
        And whatever else :func:`transactions.services.answer_step` refuses.
    """
    # Repeated late, it opens nothing: the worker finds out, by require_signed.
    if now >= authorization.expires_at:
        raise AuthorizationWaitsError
    step = _step_of(authorization)
    # It may have been switched off since the client asked.
    if not policy().offline_steps:
        raise ServiceDeniedError
    _judge(step, response, now)


def require_signed(*, authorization: "Authorization", response: str, now: datetime) -> None:
    """Accept a response by which the step was signed, when its judging was cut off.

    Nothing is signed here: the worker settles open steps, as all are.  What the holder signed
    otherwise meanwhile is no word for this response: the token's server is asked which it was.

    Args:
        authorization: Countersigned; what is signed was approved, whoever heard of it.
        response: As the client countersigned it.
        now: Timezone-aware.

    Raises:
        AuthorizationWaitsError: the step has not ended yet.
        ChallengeExpiredError, ChallengeVoidError, ServiceDeniedError: it was not signed.
        ResponseReplayedError: it was signed by another response.
        And as :func:`sign_step`.
    """
    step = _step_of(authorization)
    if step.is_open:
        raise AuthorizationWaitsError
    require_answerable(step)
    _judge(step, response, now)


def _judge(step: "Step", response: str, now: datetime) -> None:
    try:
        answer = answer_step(holder=step.holder, s=bytes(step.s), response=response, now=now)
    except AuthserverRefusedError as error:
        # A host's own code is passed on where people are told here what it means.
        if is_told(error.code):
            raise
        raise CountersignInvalidError("response_refused") from error
    if not answer.accepted:
        raise CountersignInvalidError("response_wrong")


def _step_of(authorization: "Authorization") -> "Step":
    """Return the step that an authorization is about.

    Raises:
        ServiceDeniedError: it is there no more.
    """
    holder, subject = authorization.client.device.holder, bytes(authorization.subject or b"")
    try:
        return own_step_beginning(holder=holder, prefix=subject)
    except NotFoundError as error:
        raise ServiceDeniedError from error
