"""Find hosts and tokens."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from common.compiled import Compiled
from common.errors import NotFoundError
from enrolment.authserver_client import AuthserverClient
from enrolment.models import AuthserverHost, Token
from protocol import cose
from protocol.chain import CertifiedServer
from protocol.keys import ServerCertificate
from signing.services import sealer

if TYPE_CHECKING:
    from accounts.models import Holder


def hosts() -> QuerySet[AuthserverHost]:
    """Return all hosts by number."""
    return AuthserverHost.objects.order_by("number")


def client_for(host: AuthserverHost) -> AuthserverClient:
    """Return the HTTP client for a host, with our key there."""
    key = sealer().open(bytes(host.sealed_key), host.name.encode())
    return AuthserverClient(host.origin, key.decode())


def tokens_of(*, holder: "Holder") -> QuerySet[Token]:
    """Return a holder's tokens, newest first."""
    return Token.objects.filter(holder=holder).select_related("host").order_by("-pk")


def token_of(*, holder: "Holder", serial: str) -> Token:
    """Return one of a holder's tokens with its host.

    Raises:
        NotFoundError: the holder has no such token.
    """
    token = _BY_SERIAL.first(holder.pk, serial)
    if token is None:
        raise NotFoundError("You have no token of that serial.")
    token.holder = holder
    return token


# One filter after the other: that is the order of the values.
_BY_SERIAL = Compiled(lambda: Token.objects.filter(holder=0).filter(serial=""), "host")


def certified_server(token: Token) -> CertifiedServer:
    """Return a token's server with its certificate as receipts carry it."""
    return _certified(bytes(token.certificate), token.host.number)


@lru_cache(maxsize=4096)
def _certified(message: bytes, host: int) -> CertifiedServer:
    signed = cose.parse(message)
    certificate = ServerCertificate.from_payload(signed.payload)
    return CertifiedServer(
        certificate.key, host, certificate.from_day, certificate.to_day, signed.signature
    )


def certificates_in_bucket(*, bucket: int) -> Iterable[tuple[bytes, int | None]]:
    """Yield the certificates of servers whose ``vk`` begins with these 12 bits.

    Yields:
        The cs-server message, and the Unix time of revocation or ``None``.
    """
    low = (bucket << 52).to_bytes(8)
    high = ((bucket << 52) | ((1 << 52) - 1)).to_bytes(8)
    rows = Token.objects.filter(vk__gte=low, vk__lte=high).order_by("vk")
    for certificate, revoked_at in rows.values_list("certificate", "revoked_at"):
        yield bytes(certificate), None if revoked_at is None else int(revoked_at.timestamp())
