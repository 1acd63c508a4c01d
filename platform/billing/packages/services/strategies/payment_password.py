"""The payer's payment password, which the ledger counts, compares and locks."""

from datetime import datetime, timedelta

from billing.ledger.services import check_payment_password
from billing.packages.models import BillingRequest
from billing.packages.services.strategies.base import Answer, State, Strategy, newest_prompt


class PaymentPassword(Strategy):
    """Open to everybody: who has none is told where to set one."""

    name = "payment_password"
    rank = 3
    state = State.AWAITING_PAYPASS
    life = timedelta(minutes=15)

    def prove(self, request: BillingRequest, answer: Answer, now: datetime) -> None:
        """Judge the password.

        Raises:
            PaypassNotSetError, PaypassWrongError, PaypassLockedError: as the ledger says.
        """
        newest_prompt(request, self)
        check_payment_password(holder=request.payer, password=answer.text, now=now)
