"""Sign in by token: a statement of kind login, judged like any other, and used once.

Its transaction stays open until somebody has signed in by it, and is closed by that.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.services import ask_for_token, forget_token
from audit.services import record
from common.errors import NotFoundError
from enrolment.errors import TokenNotActiveError
from enrolment.selectors import active_tokens_of, policy, tokens_of
from protocol.statement import Kind
from signing.services import platform_information
from transactions.errors import SignInUsedError, TokenRequiredError
from transactions.models import Step, Transaction
from transactions.selectors import step_by_digest
from transactions.services.answer import Answer, judge_step
from transactions.services.asked import Asked
from transactions.services.challenge import ask_alone

if TYPE_CHECKING:
    from accounts.models import Holder


def is_token_asked(*, holder: "Holder") -> bool:
    """Tell whether a holder needs a token behind the password.

    Whoever chose so always does, with or without a token that works: the way around it is a
    passkey, a recovery code or an operator.  Whom the policy asks may first enrol one.
    """
    if holder.user.asks_token:
        return True
    usable = tokens_of(holder=holder).filter(state__in=["active", "suspended"])
    return policy().asks_token and usable.exists()


def choose_sign_in(*, holder: "Holder", is_token_asked: bool, now: datetime) -> None:
    """Have a token asked for behind the password from now on, or no longer.

    Raises:
        TokenNotActiveError: there is no token that could answer.
        TokenRequiredError: the policy asks for one.
    """
    has_token = bool(active_tokens_of(holder=holder))
    if is_token_asked and not has_token:
        raise TokenNotActiveError("You have no active token to be asked for.")
    if not is_token_asked and has_token and policy().asks_token:
        raise TokenRequiredError
    if is_token_asked:
        ask_for_token(user=holder.user, actor=holder.actor, now=now, has_codes=True)
    else:
        forget_token(user=holder.user, actor=holder.actor, now=now)


def start_sign_in(*, holder: "Holder", serial: str, place: str, now: datetime) -> Step:
    """Ask a token for a sign-in.

    Args:
        holder: Whose password was right.
        serial: Which of the holder's tokens.
        place: Device and address in words, so that the holder knows the own sign-in from another.
        now: Timezone-aware.

    Raises:
        TokenNotPairedError, TokenNotActiveError, TooManyChallengesError: the token cannot answer.
    """
    words = _("Sign in to %(name)s") % {"name": platform_information().name}
    asked = Asked({"kind": "login", "text": words}, place, serial)
    return ask_alone(holder=holder, asked=asked, now=now)


def sign_in_step(*, holder: "Holder", s: bytes) -> Step:
    """Return the statement by which a holder is to sign in.

    Raises:
        NotFoundError: there is no such sign-in of this holder.
    """
    step = step_by_digest(s)
    if step.holder_id != holder.pk or step.kind != Kind.LOGIN:
        raise NotFoundError("There is no such sign-in of yours.")
    return step


def answer_sign_in(*, holder: "Holder", s: bytes, response: str, now: datetime) -> Answer:
    """Have the digits judged that a holder types to sign in; errors as ``answer_step``."""
    step = sign_in_step(holder=holder, s=s)
    return judge_step(step, response, actor=holder.actor, now=now)


def use_sign_in(*, holder: "Holder", s: bytes, now: datetime) -> None:
    """Use a signed sign-in up: it lets its holder in once, and never again.

    From then on this holder is always asked for a token: losing it does not open the door to
    whoever has the password.

    Raises:
        NotFoundError: there is no such sign-in of this holder.
        SignInUsedError: nobody signed it, or somebody came in by it already.
    """
    step = sign_in_step(holder=holder, s=s)
    with transaction.atomic():
        unused = Transaction.objects.filter(pk=step.transaction_id, state=Transaction.State.OPEN)
        # Compare and set: of several that bring the same sign-in, one is let in.
        if not step.is_signed or not unused.update(state=Transaction.State.CLOSED):
            raise SignInUsedError
        record(action="holder.signed_in", actor=holder.actor, subject=step.token.serial, now=now)
        if not holder.user.asks_token:
            ask_for_token(user=holder.user, actor=holder.actor, now=now)
