"""A paired server that has got a new key: take it over, and keep what the old one signed valid."""

from datetime import datetime

from enrolment.errors import AuthserverUnavailableError
from enrolment.live import ServerState
from enrolment.models import RetiredServer, Token
from enrolment.services.answers import checked_certificate
from enrolment.services.telling import tell
from protocol.keys import ServerCertificate


def new_certificate(token: Token, told: ServerState) -> ServerCertificate | None:
    """Return the certificate of another key than we know, if the server has one by now.

    Call it with no transaction open: it may ask the host for its keys.

    Raises:
        AuthserverUnavailableError: it is not the host's, or not for this token.
    """
    if told.certificate == bytes(token.certificate):
        return None
    certificate = checked_certificate(token.host, told.certificate)
    if certificate.serial != token.serial:
        raise AuthserverUnavailableError
    return certificate if certificate.vk != bytes(token.vk) else None


def adopt_key(
    token: Token, certificate: ServerCertificate, told: ServerState, *, actor: str, now: datetime
) -> None:
    """Take a server's new key and id over, in the transaction that holds the token's row.

    Args:
        token: As we knew it, with host and holder.
        certificate: As :func:`new_certificate` gave it.
        told: What the host says.
        actor: Who is said to have done it.
        now: Timezone-aware.
    """
    RetiredServer.objects.create(
        token=token,
        host=token.host,
        vk=token.vk,
        certificate=token.certificate,
        retired_at=told.retired.get(bytes(token.vk), now),
    )
    token.vk, token.certificate = certificate.vk, told.certificate
    token.save(update_fields=["vk", "certificate"])
    tell(token, "key_rotated", actor=actor, now=now)
