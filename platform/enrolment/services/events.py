"""Follow what happens at the hosts without us: their operators' doings, ends of time, locks.

A host keeps a journal of events.  Here an event only says which token to look at: what the host
says of it now is compared with what we know, so that nothing old undoes anything new, and what
the platform did itself is not told twice.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from common.errors import DomainError
from enrolment.errors import AuthserverUnavailableError, ServerMovedError
from enrolment.live import ServerState, ask_server
from enrolment.models import AuthserverHost, Token
from enrolment.selectors import client_for, open_hosts
from enrolment.services.locks import note_lock
from enrolment.services.moving import follow_server
from enrolment.services.server_keys import adopt_key, new_certificate
from enrolment.services.telling import tell

logger = logging.getLogger(__name__)

# A host gives out the ids of events before it commits them: an event this old has no elder one
# that is still to appear.  What we are about to note ourselves is noted by then, too.
SETTLED = timedelta(seconds=5)
_ROUNDS = 20
# Other states are reached by what we do ourselves, and finish ourselves when we were cut off.
_FOLLOWED = {
    "active": Token.State.ACTIVE,
    "suspended": Token.State.SUSPENDED,
    "revoked": Token.State.REVOKED,
    "expired": Token.State.EXPIRED,
}
_FOLLOWED_FROM = (Token.State.ACTIVE, Token.State.SUSPENDED)


def fetch_events(*, now: datetime) -> int:
    """Look at every token that something happened to since the last time.

    A host that is away is asked again the next time.

    Returns:
        How many events there were.
    """
    return sum(_fetch(host, now) for host in open_hosts())


def rewind_events() -> None:
    """Begin anew with the journal of a host that has not the last event we saw of it.

    An older copy of its database was put back, and its numbers begin again where that ends.
    """
    for host in open_hosts().filter(events_after__gt=0):
        try:
            shown = client_for(host).events(after=host.events_after - 1)
            ids = {int(event["id"]) for event in shown["events"]}
        except (DomainError, KeyError, TypeError, ValueError) as error:
            logger.info("events.not_fetched", extra={"host": host.name, "why": str(error)})
            continue
        if host.events_after not in ids:
            host.events_after = 0
            host.save(update_fields=["events_after"])


def _fetch(host: AuthserverHost, now: datetime) -> int:
    taken = 0
    try:
        for _ in range(_ROUNDS):
            # No transaction is open here: a host may take seconds.
            new = _settled(client_for(host).events(after=host.events_after), now)
            if not new:
                break
            for serial in dict.fromkeys(serial for _, serial in new):
                _look(host, serial, now)
            # Afterwards, so that whoever is cut off looks again; looking twice changes nothing.
            host.events_after = new[-1][0]
            host.save(update_fields=["events_after"])
            taken += len(new)
    except DomainError as error:
        logger.info("events.not_fetched", extra={"host": host.name, "code": error.code})
    return taken


def _settled(shown: Mapping[str, Any], now: datetime) -> list[tuple[int, str]]:
    """Return id and serial of the events that are old enough, up to the first that is not."""
    found = []
    try:
        for event in shown["events"]:
            if datetime.fromtimestamp(event["at"], UTC) > now - SETTLED:
                break
            found.append((int(event["id"]), str(event["serial"])))
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise AuthserverUnavailableError from error
    return found


def _look(host: AuthserverHost, serial: str, now: datetime) -> None:
    token = Token.objects.select_related("host", "holder__user").filter(serial=serial).first()
    if token is None or token.host_id != host.pk:
        return
    known = _standing(token)
    told = _asked(token, now)
    certificate = new_certificate(token, told)
    with transaction.atomic():
        row = Token.objects.select_for_update().get(pk=token.pk)
        # Whoever changed it meanwhile knows better; that change has an event of its own.
        if known == _standing(row):
            if certificate is not None:
                adopt_key(token, certificate, told, actor=f"host:{host.name}", now=now)
            _follow_state(token, told, f"host:{host.name}", now)
            _follow_lock(token, told, f"host:{host.name}", now)


def _asked(token: Token, now: datetime) -> ServerState:
    try:
        return ask_server(token)
    except ServerMovedError as moved:
        follow_server(token, moved.origin, actor="system", now=now)
        return ask_server(token)


def _standing(token: Token) -> tuple[object, ...]:
    return token.state, token.locked_until, token.is_blocked, bytes(token.vk)


def _follow_state(token: Token, told: ServerState, actor: str, now: datetime) -> None:
    state = _FOLLOWED.get(told.state)
    if state is None or state == token.state or token.state not in _FOLLOWED_FROM:
        return
    token.state = state
    token.revoked_at = now if state in Token.ENDED else None
    token.save(update_fields=["state", "revoked_at"])
    tell(token, "resumed" if state == Token.State.ACTIVE else state, actor=actor, now=now)


def _follow_lock(token: Token, told: ServerState, actor: str, now: datetime) -> None:
    if token.is_blocked and not told.is_locked:
        tell(token, "unlocked", actor=actor, now=now)
    note_lock(token, told, now=now)
