"""Steps (1) and (3) of the verdict procedure: may this server judge this statement, now?"""

import hmac
from dataclasses import dataclass
from datetime import datetime

from authserver.errors import AuthserverError, Code
from authserver.models import FormerKey, Platform, Server
from authserver.services import seals
from authserver.services.matching import parsed_suite
from protocol import cose
from protocol.cose import Sign1, Typ
from protocol.digests import statement_digest
from protocol.enrolment import post_tag
from protocol.errors import ProtocolError
from protocol.keys import Purpose, open_certificate
from protocol.statement import Kind, Statement

# Seconds by which the platform's clock may be ahead of ours.
CLOCK_AHEAD_SECONDS = 30
State = Server.State
_OWN_KINDS = (Kind.ACTIVATION, Kind.LOGIN, Kind.UNLOCK, Kind.TEST)


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement put to a server.

    Attributes:
        statement: What it says; its signature is checked by :func:`admit`.
        s: Its digest S.
        signed: The message that carried it.
        certificate: The platform's key for it, COSE cs-key.
    """

    statement: Statement
    s: bytes
    signed: Sign1
    certificate: bytes

    @property
    def kind(self) -> Kind:
        """What the statement is about."""
        return self.statement.demand.kind

    @classmethod
    def read(cls, message: bytes, certificate: bytes) -> "Asked":
        """Take a statement apart; nothing in it is trusted yet.

        Raises:
            AuthserverError: ``statement_invalid``.
        """
        try:
            signed = cose.parse(message)
            cose.require_typ(signed, Typ.STATEMENT)
            statement = Statement.from_payload(signed.payload)
        except ProtocolError as error:
            raise _invalid(error.detail) from error
        return cls(statement, statement_digest(signed.payload), signed, certificate)


def admit(asked: Asked, server: Server, now: int) -> None:
    """Check signature, certificate, platform, address, time and sight.

    Args:
        asked: The statement.
        server: The server it was put to, with its platform.
        now: Unix seconds.

    Raises:
        AuthserverError: ``statement_invalid``, ``wrong_authserver`` or ``token_not_paired``.
    """
    statement, platform = asked.statement, server.platform
    try:
        key = statement_key(asked.certificate, platform, statement.issued)
    except ProtocolError as error:
        raise _invalid(error.detail) from error
    if not asked.signed.is_signed_by(key):
        raise _invalid("the platform's signature is not valid")
    if (statement.platform.id, statement.platform.origin) != (platform.id, platform.origin):
        raise _invalid("the statement names another platform")
    if statement.vk != server.vk_bytes:
        server.former_key = _former_key(statement, server)
    if statement.serial != server.serial:
        raise AuthserverError(Code.TOKEN_NOT_PAIRED)
    if statement.issued > now + CLOCK_AHEAD_SECONDS:
        raise _invalid("the statement was issued in the future; compare the clocks")
    if statement.sight != server.sight:
        raise _invalid("the statement claims another sight than the token's suite gives")


def _former_key(statement: Statement, server: Server) -> FormerKey:
    """Return the key to which a statement is addressed that was issued in that key's days."""
    key = FormerKey.objects.filter(server=server, vk=statement.vk.hex()).first()
    if key is None or statement.issued > key.retired_at.timestamp():
        raise AuthserverError(Code.WRONG_AUTHSERVER)
    return key


def refuse_kind(asked: Asked, server: Server) -> None:
    """Refuse a statement of a kind that this token does not answer.

    Billing and offline statements have calls of their own.  A token that is asked nothing cannot
    bind its code to a statement: it signs in, and shows once that it is there.

    Raises:
        AuthserverError: ``kind_refused``.
    """
    kind = asked.kind
    if not parsed_suite(server.suite).has_question:
        is_answered = kind in (Kind.LOGIN, Kind.ACTIVATION)
    else:
        is_answered = kind.is_business or kind in _OWN_KINDS
    if not is_answered:
        raise AuthserverError(Code.KIND_REFUSED)


def refuse_closed(asked: Asked, server: Server, now: datetime) -> None:
    """Refuse what a server may not judge now; step (3) of the verdict procedure.

    Raises:
        AuthserverError: ``token_not_active``, ``kind_refused`` for an activation of what is
            active, ``token_locked`` or ``challenge_expired``.
    """
    is_activation = asked.kind is Kind.ACTIVATION
    due, state = State.CONFIRMED if is_activation else State.ACTIVE, server.state_at(now)
    if state == State.ACTIVE and is_activation:
        raise AuthserverError(Code.KIND_REFUSED, "The token is active already.")
    if state != due:
        raise AuthserverError(Code.TOKEN_NOT_ACTIVE)
    if server.is_locked(now):
        raise AuthserverError(Code.TOKEN_LOCKED, locked_until=server.lock_end(now))
    if int(now.timestamp()) > asked.statement.expires:
        raise AuthserverError(Code.CHALLENGE_EXPIRED)


def statement_key(certificate: bytes, platform: Platform, at: int) -> bytes:
    """Return the statement key that a certificate of the platform's root names.

    Raises:
        ProtocolError: the certificate is not by this root, for another purpose or platform, or
            not valid at this Unix time.
    """
    opened = open_certificate(certificate, platform.root)
    if opened.purpose is not Purpose.STATEMENT or opened.subject != platform.id:
        raise ProtocolError("certificate_wrong", "the certificate is not for this statement key")
    if not opened.covers(at):
        raise ProtocolError("certificate_wrong", "the certificate is not valid on that day")
    return opened.key


def check_certificate(certificate: bytes, platform: Platform, now: datetime) -> None:
    """Check that a platform could sign statements with the key of this certificate now.

    Raises:
        AuthserverError: ``certificate_invalid``.
    """
    try:
        statement_key(certificate, platform, int(now.timestamp()))
    except ProtocolError as error:
        raise AuthserverError(Code.CERTIFICATE_INVALID, error.detail) from error


def check_tag(server: Server, s: bytes, answer: str, tag: bytes) -> None:
    """Check that the token itself posted an answer, before anything is counted.

    Raises:
        AuthserverError: ``tag_wrong``, or ``token_not_active`` before enrolment.
    """
    if server.sealed_post_key is None:
        raise AuthserverError(Code.TOKEN_NOT_ACTIVE)
    post_key = seals.unseal(server.sealed_post_key, server, seals.POST)
    if not hmac.compare_digest(post_tag(post_key, s, answer), tag):
        raise AuthserverError(Code.TAG_WRONG)


def _invalid(detail: str) -> AuthserverError:
    return AuthserverError(Code.STATEMENT_INVALID, f"{detail[:1].upper()}{detail[1:]}.")
