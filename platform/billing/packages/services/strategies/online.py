"""The terminal itself comes on-line, and shows once more what it runs."""

import hmac
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from billing.packages.errors import (
    DecryptFailedError,
    IntegrityRefusedError,
    NonceReusedError,
    OnlineRequiredError,
)
from billing.packages.models import BillingRequest, Nonce
from billing.packages.services.asked import Asked, open_network, use_number
from billing.packages.services.charging import reject
from billing.packages.services.rules import level_of
from billing.packages.services.strategies.base import (
    Answer,
    State,
    Strategy,
    digest_of,
    newest_prompt,
)
from billing.packages.services.terminals import NONCE_LIFE
from billing.packages.services.verify import verify_integrity
from protocol.errors import ProtocolError
from protocol.jwk import from_base64


class Online(Strategy):
    """The request is parked; nothing that comes by SMS lets it go on."""

    name = "online"
    rank = 3
    state = State.AWAITING_ONLINE
    life = timedelta(hours=24)

    def prove(self, request: BillingRequest, answer: Answer, now: datetime) -> None:
        """Judge a fresh request for the same, sealed for the network, in base64url.

        Raises:
            OnlineRequiredError: it is for something else.
            NonceReusedError: its nonce was not fetched since the request waits, or was used.
            IntegrityRefusedError: the comparisons do not hold any more; the request is rejected.
            And as :func:`asked.open_network`.
        """
        prompt = newest_prompt(request, self)
        fresh = _opened(request, answer.text, now)
        same = replace(fresh, message=replace(fresh.message, nonce=bytes(request.nonce)))
        if not hmac.compare_digest(same.digest, digest_of(request)):
            raise OnlineRequiredError
        if not _is_fresh(fresh, prompt.created_at):
            raise NonceReusedError
        with transaction.atomic():
            use_number(fresh, now)
            is_intact = _is_intact(request, fresh, now)
        # Raised outside the block: raising inside would roll back what was noted.
        if not is_intact:
            raise IntegrityRefusedError


def _opened(request: BillingRequest, text: str, now: datetime) -> Asked:
    try:
        sealed = from_base64(text)
    except ProtocolError as error:
        raise DecryptFailedError from error
    package = request.item.build.package
    return open_network(request.terminal.device, bytes(package.uid), sealed, now)


def _is_fresh(fresh: Asked, since: datetime) -> bool:
    """Tell whether a nonce was fetched while the request waited: one from the pool proves less."""
    issued = Nonce.objects.filter(terminal=fresh.terminal, value=fresh.message.nonce)
    is_late = issued.filter(expires_at__gte=since + NONCE_LIFE).exists()
    return is_late and not fresh.message.is_counted


def _is_intact(request: BillingRequest, fresh: Asked, now: datetime) -> bool:
    """Judge the two results and what backs them; reject the request when they do not hold."""
    try:
        verify_integrity(fresh, level_of(**fresh.facts), now)
    except IntegrityRefusedError as error:
        reject(request, error, now)
        return False
    return True
