"""Take a client's application from a relay, and say what is to be signed."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from audit.services import record
from binding.services import require_slow
from offline.models import Authorization, Client
from offline.selectors import relay_of
from offline.services import admit, steps
from offline.services.deciding import side
from offline.services.limits import require_within_limits
from protocol.keys import Purpose
from protocol.offline import NONCE_BYTES, Application, Level, ToBeSigned
from signing.services import signing_key

if TYPE_CHECKING:
    from binding.models import Device
    from offline.models import Relay

TBS_LIFE = timedelta(seconds=90)
_WAYS = {Level.ORDINARY: "offline", Level.HIGH: "offline_high"}


@dataclass(frozen=True, slots=True)
class Applied:
    """What the relay brings to the client.

    Attributes:
        authorization: As it waits for the countersign.
        tbs: To be signed; signed by the platform.
        bundle: The statement for the holder's token, where a step is to be signed.
    """

    authorization: Authorization
    tbs: bytes
    bundle: bytes | None


def apply(*, device: "Device", application: bytes, now: datetime) -> Applied:
    """Take an application; nothing is paid or opened before its countersign.

    Args:
        device: That relays.
        application: As the client signed it.
        now: Timezone-aware.

    Raises:
        RateLimitedError: the device called too often within a minute.
        DeviceNotTrustedError: it is no relay.
        InputInvalidError: that is no application.
        UnknownClientError, AccountFrozenError, OfflinePasswordLockedError: the client may not.
        SerialReusedError, SerialStaleError: its number was used, or it is not of now.
        ServiceDeniedError: not this, not here, or not for this holder.
        LimitExceededError: it would pass a limit of the client.
        OfflinePasswordNotSetError: the level that is due takes one.
        KeysMissingError: the platform cannot sign.
    """
    require_slow(device, now=now)
    relay = relay_of(device)
    client, asked = admit.read(Application, application)
    with admit.naming(client):
        return _applied(relay, client, asked, application, now)


def _applied(
    relay: "Relay", client: Client, asked: Application, application: bytes, now: datetime
) -> Applied:
    admit.require_unused(client, asked.serial, now)
    admit.require_fresh(asked.time, now, life=admit.LEEWAY, ahead=admit.LEEWAY)
    admit.require_served(
        relay, client, service=asked.service, money=asked.money, subject=asked.subject
    )
    if asked.money is not None:
        require_within_limits(client=client, money=asked.money, now=now)
    level = admit.level_due(client, relay.service, asked.level, asked.money)
    if level is Level.HIGH:
        admit.require_password_set(client)
    bundle = None
    if asked.subject is not None:
        bundle = steps.statement_for(client=client, subject=asked.subject, now=now)
    due = _to_be_signed(asked, level, relay, now)
    row = _row(client, relay, due)
    row.application = application
    row.tbs = due.sign(signing_key(Purpose.OFFLINE, now=now).key)
    row.applied_at = now
    with transaction.atomic():
        is_first = admit.take_number(client, asked.serial)
        if is_first:
            row.save()
            actor = client.device.actor
            record(action="authorization.applied", actor=actor, subject=row.public_id, now=now)
    if not is_first:
        raise admit.beaten(client, asked.serial, now)
    return Applied(row, row.tbs, bundle)


def _to_be_signed(asked: Application, level: Level, relay: "Relay", now: datetime) -> ToBeSigned:
    issued = int(now.timestamp())
    return ToBeSigned(
        serial=asked.serial,
        service=asked.service,
        money=asked.money,
        level=level,
        time=asked.time,
        subject=asked.subject,
        device=bytes(relay.device.uid),
        title=relay.service.title,
        payee=side(relay.service.owner),
        nonce=secrets.token_bytes(NONCE_BYTES),
        issued=issued,
        expires=issued + int(TBS_LIFE.total_seconds()),
    )


def _row(client: Client, relay: "Relay", due: ToBeSigned) -> Authorization:
    return Authorization(
        serial=bytes(due.serial),
        client=client,
        counter=due.serial.counter,
        relay=relay,
        service=relay.service,
        way=_WAYS[due.level],
        amount=due.money.amount if due.money else None,
        currency=due.money.currency if due.money else "",
        subject=due.subject,
        state=Authorization.State.TBS_ISSUED,
        expires_at=admit.moment(due.expires),
    )
