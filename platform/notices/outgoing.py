"""POST to an address that a stranger named, without letting it reach into our own network."""

import ipaddress
import socket
from http import HTTPStatus
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from urllib3.util import Timeout

from notices.errors import WebhookUrlInvalidError

MAX_URL_CHARACTERS = 400
_TIMEOUT = Timeout(connect=5.0, read=10.0)
_PORTS = {"https": 443, "http": 80}


class NotReachedError(Exception):
    """No answer came, or the address may not be asked."""


def check_url(url: str) -> None:
    """Check that an address may be named as an endpoint; its name is looked up at every call.

    Raises:
        WebhookUrlInvalidError: it is no plain ``https`` address of a named host.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise WebhookUrlInvalidError from error
    schemes = ("https", "http") if settings.WEBHOOKS_MAY_BE_PRIVATE else ("https",)
    is_plain = url.isascii() and url.isprintable() and " " not in url
    has_secrets = "@" in parts.netloc or parts.fragment
    if not is_plain or len(url) > MAX_URL_CHARACTERS or parts.scheme not in schemes:
        raise WebhookUrlInvalidError
    if not host or has_secrets:
        raise WebhookUrlInvalidError
    if _literal(host) is not None and not _is_allowed(host):
        raise WebhookUrlInvalidError("A webhook cannot go to a private or reserved address.")


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send, follow no redirect, and return the status.

    The name is looked up here, each address is judged, and the connection goes to the very
    address that was judged: a name that answers differently the next time gains nothing.

    Raises:
        NotReachedError: the name has no address that may be asked, or no answer came.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    name = f"[{host}]" if ":" in host else host
    own = {**headers, "Host": name if parts.port is None else f"{name}:{port}"}
    try:
        with _pool(parts.scheme, _address(host, port), port, host) as pool:
            answer = pool.request(
                "POST",
                target,
                body=body,
                headers=own,
                redirect=False,
                retries=False,
                timeout=_TIMEOUT,
                # What it says beside the status is of no interest, and may have no end.
                preload_content=False,
            )
            answer.close()
            return HTTPStatus.OK if answer.status in range(200, 300) else answer.status
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise NotReachedError from error


def _pool(scheme: str, address: str, port: int, host: str) -> urllib3.HTTPConnectionPool:
    if scheme == "http":
        return urllib3.HTTPConnectionPool(address, port)
    return urllib3.HTTPSConnectionPool(
        address,
        port,
        ca_certs=settings.WEBHOOKS_CA_FILE or None,
        assert_hostname=host,
        server_hostname=host,
    )


def _address(host: str, port: int) -> str:
    """Return the first address of a host, if all of them may be asked."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(_is_allowed(address) for address in addresses):
        raise NotReachedError
    return addresses[0]


def _is_allowed(address: str) -> bool:
    if settings.WEBHOOKS_MAY_BE_PRIVATE:
        return True
    known = _literal(address)
    if known is None:
        return False
    # ::ffff:10.0.0.1, 64:ff9b::10.0.0.1 and 2002:0a00:0001:: are 10.0.0.1 in another dress.
    inner = [known]
    if isinstance(known, ipaddress.IPv6Address):
        inner += [part for part in (known.ipv4_mapped, known.sixtofour) if part is not None]
        inner += known.teredo or ()
        if known in _NAT64:
            inner.append(ipaddress.IPv4Address(int(known) & 0xFFFFFFFF))
    return all(part.is_global and not part.is_multicast for part in inner)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
