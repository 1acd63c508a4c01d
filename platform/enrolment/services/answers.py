"""Check what a host says of a server that it has for us."""

from typing import Any

from django.utils import timezone

from enrolment.authserver_client import from_base64
from enrolment.errors import AuthserverUnavailableError
from enrolment.models import AuthserverHost, Token
from enrolment.services.hosts import as_listed, ended_keys, refresh_host
from protocol import cose
from protocol.cose import Sign1, Typ
from protocol.ed25519 import key_id
from protocol.errors import ProtocolError
from protocol.keys import ServerCertificate
from tokens.errors import TokenError
from tokens.suites import parse_suite


def checked_server(host: AuthserverHost, answer: dict[str, Any]) -> Token:
    """Return the token of a server that a host describes; not saved, and nobody's yet.

    Raises:
        AuthserverUnavailableError: the answer is not in order, or not this host's.
    """
    message = from_base64(answer.get("certificate"))
    certificate = checked_certificate(host, message)
    try:
        suite = parse_suite(str(answer.get("suite")))
    except TokenError as error:
        raise AuthserverUnavailableError from error
    if answer.get("sight") != suite.sight:
        raise AuthserverUnavailableError
    return Token(
        host=host,
        serial=certificate.serial,
        vk=certificate.vk,
        certificate=message,
        suite=str(suite),
        sight=suite.sight,
    )


def checked_certificate(host: AuthserverHost, message: bytes) -> ServerCertificate:
    """Return a server's certificate if a key of this host signed it.

    Call it with no transaction open: it may ask the host for its keys.

    Raises:
        AuthserverUnavailableError: it is none.
    """
    try:
        signed = cose.parse(message)
        cose.require_typ(signed, Typ.SERVER)
        if not _is_signed_by(host, signed):
            # Perhaps with a host key that is newer than what we know.
            refresh_host(host, now=timezone.now())
            if not _is_signed_by(host, signed):
                raise AuthserverUnavailableError("The host's answer is not signed by its key.")
        return ServerCertificate.from_payload(signed.payload)
    except ProtocolError as error:
        raise AuthserverUnavailableError from error


def _is_signed_by(host: AuthserverHost, signed: Sign1) -> bool:
    leaked = {end.kid for end in ended_keys(host) if end.compromised_at is not None}
    keys = [known.key for known in as_listed(host).host_keys()]
    return any(signed.is_signed_by(key) for key in keys if key_id(key) not in leaked)
