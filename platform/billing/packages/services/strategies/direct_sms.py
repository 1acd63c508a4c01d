"""Charged at once: the SMS itself, from the terminal's own number, is the proof."""

from datetime import datetime, timedelta

from billing.packages.models import BillingRequest
from billing.packages.services.strategies import phone
from billing.packages.services.strategies.base import (
    Answer,
    Channel,
    State,
    Strategy,
    newest_prompt,
)


class DirectSms(Strategy):
    """The request waits for the carrier alone, who is asked once the SMS is stored."""

    name = "direct_sms"
    rank = 1
    state = State.VERIFIED
    life = timedelta(minutes=15)
    channels = frozenset({Channel.SMS})

    def begin(self, request: BillingRequest, now: datetime) -> None:
        """Refuse a SIM that took another's place of late; nobody is asked anything.

        Raises:
            SenderMismatchError: the terminal is not bound to a number now.
            SimRecentlySwappedError: its SIM changed less than SMS_BILLING_SIM_AGE_HOURS ago.
        """
        phone.require_settled(request, now)
        super().begin(request, now)

    def prove(self, request: BillingRequest, answer: Answer, now: datetime) -> None:
        """Ask the carrier whether the SIM is still the one that was bound.

        Raises:
            As :meth:`begin`, and CarrierUnavailableError: there is no answer now.
        """
        newest_prompt(request, self)
        phone.require_not_swapped(request, now)
