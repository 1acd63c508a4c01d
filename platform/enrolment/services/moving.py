"""Move tokens' servers between hosts: docs/hosts.md.

A host gives a server away to another one that offered to take it, and from then on answers only
that it went there.  Whoever is told so carries the sealed package to the new host and asks there,
so it does not matter where a move was cut off: the next call finishes it.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from common.errors import DomainError
from enrolment.authserver_client import AuthserverClient, from_base64
from enrolment.errors import (
    AuthserverRefusedError,
    AuthserverUnavailableError,
    HostInUseError,
    ServerMovedError,
    TokenNotActiveError,
)
from enrolment.models import AuthserverHost, RetiredServer, Token
from enrolment.selectors import (
    MOVABLE,
    client_for,
    host_by_number,
    moved_servers,
    token_by_serial,
)
from enrolment.services.answers import checked_certificate
from enrolment.services.telling import tell

logger = logging.getLogger(__name__)

# From host to host to host; more than this within one call is a circle.
_MOST_HOPS = 8


@dataclass(frozen=True, slots=True)
class _At:
    """Where a server is that has no token here: in a stock.

    Attributes:
        vk: Its id.
        serial: Of the token.
        suite: Of the token.
        host: Where it is.
    """

    vk: bytes
    serial: str
    suite: str
    host: AuthserverHost


def client_of(token: Token, *, patience: float | None = None) -> AuthserverClient:
    """Return the client of a token's host, which goes after the server when it has moved.

    Use it with no transaction open; ``token.host`` is brought up to date.
    """

    def follow(moved: ServerMovedError) -> AuthserverClient:
        follow_server(token, moved.origin, actor="system", now=timezone.now())
        return client_for(token.host, patience=patience)

    return replace(client_for(token.host, patience=patience), follow=follow)


def move_token(*, serial: str, number: int, actor: str, now: datetime) -> Token:
    """Move a token's server to another host.  Safe to repeat.

    Args:
        serial: Which token.
        number: Of the host it goes to.
        actor: Who does it.
        now: Timezone-aware.

    Returns:
        The token, with the host it is at now.

    Raises:
        NotFoundError: there is no such token or host.
        TokenNotActiveError: it is not in use, so there is nothing to move.
        HostInUseError: the host is closed.
        AuthserverRefusedError: one of the two hosts refuses, such as ``host_untrusted``.
        AuthserverUnavailableError: one gave no usable answer; the next call goes on from there.
    """
    token, target = token_by_serial(serial), host_by_number(number)
    if token.state not in MOVABLE:
        raise TokenNotActiveError(f"A token that is {token.state} cannot move.")
    if target.state == AuthserverHost.State.CLOSED:
        raise HostInUseError("This host is closed.")
    if token.host_id != target.pk:
        at = _At(bytes(token.vk), token.serial, token.suite, token.host)
        origin = _send_off(at, target, actor)
        follow_server(token, origin, actor=actor, now=now)
    return token


def tell_moves_again(*, actor: str) -> tuple[int, list[str]]:
    """Repeat what moved, after an older database came back at a host: it may have forgotten.

    A host that gave a server away gives it away again; one that took a server in takes it again.

    Returns:
        How many servers were put right, and the serials of those that nobody could be asked for.
    """
    mended, failed, seen = 0, [], set()
    for former in moved_servers():
        token, host = former.token, former.host
        if (token.pk, host.pk) in seen or token.is_ended:
            continue
        seen.add((token.pk, host.pk))
        try:
            mended += _is_given_again(token, host, actor) or _is_taken_again(token, host)
        except DomainError as error:
            logger.warning("move.not_told", extra={"serial": token.serial, "code": error.code})
            failed.append(token.serial)
    return mended, failed


def _is_given_again(token: Token, host: AuthserverHost, actor: str) -> bool:
    """Have a token's former host give its server away, if it believes that it is there."""
    try:
        state = client_for(host).server(bytes(token.vk)).get("state")
    except (ServerMovedError, AuthserverRefusedError):
        # It knows that it moved, or knows nothing of it at all.
        return False
    if state in MOVABLE:
        _send_off(_At(bytes(token.vk), token.serial, token.suite, host), token.host, actor)
    return state in MOVABLE


def _is_taken_again(token: Token, former: AuthserverHost) -> bool:
    """Bring a server to its token's host from where it was before, if it is not there."""
    vk = bytes(token.vk)
    try:
        client_for(token.host).server(vk)
    except AuthserverRefusedError as error:
        if error.code != "server_unknown":
            raise
        _carry(vk, former, token.host.origin)
        return True
    return False


def move_stock(
    *, vk: bytes, serial: str, suite: str, source: AuthserverHost, target: AuthserverHost
) -> None:
    """Move a token's server that lies in a host's stock; errors as :func:`move_token`."""
    at = _At(vk, serial, suite, source)
    _carry(vk, source, _send_off(at, target, "system"))


def follow_server(token: Token, origin: str, *, actor: str, now: datetime) -> None:
    """Bring a token's server to the host it has left for, and note where it is.

    Args:
        token: Its host is the one that said so; brought up to date.
        origin: Of the host it went to.
        actor: Who is said to have moved it.
        now: Timezone-aware.

    Raises:
        AuthserverUnavailableError: a host gave no usable answer, or is none that we know.
    """
    target, answer = _carry(bytes(token.vk), token.host, origin)
    message = from_base64(answer.get("certificate"))
    certificate = checked_certificate(target, message)
    if certificate.serial != token.serial:
        raise AuthserverUnavailableError
    before = {"host": token.host, "vk": token.vk, "certificate": token.certificate}
    after = {"host": target, "vk": certificate.vk, "certificate": message}
    with transaction.atomic():
        # Compare and set: of several that followed it, one writes it down.
        noted = Token.objects.filter(pk=token.pk, host=token.host).update(**after)
        if noted:
            RetiredServer.objects.create(token=token, retired_at=now, **before)
        token.host, token.vk, token.certificate = target, certificate.vk, message
        if noted:
            tell(token, "moved", actor=actor, now=now)


def _send_off(at: _At, target: AuthserverHost, actor: str) -> str:
    """Have a server leave its host for another; return the origin of where it went."""
    offer = client_for(target).offer(
        vk=at.vk, serial=at.serial, suite=at.suite, source=at.host.origin
    )
    try:
        answer = client_for(at.host).move(at.vk, offer, actor=actor)
    except ServerMovedError as moved:
        # Somebody else was faster, or we were and never heard of it.
        return moved.origin
    return str(answer.get("origin", ""))


def _carry(
    vk: bytes, source: AuthserverHost, origin: str
) -> tuple[AuthserverHost, dict[str, object]]:
    """Carry a server's package to where it went, and on if it went on from there."""
    for _ in range(_MOST_HOPS):
        target = AuthserverHost.objects.filter(origin=origin).first()
        if target is None:
            logger.error("server.lost", extra={"vk": vk.hex(), "origin": origin})
            raise AuthserverUnavailableError("The token's server is at a host not known here.")
        package = client_for(source).package(vk)
        try:
            return target, client_for(target).bring(package)
        except ServerMovedError as moved:
            source, origin = target, moved.origin
    raise AuthserverUnavailableError
