"""Let a holder see that this is the true platform before the token answers (mutual OCRA)."""

from datetime import datetime
from typing import TYPE_CHECKING

from audit.services import record
from enrolment.errors import AuthserverRefusedError
from enrolment.services import client_of
from signing.selectors import signer_certificate
from transactions.errors import ChallengeVoidError
from transactions.selectors import own_step
from transactions.services.answer import explain

if TYPE_CHECKING:
    from accounts.models import Holder


def prove_host(*, holder: "Holder", s: bytes, challenge: str, now: datetime) -> str:
    """Return what the paired server answers to digits that the token shows.

    Nobody else can: who holds the token compares, and answers the step only if they are the same.
    From then on the step wants the response that the token gives in the same exchange.

    Args:
        holder: Whose step it is.
        s: Of the statement.
        challenge: The token's own, in the form of its suite.
        now: Timezone-aware.

    Raises:
        NotFoundError: no such step of this holder's.
        ChallengeExpiredError, ChallengeVoidError: it has ended.
        AuthserverRefusedError: ``proof_given`` for other digits than before, or a code of its own.
        AuthserverUnavailableError: no usable answer came; the same may be sent again.
    """
    step = own_step(holder=holder, s=s)
    if not step.is_open:
        raise ChallengeVoidError
    try:
        answer = client_of(step.token).prove(
            vk=bytes(step.token.vk),
            statement=bytes(step.statement),
            certificate=signer_certificate(bytes(step.statement)),
            challenge=challenge,
        )
    except AuthserverRefusedError as error:
        explain(error, step, now)
    record(action="host.proved", actor=holder.actor, subject=step.public_id, now=now)
    return answer
