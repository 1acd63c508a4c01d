"""Reads: who calls, which server is meant, and what is stored."""

import hashlib
import json
import re
from datetime import datetime, timedelta
from functools import cache

from django.db import OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet

from authserver.errors import AuthserverError, Code
from authserver.models import (
    Event,
    Failure,
    FormerKey,
    HostKey,
    HostState,
    LogRefusal,
    Passage,
    Platform,
    Server,
    Verdict,
    WitnessedLog,
)
from protocol.keys import day_of
from protocol.text import ORIGIN

MAX_PAGE = 1000
BUDGET_SPAN = timedelta(days=30)
# What a verdict needs to know of the platform.
_PLATFORM = ("origin", "root", "max_failures", "locks", "budget")


def key_hash(bearer: str) -> bytes:
    """Return what is stored of a platform's bearer key: 256 random bits need no slow hash."""
    return hashlib.sha256(bearer.encode()).digest()


def calling_platform(caller: bytes) -> Platform:
    """Return the platform of a key hash.

    Raises:
        AuthserverError: ``not_authenticated``.
    """
    try:
        return Platform.objects.get(key_hash=caller)
    except Platform.DoesNotExist:
        raise AuthserverError(Code.NOT_AUTHENTICATED) from None


def server_of(caller: bytes, vk: str) -> Server:
    """Return the caller's server.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.

    Raises:
        AuthserverError: ``server_unknown`` or ``server_moved``.  Whether the caller is known at
            all is for the outermost layer to ask then.
    """
    server = _server_of(caller, vk)
    refuse_moved(server)
    return server


def package_of(caller: bytes, vk: str) -> bytes:
    """Return the package with which a server left this host, as often as it is asked for.

    Raises:
        AuthserverError: ``server_unknown``, or ``state_conflict`` when it has not left.
    """
    server = _server_of(caller, vk)
    if server.state != Server.State.MOVED:
        raise AuthserverError(Code.STATE_CONFLICT, "The server is at this host.")
    package: bytes = Passage.objects.get(server=server).package
    return package


def _server_of(caller: bytes, vk: str) -> Server:
    rows = Server.objects.select_related("platform", "batch", "successor")
    server = rows.filter(vk=vk, platform__key_hash=caller).first()
    return server or _server_of(caller, _new_vk(caller, vk))


def refuse_moved(server: Server) -> None:
    """Say where a server is that has left this host: nothing is answered for it here any more.

    Raises:
        AuthserverError: ``server_moved``, with its new host's origin.
    """
    if server.state == Server.State.MOVED:
        raise AuthserverError(Code.SERVER_MOVED, origin=server.moved_to)


def locked_server(caller: bytes, vk: str) -> Server:
    """Return the caller's server with its platform, and hold its row until the transaction ends.

    SQLite knows no row locks: there BEGIN IMMEDIATE has made every other writer wait already.

    Raises:
        AuthserverError: ``server_unknown`` or ``server_moved``.
    """
    for server in Server.objects.raw(_lock_sql(), [vk, caller]):
        columns = {name: getattr(server, f"platform_{name}") for name in _PLATFORM}
        # Of a raw query, JSON comes as it is stored.
        columns["locks"] = json.loads(columns["locks"])
        server.platform = Platform(id=server.platform_id, **columns)
        refuse_moved(server)
        return server
    return locked_server(caller, _new_vk(caller, vk))


def _new_vk(caller: bytes, vk: str) -> str:
    """Return the id that the caller's server has now which once had this one.

    Raises:
        AuthserverError: ``server_unknown``.
    """
    former = FormerKey.objects.filter(vk=vk, server__platform__key_hash=caller)
    for found in former.values_list("server__vk", flat=True):
        return found
    raise AuthserverError(Code.SERVER_UNKNOWN)


def certificate_of(vk: str) -> bytes:
    """Return the certificate of the server that has this id, or once had it, for anybody.

    Raises:
        AuthserverError: ``server_unknown``, or ``server_moved``.
    """
    named = Q(vk=vk) | Q(former_keys__vk=vk)
    server = Server.objects.filter(named).only("certificate", "state", "moved_to").first()
    if server is None:
        raise AuthserverError(Code.SERVER_UNKNOWN)
    refuse_moved(server)
    certificate: bytes = server.certificate
    return certificate


def find_verdict(server: Server, s: bytes) -> Verdict | None:
    """Return the terminal verdict of a statement, if there is one."""
    return next(iter(Verdict.objects.raw(_verdict_sql(), [server.pk, s])), None)


# The two queries above are on the way of every verdict.  Compiling them takes the ORM ten times
# as long as running them does, so each is compiled once in a process, and by the ORM still.


