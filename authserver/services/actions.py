"""What a platform, or the host's operator, does with a server besides asking for verdicts."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from authserver.errors import AuthserverError, Code
from authserver.models import Enrolment, Server
from authserver.selectors import BUDGET_SPAN, host_state, locked_server, refuse_moved, server_of
from authserver.services import events, lifecycle
from authserver.services.attempts import clear_failures, forgive
from authserver.services.events import EventKind
from authserver.services.lifecycle import State
from authserver.services.words import checked

logger = logging.getLogger(__name__)

# The second proofs that a platform may rest an unlocking on.
UNLOCK_PROOFS = ("passkey", "token", "operator")
VK_DIGITS = 16
_UNLOCKED = ("consecutive_failures", "lock_level", "locked_until", "is_blocked", "unblocked_at")


def suspend(*, caller: bytes, vk: str, actor: str, now: datetime) -> Server:
    """Let a server answer nothing until it is resumed.  Safe to repeat.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.
        actor: Who among the platform's people; may be empty.
        now: Current time.

    Raises:
        AuthserverError: ``server_unknown`` or ``state_conflict``.
    """
    return _changed(caller, vk, EventKind.SUSPENDED, actor, now)


def resume(*, caller: bytes, vk: str, actor: str, now: datetime) -> Server:
    """Let a suspended server answer again; otherwise as :func:`suspend`."""
    return _changed(caller, vk, EventKind.RESUMED, actor, now)


def revoke(*, caller: bytes, vk: str, actor: str, now: datetime) -> Server:
    """End a server for good; what it decided stays valid.  Otherwise as :func:`suspend`."""
    return _changed(caller, vk, EventKind.REVOKED, actor, now)


def release(*, caller: bytes, vk: str, actor: str, now: datetime) -> Server:
    """Take a token that came in a batch back into the stock; otherwise as :func:`suspend`.

    Its counters, failures and verdicts stay.  A token that enrolled by itself cannot come back:
    its seed is in somebody's phone.
    """

    def empty(server: Server) -> None:
        if server.batch_id is None:
            raise AuthserverError(
                Code.STATE_CONFLICT, "Only a token that was imported can go back to stock."
            )
        server.label = ""
        server.save(update_fields=["label"])

    return _changed(caller, vk, EventKind.RELEASED, actor, now, prepare=empty)


def replace(*, caller: bytes, vk: str, successor: str, actor: str, now: datetime) -> Server:
    """End a server for good and name the one that took its place; otherwise as :func:`suspend`.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.
        successor: Server id of a living server of the same platform.
        actor: Who among the platform's people; may be empty.
        now: Current time.
    """
    checked("successor", successor, VK_DIGITS)
    new = server_of(caller, successor)
    if new.vk == vk or new.state_at(now) not in State.living():
        raise AuthserverError(Code.STATE_CONFLICT, "The successor is no living server.")

    def name_successor(server: Server) -> None:
        server.successor = new
        server.save(update_fields=["successor"])

    server = _changed(
        caller, vk, EventKind.REPLACED, actor, now, prepare=name_successor, successor=successor
    )
    if server.successor_id != new.pk:
        raise AuthserverError(Code.STATE_CONFLICT, "Another server took its place before.")
    return server


def unlock(*, caller: bytes, vk: str, proof: str, actor: str, now: datetime) -> Server:
    """End a lock, after the platform has seen a second proof.  Safe to repeat.

    The lock's length goes on growing, and the failures of 30 days stay.  A block by their number
    is lifted too, and they with it, at most once in 30 days: a platform that could do so at will
    could let guess without end.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.
        proof: One of ``UNLOCK_PROOFS``.
        actor: Who among the platform's people; may be empty.
        now: Current time.

    Raises:
        AuthserverError: ``input_invalid``, ``server_unknown``; ``not_ready`` soon after a restore;
            ``state_conflict`` when only the host's operator can unlock.
    """
    if proof not in UNLOCK_PROOFS:
        raise AuthserverError(
            Code.INPUT_INVALID, f"proof must be one of {', '.join(UNLOCK_PROOFS)}."
        )
    with transaction.atomic(durable=True):
        server = locked_server(caller, vk)
        _refuse_after_restore(now)
        if not server.is_locked(now):
            return server
        if server.is_blocked:
            _lift_block(server, now)
        server.locked_until = None
        server.consecutive_failures = 0
        server.save(update_fields=_UNLOCKED)
        events.record(server, EventKind.UNLOCKED, events.platform(actor), now, proof=proof)
    logger.info("server.unlocked", extra={"vk": vk, "by": "platform"})
    return server


def unlock_by_operator(*, name: str, operator: str, now: datetime) -> Server:
    """End every lock of a server and begin its budget anew.

    Args:
        name: Server id in hexadecimal, or the token's serial.
        operator: Who does so.
        now: Current time.

    Raises:
        AuthserverError: ``server_unknown``; ``not_ready`` soon after a restore.
    """
    with transaction.atomic(durable=True):
        server = named_server(name)
        _refuse_after_restore(now)
        forgive(server)
        clear_failures(server)
        server.is_blocked, server.unblocked_at = False, None
        server.save(update_fields=_UNLOCKED)
        events.record(server, EventKind.UNLOCKED, events.operator(operator), now)
    logger.info("server.unlocked", extra={"vk": server.vk, "by": "operator"})
    return server


def revoke_by_operator(*, name: str, operator: str, now: datetime) -> Server:
    """End a server for good.

    Args:
        name: Server id in hexadecimal, or the token's serial.
        operator: Who does so.
        now: Current time.

    Raises:
        AuthserverError: ``server_unknown`` or ``state_conflict``.
    """
    return _changed_by_operator(name, EventKind.REVOKED, operator, now)


def suspend_by_operator(*, name: str, operator: str, now: datetime) -> Server:
    """Let a server answer nothing until it is resumed; otherwise as :func:`revoke_by_operator`."""
    return _changed_by_operator(name, EventKind.SUSPENDED, operator, now)


def resume_by_operator(*, name: str, operator: str, now: datetime) -> Server:
    """Let a suspended server answer again; otherwise as :func:`revoke_by_operator`."""
    return _changed_by_operator(name, EventKind.RESUMED, operator, now)


def _changed_by_operator(name: str, kind: EventKind, operator: str, now: datetime) -> Server:
    with transaction.atomic(durable=True):
        server = named_server(name)
        _change(server, kind, events.operator(operator), now)
    return server


def _changed(
    caller: bytes,
    vk: str,
    kind: EventKind,
    actor: str,
    now: datetime,
    *,
    prepare: Callable[[Server], None] = lambda server: None,
    **detail: Any,
) -> Server:
    with transaction.atomic(durable=True):
        server = locked_server(caller, vk)
        _change(server, kind, events.platform(actor), now, prepare=prepare, **detail)
    return server


def _change(
    server: Server,
    kind: EventKind,
    actor: str,
    now: datetime,
    *,
    prepare: Callable[[Server], None] = lambda server: None,
    **detail: Any,
) -> None:
    # A repeat finds the change made.
    if server.state_at(now) in lifecycle.TRANSITIONS[kind].after:
        return
    lifecycle.move(server, kind, actor=actor, now=now, **detail)
    prepare(server)
    Enrolment.objects.filter(server=server).delete()
    logger.info("server.state", extra={"vk": server.vk, "state": str(server.state)})


def _lift_block(server: Server, now: datetime) -> None:
    if server.unblocked_at is not None and server.unblocked_at > now - BUDGET_SPAN:
        raise AuthserverError(
            Code.STATE_CONFLICT, "It was unblocked within 30 days: the host's operator unlocks."
        )
    server.is_blocked, server.unblocked_at = False, now
    forgive(server)


def _refuse_after_restore(now: datetime) -> None:
    # The lock of after_restore keeps responses from being judged that were used up already.
    ready = host_state().not_ready_until
    if ready is not None and now < ready:
        raise AuthserverError(Code.NOT_READY, "The database was restored a short time ago.")


def named_server(name: str) -> Server:
    """Return the server an operator names, and hold its row until the transaction ends.

    Args:
        name: Server id in hexadecimal, or the token's serial.

    Raises:
        AuthserverError: ``server_unknown``.
    """
    named = Q(vk=name.lower()) | Q(serial=name.upper())
    server = Server.objects.select_for_update().filter(named).first()
    if server is None:
        raise AuthserverError(Code.SERVER_UNKNOWN, f"There is no server {name}.")
    refuse_moved(server)
    return server
