"""Find hosts and tokens."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from accounts.selectors import holders_matching
from common.compiled import Compiled
from common.errors import NotFoundError
from common.prefixes import MIN_DIGITS, id_range
from enrolment.authserver_client import AuthserverClient
from enrolment.models import AuthserverHost, Token
from protocol import cose
from protocol.chain import CertifiedServer
from protocol.fields import ID_BYTES
from protocol.keys import ServerCertificate
from signing.services import sealer

if TYPE_CHECKING:
    from accounts.models import Holder


def hosts() -> QuerySet[AuthserverHost]:
    """Return all hosts by number."""
    return AuthserverHost.objects.order_by("number")


def host_by_number(number: int) -> AuthserverHost:
    """Return the host that receipts call by this number.

    Raises:
        NotFoundError: there is none.
    """
    host = AuthserverHost.objects.filter(number=number).first()
    if host is None:
        raise NotFoundError("There is no such host.")
    return host


def client_for(host: AuthserverHost, *, patience: float | None = None) -> AuthserverClient:
    """Return the HTTP client for a host, with our key there."""
    key = sealer().open(bytes(host.sealed_key), host.name.encode())
    return AuthserverClient(host.origin, key.decode(), patience)


def tokens_of(*, holder: "Holder") -> QuerySet[Token]:
    """Return a holder's tokens, newest first."""
    return Token.objects.filter(holder=holder).select_related("host").order_by("-pk")


def active_tokens_of(*, holder: "Holder") -> list[Token]:
    """Return the tokens with which a holder can answer, newest first."""
    return list(tokens_of(holder=holder).filter(state=Token.State.ACTIVE))


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


def token_by_serial(serial: str) -> Token:
    """Return any holder's token, with its host and its holder.

    Raises:
        NotFoundError: there is no such token.
    """
    token = _whole_tokens().filter(serial=serial).first()
    if token is None:
        raise NotFoundError("There is no such token.")
    return token


def tokens_by_id(text: str) -> QuerySet[Token]:
    """Return the tokens whose serial or server id begins so, newest first."""
    return _whole_tokens().filter(_begins_with(text))


def tokens_matching(text: str) -> QuerySet[Token]:
    """Return tokens by how an id begins or by their holder, newest first; all for nothing."""
    if not text:
        return _whole_tokens()
    people = holders_matching(text).order_by().values("pk")
    # A union, so that each part is looked up by its own index.
    by_id = Token.objects.filter(_begins_with(text)).values("pk")
    return _whole_tokens().filter(
        pk__in=by_id.union(Token.objects.filter(holder__in=people).values("pk"))
    )


def _whole_tokens() -> QuerySet[Token]:
    return Token.objects.select_related("host", "holder__user").order_by("-pk")


def _begins_with(text: str) -> Q:
    ends = id_range(text, ID_BYTES)
    serial = Q(serial__startswith=text.upper()) if len(text) >= MIN_DIGITS else Q(pk__in=[])
    return serial if ends is None else serial | Q(vk__range=ends)


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
