"""What happened to servers: a row for every change, written in the change's own transaction."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from authserver.models import Event, Server
from authserver.services.words import checked

# Who acted.  What a platform says of its own people stands behind its name, so that no platform
# can write as the host or as the host's operator.
PLATFORM, TOKEN, HOST = "platform", "token", "host"
ACTOR_BYTES = 48


class EventKind(StrEnum):
    """What can happen to a server; those that change its state are in services.lifecycle."""

    PAIRED = "paired"
    ENROLLED = "enrolled"
    CONFIRMED = "confirmed"
    ACTIVATED = "activated"
    IMPORTED = "imported"
    ASSIGNED = "assigned"
    RELEASED = "released"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    REVOKED = "revoked"
    REPLACED = "replaced"
    EXPIRED = "expired"
    MOVED = "moved"
    LOCKED = "locked"
    BLOCKED = "blocked"
    UNLOCKED = "unlocked"
    RESYNCHRONISED = "resynchronised"
    KEY_ROTATED = "key_rotated"
    EXPORTED = "exported"


def record(server: Server, kind: EventKind, actor: str, now: datetime, **detail: object) -> None:
    """Write what happened to a server; in the transaction in which it happens.

    Args:
        server: The row, saved.
        kind: What happened.
        actor: ``PLATFORM``, ``TOKEN``, ``HOST``, or of :func:`operator` and :func:`platform`.
        now: Current time.
        detail: Public facts as JSON takes them; never a secret.
    """
    record_all([server], kind, actor, now, **detail)


def record_all(
    servers: Sequence[Server], kind: EventKind, actor: str, now: datetime, **detail: object
) -> None:
    """Do as :func:`record` for many servers, in few queries."""
    Event.objects.bulk_create(
        Event(server=server, kind=kind, actor=actor, at=now, detail=detail) for server in servers
    )


def platform(name: str) -> str:
    """Return the actor for one of the platform's own people, as the platform calls them.

    Raises:
        AuthserverError: ``input_invalid``.
    """
    return f"{PLATFORM}:{checked('actor', name, ACTOR_BYTES)}" if name else PLATFORM


def operator(name: str) -> str:
    """Return the actor for an operator of this host; raises as :func:`platform`."""
    return f"operator:{checked('operator', name, ACTOR_BYTES)}"
