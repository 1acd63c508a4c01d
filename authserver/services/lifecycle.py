"""Suspend, resume, unlock and revoke servers; and make a restored host safe."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from authserver.errors import AuthserverError, Code
from authserver.models import (
    MAX_CONSECUTIVE_FAILURES,
    Enrolment,
    Failure,
    HostState,
    Server,
)
from authserver.selectors import host_state, locked_server
from authserver.services.attempts import clear_failures
from authserver.services.matching import COUNTER_LOOK_AHEAD
from protocol.statement import MAX_TTL_SECONDS

logger = logging.getLogger(__name__)

# No statement that was open when a backup was made is still open after this.
RESTORE_PAUSE = timedelta(seconds=MAX_TTL_SECONDS + 60)
_SUSPENDABLE = (Server.State.ACTIVE, Server.State.SUSPENDED)


def suspend(*, caller: bytes, vk: str) -> Server:
    """Let a server answer nothing until it is resumed.  Safe to repeat.

    Raises:
        AuthserverError: ``server_unknown`` or ``state_conflict``.
    """
    return _switch(caller, vk, Server.State.SUSPENDED)


def resume(*, caller: bytes, vk: str) -> Server:
    """Let a suspended server answer again.  Safe to repeat.

    Raises:
        AuthserverError: ``server_unknown`` or ``state_conflict``.
    """
    return _switch(caller, vk, Server.State.ACTIVE)


def revoke(*, caller: bytes, vk: str) -> Server:
    """End a server for good; what it decided stays valid.  Safe to repeat.

    Raises:
        AuthserverError: ``server_unknown``.
    """
    with transaction.atomic(durable=True):
        return _revoke(locked_server(caller, vk))


def unlock(*, caller: bytes, vk: str) -> Server:
    """End a timed lock, after the platform has seen a second proof.  Safe to repeat.

    The budget of 30 days stays: a platform that could clear it could guess without end.

    Raises:
        AuthserverError: ``server_unknown``; ``state_conflict`` when only the host's operator can
            unlock.
    """
    with transaction.atomic(durable=True):
        server = locked_server(caller, vk)
        if server.is_blocked:
            raise AuthserverError(
                Code.STATE_CONFLICT, "Too many failures in 30 days: the host's operator unlocks."
            )
        server.locked_until = None
        server.consecutive_failures = 0
        server.save(update_fields=["locked_until", "consecutive_failures"])
    logger.info("server.unlocked", extra={"vk": vk, "by": "platform"})
    return server


def unlock_by_operator(*, name: str) -> Server:
    """End every lock of a server and begin its budget anew.

    Args:
        name: Server id in hexadecimal, or the token's serial.

    Raises:
        AuthserverError: ``server_unknown``.
    """
    with transaction.atomic(durable=True):
        server = _named(name)
        Failure.objects.filter(server=server).delete()
        clear_failures(server)
        server.is_blocked = False
        server.save(
            update_fields=["consecutive_failures", "lock_level", "locked_until", "is_blocked"]
        )
    logger.info("server.unlocked", extra={"vk": server.vk, "by": "operator"})
    return server


def revoke_by_operator(*, name: str) -> Server:
    """End a server for good.

    Args:
        name: Server id in hexadecimal, or the token's serial.

    Raises:
        AuthserverError: ``server_unknown``.
    """
    with transaction.atomic(durable=True):
        return _revoke(_named(name))


def after_restore(*, now: datetime) -> HostState:
    """Make a host safe whose database was restored from a backup.

    What happened since the backup is lost, so: sequence numbers continue in a new generation;
    no response is judged until every statement of then has expired; the next wrong response
    locks; counters move past whatever was used; open invitations are void.  Locks stay.

    Raises:
        AuthserverError: ``not_ready`` before ``init``.

    Source:
        docs/protocol.md section 7.
    """
    ready = now + RESTORE_PAUSE
    with transaction.atomic(durable=True):
        host = host_state()
        host.generation += 1
        host.not_ready_until = ready
        host.save()
        Enrolment.objects.all().delete()
        Server.objects.filter(state__in=[Server.State.ISSUED, Server.State.ENROLLED]).update(
            state=Server.State.REVOKED
        )
        Server.objects.update(
            seq=host.generation << 32,
            counter=F("counter") + COUNTER_LOOK_AHEAD,
            consecutive_failures=MAX_CONSECUTIVE_FAILURES - 1,
        )
        # The lock is what keeps the verdict procedure closed, at no further query.
        Server.objects.filter(Q(locked_until=None) | Q(locked_until__lt=ready)).update(
            locked_until=ready
        )
    logger.warning("host.restored", extra={"generation": host.generation})
    return host


def _switch(caller: bytes, vk: str, state: Server.State) -> Server:
    with transaction.atomic(durable=True):
        server = locked_server(caller, vk)
        if server.state not in _SUSPENDABLE:
            raise AuthserverError(Code.STATE_CONFLICT, f"The server is {server.state}.")
        server.state = state
        server.save(update_fields=["state"])
    logger.info("server.state", extra={"vk": vk, "state": str(state)})
    return server


def _revoke(server: Server) -> Server:
    Enrolment.objects.filter(server=server).delete()
    server.state = Server.State.REVOKED
    server.save(update_fields=["state"])
    logger.info("server.state", extra={"vk": server.vk, "state": str(server.state)})
    return server


def _named(name: str) -> Server:
    named = Q(vk=name.lower()) | Q(serial=name.upper())
    server = Server.objects.select_for_update().filter(named).first()
    if server is None:
        raise AuthserverError(Code.SERVER_UNKNOWN, f"There is no server {name}.")
    return server
