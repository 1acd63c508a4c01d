"""Reads: who calls, which server is meant, and what is stored."""

import hashlib
from datetime import datetime
from functools import cache

from django.db.models import F, QuerySet

from authserver.errors import AuthserverError, Code
from authserver.models import HostKey, HostState, Platform, Server, Verdict
from protocol.keys import day_of

MAX_PAGE = 1000


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
        AuthserverError: ``server_unknown``.  Whether the caller is known at all is for
            the outermost layer to ask then.
    """
    try:
        return Server.objects.get(vk=vk, platform__key_hash=caller)
    except Server.DoesNotExist:
        raise AuthserverError(Code.SERVER_UNKNOWN) from None


def locked_server(caller: bytes, vk: str) -> Server:
    """Return the caller's server with its platform, and hold its row until the transaction ends.

    SQLite knows no row locks: there BEGIN IMMEDIATE has made every other writer wait already.

    Raises:
        AuthserverError: ``server_unknown``.
    """
    for server in Server.objects.raw(_lock_sql(), [vk, caller]):
        server.platform = Platform(
            id=server.platform_id,
            origin=server.platform_origin,  # type: ignore[attr-defined]  # see _lock_sql
            root=server.platform_root,  # type: ignore[attr-defined]
        )
        return server
    raise AuthserverError(Code.SERVER_UNKNOWN)


def find_verdict(server: Server, s: bytes) -> Verdict | None:
    """Return the terminal verdict of a statement, if there is one."""
    return next(iter(Verdict.objects.raw(_verdict_sql(), [server.pk, s])), None)


# The two queries above are on the way of every verdict.  Compiling them takes the ORM ten times
# as long as running them does, so each is compiled once in a process, and by the ORM still.


@cache
def _lock_sql() -> str:
    rows = Server.objects.annotate(
        platform_origin=F("platform__origin"), platform_root=F("platform__root")
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
    """Return the host keys within their days, newest first."""
    today = day_of(int(now.timestamp()))
    return HostKey.objects.filter(from_day__lte=today, to_day__gte=today).order_by("-id")
