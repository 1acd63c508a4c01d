"""Count wrong responses, lock, and recognise a repeat: the only place where attempts count."""

from datetime import UTC, datetime, timedelta

from authserver.models import MAX_LOCK_LEVEL, Failure, Server
from authserver.selectors import recent_failures
from authserver.services import events
from authserver.services.admission import Asked
from authserver.services.events import EventKind
from authserver.services.seals import seed_of
from protocol.sealing import keyed_hash


def is_repeat(server: Server, asked: Asked, response: str, now: datetime) -> bool:
    """Whether this wrong response to this statement was counted before.

    Asks the database only while some wrong response of this server can still be repeated.
    """
    if server.failures_until is None or now > server.failures_until:
        return False
    hashed = _response_hash(server, asked.s, response)
    return Failure.objects.filter(server=server, s=asked.s, response_hash=hashed).exists()


def record_failure(server: Server, asked: Asked, response: str, now: datetime) -> int:
    """Record a wrong response that is counted already, and lock if it was the last allowed.

    Changes the row's fields; the caller saves it, in the same transaction.

    Returns:
        The tries left; at 0 the server is locked, and the open statement ends refused.
    """
    Failure.objects.create(
        server=server,
        s=asked.s,
        response_hash=_response_hash(server, asked.s, response),
        at=now,
    )
    end = datetime.fromtimestamp(asked.statement.expires, UTC)
    server.failures_until = max(end, server.failures_until or end)
    policy, recent = server.platform, recent_failures(server, now)
    server.is_blocked = recent >= policy.budget
    if server.consecutive_failures < policy.max_failures and not server.is_blocked:
        return server.tries_left(now, recent)
    _lock(server, now)
    return 0


def clear_failures(server: Server) -> None:
    """Clear what a success clears: not the budget of 30 days."""
    server.consecutive_failures = 0
    server.lock_level = 0
    server.locked_until = None


def forgive(server: Server) -> None:
    """Begin the budget of 30 days anew.  A repeat of a wrong response is still known as one."""
    Failure.objects.filter(server=server, is_forgiven=False).update(is_forgiven=True)


def _lock(server: Server, now: datetime) -> None:
    locks = server.platform.locks
    server.consecutive_failures = 0
    server.locked_until = now + timedelta(seconds=locks[min(server.lock_level, len(locks) - 1)])
    server.lock_level = min(server.lock_level + 1, MAX_LOCK_LEVEL)
    if server.is_blocked:
        events.record(server, EventKind.BLOCKED, events.HOST, now)
    else:
        until = int(server.locked_until.timestamp())
        events.record(server, EventKind.LOCKED, events.HOST, now, until=until)


def _response_hash(server: Server, s: bytes, response: str) -> bytes:
    # Keyed by the seed: the hash outlasts the keys of the host, and a move to another.
    return keyed_hash(seed_of(server), "failure", s + response.encode())
