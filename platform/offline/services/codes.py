"""Take a one-way code from a relay: what a client shows without hearing anything.

Weaker than an application, since the client sees neither payee nor amount: off until its holder
sets a limit, good for a minute, once, and never where the offline password is due.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from binding.services import require_slow
from offline.errors import (
    LevelRequiredError,
    LimitExceededError,
    SerialReusedError,
    ServiceDeniedError,
)
from offline.models import Authorization
from offline.selectors import relay_of
from offline.services import admit, deciding
from offline.services.limits import require_within_limits
from protocol.offline import Level, Money, OneWayCode

if TYPE_CHECKING:
    from binding.models import Device
    from offline.models import Client, Relay

CODE_LIFE = timedelta(seconds=60)
# A code from the future would live longer than a minute.
_AHEAD = timedelta(seconds=5)
_State = Authorization.State


def take_code(
    *, device: "Device", code: bytes, money: Money, request: str, now: datetime
) -> Authorization:
    """Take an amount by a one-way code, at once; what is refused has no effect.

    The relay that got no answer repeats its request, and gets the decision again.  Whoever shows
    the code a second time makes another one.

    Args:
        device: That relays.
        code: As the client signed it.
        money: What the relay's service wants, at most what the code says.
        request: As :func:`common.idempotency.request_key` tells it from others.
        now: Timezone-aware.

    Returns:
        What was approved, with its signed result and its receipt.

    Raises:
        RateLimitedError: the device called too often within a minute.
        DeviceNotTrustedError: it is no relay.
        InputInvalidError: that is no code.
        UnknownClientError, AccountFrozenError, OfflinePasswordLockedError: the client may not.
        SerialReusedError, SerialStaleError: the code was used, or is older than a minute.
        ServiceDeniedError: the service takes no codes, or not this currency, or is not there.
        LevelRequiredError: the offline password is due.
        LimitExceededError: more than the code or its holder allows.
        FundsInsufficientError, OwnPayeeError: as the ledger says.
        KeysMissingError: the platform cannot sign.
    """
    require_slow(device, now=now)
    relay = relay_of(device)
    client, said = admit.read(OneWayCode, code)
    with admit.naming(client):
        try:
            return _taken(relay, client, said, code, money, request, now)
        except SerialReusedError:
            taken = Authorization.objects.filter(
                serial=bytes(said.serial), relay=relay, application=code, request=request
            )
            repeated = taken.filter(
                amount=money.amount, currency=money.currency, state=_State.APPROVED
            ).first()
            if repeated is None:
                raise
            return repeated


def _taken(
    relay: "Relay",
    client: "Client",
    said: OneWayCode,
    code: bytes,
    money: Money,
    request: str,
    now: datetime,
) -> Authorization:
    admit.require_unused(client, said.serial, now)
    admit.require_fresh(said.time, now, life=CODE_LIFE, ahead=_AHEAD)
    service = relay.service
    if not service.takes_codes:
        raise ServiceDeniedError
    admit.require_served(relay, client, service=bytes(service.uid), money=money, subject=None)
    if admit.level_due(client, service, Level.ORDINARY, money) is Level.HIGH:
        raise LevelRequiredError
    _require_within(client, said.most, money)
    require_within_limits(client=client, money=money, now=now)
    row = Authorization(
        serial=bytes(said.serial),
        client=client,
        counter=said.serial.counter,
        relay=relay,
        service=service,
        way="offline_code",
        amount=money.amount,
        currency=money.currency,
        application=code,
        request=request,
        state=_State.APPLIED,
        applied_at=now,
        expires_at=admit.moment(said.time) + CODE_LIFE,
    )
    with transaction.atomic():
        is_first = admit.take_number(client, said.serial)
        if is_first:
            row.save()
            deciding.approve(row, from_state=_State.APPLIED, now=now)
    if not is_first:
        raise admit.beaten(client, said.serial, now)
    return row


def _require_within(client: "Client", most: Money, money: Money) -> None:
    allowed = Money(client.code_limit, client.code_currency) if client.code_limit else None
    if allowed is None or not money.currency == most.currency == allowed.currency:
        raise LimitExceededError
    if not money.amount <= most.amount <= allowed.amount:
        raise LimitExceededError
