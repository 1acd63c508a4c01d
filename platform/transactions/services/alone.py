"""Ask a token something that concerns it alone: such a transaction has one step, and no next."""

from datetime import datetime
from typing import TYPE_CHECKING

from enrolment.errors import TokenNotActiveError
from enrolment.selectors import token_of
from enrolment.services import confirm_digits
from transactions.models import Step
from transactions.services.asked import Asked
from transactions.services.challenge import ask_alone

if TYPE_CHECKING:
    from accounts.models import Holder


def start_activation(*, holder: "Holder", serial: str, digits: str, now: datetime) -> Step:
    """Confirm a new token's eight digits and ask it to answer its first statement.

    A token that is confirmed already is asked again, so a lost answer costs nothing.

    Raises:
        NotFoundError: the holder has no such token.
        TokenNotActiveError: it is active already, or ended.
        AuthserverRefusedError: the digits are wrong.
    """
    token = token_of(holder=holder, serial=serial)
    if token.state != "confirmed":
        confirm_digits(token=token, digits=digits, now=now)
    asked = Asked({"kind": "activation"}, "Activate this token", serial)
    return ask_alone(holder=holder, asked=asked, now=now, states=("confirmed",))


def start_test(*, holder: "Holder", serial: str, now: datetime) -> Step:
    """Ask a token for a response that approves nothing, to try it.

    Raises:
        NotFoundError: the holder has no such token.
        TokenNotActiveError, TokenSignsInOnlyError, TooManyChallengesError: it cannot answer.
    """
    token_of(holder=holder, serial=serial)
    asked = Asked({"kind": "test"}, "Try this token", serial)
    return ask_alone(holder=holder, asked=asked, now=now)


def start_unlock(*, holder: "Holder", serial: str, by: str, now: datetime) -> Step:
    """Ask another token of the holder to answer, so that a locked one is unlocked.

    Args:
        holder: Whose both are.
        serial: The token to unlock.
        by: Serial of the token that answers.
        now: Timezone-aware.

    Raises:
        NotFoundError: the holder has no such token to unlock.
        TokenNotActiveError: it has ended; or the one that is to answer is the same.
        And as :func:`transactions.services.chain.open_transaction` of the one that answers.
    """
    locked = token_of(holder=holder, serial=serial)
    if locked.is_ended:
        raise TokenNotActiveError(f"A token that is {locked.state} cannot be unlocked.")
    if locked.serial == by:
        raise TokenNotActiveError("Another token has to answer.")
    # By its reference the end of the step finds the token that it is about.
    demand = {"kind": "unlock", "reference": locked.serial}
    return ask_alone(holder=holder, asked=Asked(demand, "Unlock my other token", by), now=now)
