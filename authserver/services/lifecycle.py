"""The life of a server as one table: which change leads from which state to which.

Every change of state in this service goes through this module, and writes one event in the same
transaction.  docs/lifecycle.md draws the table; a test keeps drawing and table alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from authserver.errors import AuthserverError, Code
from authserver.models import Platform, Server
from authserver.services import events
from authserver.services.events import EventKind

State = Server.State


@dataclass(frozen=True, slots=True)
class Transition:
    """One change.

    Attributes:
        before: States it may start from; ``None`` where it makes the server.
        after: The state it leads to.  Of several the caller names one: a server that comes from
            another host keeps the state it had there.
    """

    before: tuple[State | None, ...]
    after: tuple[State, ...]


_LIVING = State.living()
MOVABLE = (State.STOCK, State.CONFIRMED, State.ACTIVE, State.SUSPENDED)
# Rows that one transaction of expire_due holds.
_AT_ONCE = 100
_ASSIGNED = (State.CONFIRMED, State.ACTIVE, State.SUSPENDED)

TRANSITIONS: Final = {
    EventKind.PAIRED: Transition((None,), (State.ISSUED,)),
    EventKind.ENROLLED: Transition((State.ISSUED,), (State.ENROLLED,)),
    EventKind.CONFIRMED: Transition((State.ENROLLED,), (State.CONFIRMED,)),
    EventKind.ACTIVATED: Transition((State.CONFIRMED,), (State.ACTIVE,)),
    # From a file into the stock; from another host, or back from it, as it was there.
    EventKind.IMPORTED: Transition((None, State.MOVED), MOVABLE),
    EventKind.ASSIGNED: Transition((State.STOCK,), (State.CONFIRMED,)),
    EventKind.RELEASED: Transition(_ASSIGNED, (State.STOCK,)),
    EventKind.SUSPENDED: Transition((State.ACTIVE,), (State.SUSPENDED,)),
    EventKind.RESUMED: Transition((State.SUSPENDED,), (State.ACTIVE,)),
    EventKind.EXPIRED: Transition(_LIVING, (State.EXPIRED,)),
    EventKind.REPLACED: Transition((*_ASSIGNED, State.EXPIRED), (State.REPLACED,)),
    EventKind.REVOKED: Transition((*_LIVING, State.EXPIRED), (State.REVOKED,)),
    EventKind.MOVED: Transition(MOVABLE, (State.MOVED,)),
}


def move(
    server: Server,
    kind: EventKind,
    *,
    actor: str,
    now: datetime,
    after: State | None = None,
    **detail: object,
) -> None:
    """Change the state of a server whose row the caller's transaction holds, and write the event.

    Args:
        server: The row; saved here, its state alone.
        kind: The change.
        actor: Who made it, as for ``events.record``.
        now: Current time; a token past its end is expired, whatever its row says yet.
        after: The new state, where the table allows several.
        detail: Public facts for the event.

    Raises:
        AuthserverError: ``state_conflict`` when the table has no such change.
    """
    transition = TRANSITIONS[kind]
    if server.has_expired(now) and kind is not EventKind.EXPIRED:
        move(server, EventKind.EXPIRED, actor=events.HOST, now=now)
    if server.state not in transition.before:
        raise AuthserverError(Code.STATE_CONFLICT, f"The server is {server.state}.")
    server.state = _target(transition, after)
    server.save(update_fields=["state"])
    events.record(server, kind, actor, now, **detail)


def begin(
    servers: Sequence[Server],
    kind: EventKind,
    *,
    actor: str,
    now: datetime,
    after: State | None = None,
    **detail: object,
) -> None:
    """Store new servers in their first state, each with its event; in the caller's transaction.

    Args:
        servers: Rows not stored yet.
        kind: How they came to be.
        actor: Who made them.
        now: Current time.
        after: Their first state, where the table allows several.
        detail: Public facts for the events.
    """
    transition = TRANSITIONS[kind]
    if None not in transition.before:
        raise ValueError(f"{kind} makes no server")
    for server in servers:
        server.state = _target(transition, after)
    Server.objects.bulk_create(servers)
    events.record_all(servers, kind, actor, now, **detail)


def elsewhere(platform: Platform) -> Server:
    """Return a row, not stored yet, for a server that another host has and is to arrive here."""
    return Server(platform=platform, state=State.MOVED)


def expire_due(*, now: datetime) -> int:
    """Write the end of tokens past their time, a hundred at most.

    Nothing waits for this: the clock ends a token, and every state that is told or judged by goes
    by ``Server.state_at``.  This is for the events.

    Returns:
        How many there were; 0 when none is left.
    """
    due = Server.objects.filter(expires_at__lte=now, state__in=_LIVING)
    # Most of the time there are none, and nobody should wait for a transaction that writes.
    if not due.exists():
        return 0
    with transaction.atomic(durable=True):
        servers = list(due.select_for_update().order_by("id")[:_AT_ONCE])
        for server in servers:
            move(server, EventKind.EXPIRED, actor=events.HOST, now=now)
    return len(servers)


def _target(transition: Transition, after: State | None) -> State:
    target = after or transition.after[0]
    if target not in transition.after or (after is None and len(transition.after) > 1):
        raise ValueError("the table does not lead to this state")
    return target
