"""What lies in the hosts' stocks just now; nothing of it is stored here."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common.errors import DomainError
from enrolment.authserver_client import AuthserverClient
from enrolment.models import AuthserverHost
from enrolment.selectors import client_for, open_hosts
from protocol.errors import ProtocolError

_ASKED_AT_ONCE = 16
_PER_HOST = 50


@dataclass(frozen=True, slots=True)
class InStock:
    """A token that waits for a holder.

    Attributes:
        serial: As it stands on the token.
        suite: Its suite.
        batch: Name of the file it came in.
        expires_at: When it ends; ``None`` where nothing is said of that.
    """

    serial: str
    suite: str
    batch: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shelf:
    """One host's stock, a part at a time.

    Attributes:
        host: Which.
        tokens: By when they came.
        next: What ``after`` is for the part behind; ``None`` at the end.
        fault: Why the host says nothing: a code, or empty.
    """

    host: AuthserverHost
    tokens: list[InStock]
    next: int | None = None
    fault: str = ""


def shelves(
    text: str, *, number: int | None = None, after: int = 0, patience: float | None = None
) -> list[Shelf]:
    """Return the stocks of all hosts that are open, or of one; all are asked at once.

    Args:
        text: How a serial begins; empty for everything.
        number: Of the only host to be asked.
        after: Where its part begins.
        patience: As :class:`AuthserverClient` has it.
    """
    asked = open_hosts()
    if number is not None:
        asked = asked.filter(number=number)
    clients = [(host, _client(host, patience)) for host in asked]
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:
        return list(threads.map(lambda pair: _shelf(pair[0], pair[1], text, after), clients))


def _client(host: AuthserverHost, patience: float | None) -> AuthserverClient | None:
    try:
        return client_for(host, patience=patience)
    except ProtocolError:
        return None


def _shelf(host: AuthserverHost, client: AuthserverClient | None, text: str, after: int) -> Shelf:
    if client is None:
        # Our key there is sealed under another key-encryption key than the one that is set.
        return Shelf(host, [], fault="keys_unreadable")
    try:
        return _read(host, client.stock(text=text, after=after, limit=_PER_HOST))
    except DomainError as error:
        return Shelf(host, [], fault=error.code)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return Shelf(host, [], fault="authserver_unavailable")


def _read(host: AuthserverHost, shown: Mapping[str, Any]) -> Shelf:
    tokens = [_in_stock(token) for token in shown["tokens"]]
    # A part that is not full is the last one.
    return Shelf(host, tokens, int(shown["next"]) if len(tokens) >= _PER_HOST else None)


def _in_stock(token: Mapping[str, Any]) -> InStock:
    ends = token["expires_at"]
    return InStock(
        serial=str(token["serial"]),
        suite=str(token["suite"]),
        batch=str(token["batch"] or ""),
        expires_at=None if ends is None else datetime.fromtimestamp(ends, UTC),
    )
