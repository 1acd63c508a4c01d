"""Reads: who calls, which server is meant, and what is stored."""

import hashlib
from datetime import datetime

from django.db.models import QuerySet

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


def server_of(caller: bytes, vk: str, servers: QuerySet[Server] | None = None) -> Server:
    """Return the caller's server with its platform, in one query.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.
        servers: Where to look, such as locked rows; all servers by default.

    Raises:
        AuthserverError: ``server_unknown``.  Whether the caller is known at all is for
            the outermost layer to ask then.
    """
    rows = Server.objects.all() if servers is None else servers
    try:
        return rows.select_related("platform").get(vk=vk, platform__key_hash=caller)
    except Server.DoesNotExist:
        raise AuthserverError(Code.SERVER_UNKNOWN) from None


def locked_server(caller: bytes, vk: str) -> Server:
    """Return the caller's server and hold its row until the transaction ends.

    SQLite knows no row locks: there BEGIN IMMEDIATE has made every other writer wait already.

    Raises:
        AuthserverError: ``server_unknown``.
    """
    return server_of(caller, vk, Server.objects.select_for_update(of=("self",)))


def stored_verdict(caller: bytes, vk: str, s: bytes) -> Verdict:
    """Return the terminal verdict of a statement.

    Raises:
        AuthserverError: ``server_unknown`` or ``verdict_unknown``.
    """
    server = server_of(caller, vk)
    verdict = Verdict.objects.filter(server=server, s=s).first()
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
    rows = Verdict.objects.filter(server__platform=platform, id__gt=after)
    return list(rows.select_related("server").order_by("id")[:limit])


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
