"""A dynamic token of the payer answers: a step of a chain."""

from datetime import datetime, timedelta

from billing.packages.errors import StrategyUnavailableError
from billing.packages.models import BillingRequest
from billing.packages.services.strategies.base import Answer, State, Strategy
from enrolment.selectors import signing_tokens_of


class Token(Strategy):
    """Put, and concluded, by ``services.proving_token``; nothing that is typed here proves it."""

    name = "token"
    rank = 4
    state = State.AWAITING_TOKEN
    life = timedelta(minutes=15)

    def is_open_to(self, request: BillingRequest, now: datetime) -> bool:
        """Tell whether the payer has a token that can sign."""
        return bool(signing_tokens_of(holder=request.payer))

    def prove(self, request: BillingRequest, answer: Answer, now: datetime) -> None:
        """Refuse: the token's step proves it.

        Raises:
            StrategyUnavailableError: always.
        """
        raise StrategyUnavailableError