@cache
def _lock_sql() -> str:
    rows = Server.objects.annotate(
        **{f"platform_{name}": F(f"platform__{name}") for name in _PLATFORM}
    ).select_for_update(of=("self",))
    # One filter after the other: that is the order of the parameters.
    return rows.filter(vk="").filter(platform__key_hash=b"").query.sql_with_params()[0]


@cache
def _verdict_sql() -> str:
    return Verdict.objects.filter(server=0).filter(s=b"").query.sql_with_params()[0]


def stored_verdict(caller: bytes, vk: str, s: bytes) -> Verdict:
    """Return the terminal verdict of a statement, with its server.

    Raises:
        AuthserverError: ``server_unknown`` or ``verdict_unknown``.
    """
    server = server_of(caller, vk)
    verdict = find_verdict(server, s)
    if verdict is None:
        raise AuthserverError(Code.VERDICT_UNKNOWN)
    verdict.server = server
    return verdict


def verdicts_after(caller: bytes, after: int, limit: int) -> list[Verdict]:
    """Return the platform's verdicts with an id above ``after``, by id.

    Ids are given out before they are committed, so one may appear below an id already seen;
    the sequence numbers of each server have no gaps and show it.

    Raises:
        AuthserverError: ``not_authenticated``.
    """
    platform = calling_platform(caller)
    rows = Verdict.objects.filter(server__platform=platform, id__gt=after).order_by("id")
    return list(rows.select_related("server").only("seq", "message", "server__vk")[:limit])


def recent_failures(server: Server, now: datetime) -> int:
    """Return how many failures stand against the budget: all of 30 days that nobody forgave."""
    recent = Failure.objects.filter(server=server, at__gt=now - BUDGET_SPAN)
    return recent.filter(is_forgiven=False).count()


def stock_after(caller: bytes, query: str, after: int, limit: int, now: datetime) -> list[Server]:
    """Return the platform's tokens in stock with an id above ``after``, by id.

    Args:
        caller: Hash of the platform's bearer key.
        query: How a serial begins; empty for all.
        after: Id of the last token seen.
        limit: How many at most.
        now: Current time; tokens past their end are left out.

    Raises:
        AuthserverError: ``not_authenticated``.
    """
    platform = calling_platform(caller)
    lasting = Q(expires_at=None) | Q(expires_at__gt=now)
    rows = Server.objects.filter(
        lasting, platform=platform, state=Server.State.STOCK, id__gt=after
    )
    if query:
        rows = rows.filter(serial__startswith=query.upper())
    return list(rows.select_related("batch").order_by("id")[:limit])


def events_after(caller: bytes, after: int, limit: int) -> list[Event]:
    """Return the events of the platform's servers with an id above ``after``, by id.

    None is missed: while an event is being written whose id is lower than others', there are
    none to be had.  Ask again.

    Raises:
        AuthserverError: ``not_authenticated``.
    """
    platform = calling_platform(caller)
    with transaction.atomic():
        if not _events_are_settled():
            return []
        rows = Event.objects.filter(server__platform=platform, id__gt=after).order_by("id")
        return list(rows.select_related("server")[:limit])


def _events_are_settled() -> bool:
    """Hold off writers of events for this transaction, unless one is at it now.

    PostgreSQL gives ids out before they are committed, so that a reader could see 7 and never
    look for 6 again.  SQLite has one writer at a time.
    """
    if connection.vendor != "postgresql":
        return True
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {Event._meta.db_table} IN SHARE MODE NOWAIT")
    except OperationalError:
        return False
    return True


def platform_origins() -> list[str]:
    """Return where the platforms are that this host serves, each an origin and nothing else."""
    kept = set(Platform.objects.values_list("origin", flat=True))
    return sorted(origin for origin in kept if re.fullmatch(ORIGIN, origin))


def witnessed_log(platform: str) -> WitnessedLog:
    """Return what this host signed for last of a platform's receipt log.

    Raises:
        AuthserverError: ``not_found``.
    """
    held = WitnessedLog.objects.filter(platform=platform).first()
    if held is None:
        raise AuthserverError(Code.NOT_FOUND)
    return held


def log_refusals() -> list[LogRefusal]:
    """Return what was refused of the logs of platforms, the newest first."""
    return list(LogRefusal.objects.order_by("-id")[:MAX_PAGE])


def host_state() -> HostState:
    """Return the host's row.

    Raises:
        AuthserverError: ``not_ready`` before ``init``.
    """
    try:
        return HostState.objects.get()
    except HostState.DoesNotExist:
        raise AuthserverError(Code.NOT_READY, "This host has not been set up yet.") from None


def valid_host_keys(now: datetime) -> QuerySet[HostKey]:
    """Return the host keys within their days that are not retired, newest first."""
    today = day_of(int(now.timestamp()))
    valid = HostKey.objects.filter(
        from_day__lte=today, to_day__gte=today, retired_at=None, compromised_at=None
    )
    return valid.order_by("-id")
