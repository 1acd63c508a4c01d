"""A passkey of the payer signs a challenge that is drawn from what would be charged."""

from datetime import datetime, timedelta
from typing import Any

from accounts import passkeys
from billing.packages.models import BillingRequest
from billing.packages.services.strategies.base import (
    Answer,
    State,
    Strategy,
    digest_of,
    newest_prompt,
)
from common.sealing import sealer


class Passkey(Strategy):
    """Its challenge is computed, never stored: of another amount it would be another one."""

    name = "passkey"
    rank = 4
    state = State.AWAITING_PASSKEY
    life = timedelta(minutes=10)

    def is_open_to(self, request: BillingRequest, now: datetime) -> bool:
        """Tell whether the payer has a passkey."""
        return passkeys.has_passkey(request.payer.user)

    def options(self, request: BillingRequest) -> dict[str, Any]:
        """Return what the browser needs to ask for the passkey."""
        newest_prompt(request, self)
        return passkeys.passkey_options(request.payer.user, _challenge(request))

    def prove(self, request: BillingRequest, answer: Answer, now: datetime) -> None:
        """Judge what the browser got from the passkey, as JSON.

        Raises:
            PasskeyWrongError: it is none of the payer's, or signed something else.
        """
        newest_prompt(request, self)
        passkeys.check_passkey(request.payer.user, answer.text, _challenge(request))


def _challenge(request: BillingRequest) -> bytes:
    content = bytes(request.uid) + digest_of(request)
    return sealer().keyed_hash("billing-passkey", content)
