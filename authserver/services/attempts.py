"""Count wrong responses, lock, and recognise a repeat: the only place where attempts count."""

from datetime import UTC, datetime, timedelta

from authserver.models import MAX_CONSECUTIVE_FAILURES, MAX_LOCK_LEVEL, Failure, Server
from authserver.services.admission import Asked
from authserver.services.seals import sealer

LOCKS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=24))
BUDGET = 30
BUDGET_SPAN = timedelta(days=30)


def is_repeat(server: Server, asked: Asked, response: str, now: datetime) -> bool:
    """Whether this wrong response to this statement was counted before.

    Asks the database only while some wrong response of this server can still be repeated.
    """
    if server.failures_until is None or now > server.failures_until:
        return False
    hashed = _response_hash(server, asked.s, response)
    return Failure.objects.filter(server=server, s=asked.s, response_hash=hashed).exists()


def record_failure(server: Server, asked: Asked, response: str, now: datetime) -> bool:
    """Record a wrong response that is counted already, and lock if it was the last allowed.

    Changes the row's fields; the caller saves it, in the same transaction.

    Returns:
        Whether the tries are used up, so that the open statement ends refused.
    """
    Failure.objects.create(
        server=server,
        s=asked.s,
        response_hash=_response_hash(server, asked.s, response),
        at=now,
    )
    end = datetime.fromtimestamp(asked.statement.expires, UTC)
    server.failures_until = max(end, server.failures_until or end)
    recent = Failure.objects.filter(server=server, at__gt=now - BUDGET_SPAN).count()
    server.is_blocked = recent >= BUDGET
    if server.consecutive_failures < MAX_CONSECUTIVE_FAILURES and not server.is_blocked:
        return False
    server.consecutive_failures = 0
    server.locked_until = now + LOCKS[min(server.lock_level, len(LOCKS) - 1)]
    server.lock_level = min(server.lock_level + 1, MAX_LOCK_LEVEL)
    return True


def clear_failures(server: Server) -> None:
    """Clear what a success clears: not the budget of 30 days."""
    server.consecutive_failures = 0
    server.lock_level = 0
    server.locked_until = None


def _response_hash(server: Server, s: bytes, response: str) -> bytes:
    return sealer().keyed_hash("failure", server.vk_bytes + s + response.encode())
