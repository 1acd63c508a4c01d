"""Whether keys, hosts and servers are in order just now; what hosts say is not stored here."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from common.errors import DomainError
from enrolment.authserver_client import AuthserverClient, from_base64
from enrolment.errors import AuthserverUnavailableError
from enrolment.models import AuthserverHost, Token
from enrolment.selectors import client_for, open_hosts
from protocol.errors import ProtocolError
from protocol.keys import Purpose
from signing.services import signing_key

MAX_DRIFT_SECONDS = 5
_ASKED_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a host can do its work.

    Attributes:
        host: Which.
        offset: Seconds by which its clock is ahead of ours; ``None`` when it gave no answer.
    """

    host: AuthserverHost
    offset: float | None

    @property
    def fault(self) -> str:
        """``host`` when it cannot be asked, ``clock`` when its clock is wrong; else empty."""
        if self.offset is None:
            return "host"
        # Put so that a time that is no number fails.
        return "" if abs(self.offset) <= MAX_DRIFT_SECONDS else "clock"


def readiness_of(host: AuthserverHost, *, patience: float | None = None) -> Readiness:
    """Return whether one host can do its work, asked just now.

    Raises:
        ProtocolError: our key there is sealed under another key-encryption key than is set.
    """
    return Readiness(host, _offset(client_for(host, patience=patience)))


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether the platform can do its work.

    Attributes:
        fault: Code of what is wrong with its own keys; empty when they are in order.
        hosts: All hosts, asked just now; none when the keys are not in order.
    """

    fault: str
    hosts: list[Readiness]

    @property
    def failing(self) -> list[str]:
        """What is wrong, as monitoring is told."""
        if self.fault:
            return [self.fault]
        return [f"{asked.fault}:{asked.host.name}" for asked in self.hosts if asked.fault]


@dataclass(frozen=True, slots=True)
class ServerState:
    """How a paired server stands, as its host tells it.

    Attributes:
        state: Of the token there.
        seq: Number of its last verdict.
        tries_left: Wrong responses until it locks.
        is_locked: Whether it refuses every response now.
        locked_until: When that ends; ``None`` when only an unlocking ends it.
        certificate: Of the key it signs with now, not checked.
        retired: When the keys that it had before were retired, by the ids they gave it.
    """

    state: str
    seq: int
    tries_left: int
    is_locked: bool
    locked_until: datetime | None
    certificate: bytes
    retired: dict[bytes, datetime]

    @property
    def is_blocked(self) -> bool:
        """Whether it stays locked until somebody unlocks it."""
        return self.is_locked and self.locked_until is None


def condition(*, now: datetime, patience: float | None = None) -> Condition:
    """Return whether the platform can do its work; ``patience`` as AuthserverClient has it."""
    try:
        signing_key(Purpose.STATEMENT, now=now)
        asked = [(host, client_for(host, patience=patience)) for host in open_hosts()]
    except DomainError as error:
        return Condition(error.code, [])
    except ProtocolError:
        # Sealed under another key-encryption key than the one that is set.
        return Condition("keys_unreadable", [])
    # All at once, so that one that is away delays no other.
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:
        offsets = threads.map(_offset, (client for _, client in asked))
        found = [Readiness(host, offset) for (host, _), offset in zip(asked, offsets, strict=True)]
    return Condition("", found)


def ask_server(token: Token, *, patience: float | None = None) -> ServerState:
    """Return how a token's server stands; asking is no attempt.

    Raises:
        AuthserverUnavailableError: the host gave no usable answer.
        AuthserverRefusedError: it does not know this server.
    """
    shown = client_for(token.host, patience=patience).server(bytes(token.vk))
    try:
        until = shown["locked_until"]
        return ServerState(
            state=str(shown["state"]),
            seq=int(shown["seq"]),
            tries_left=int(shown["tries_left"]),
            is_locked=bool(shown["locked"]),
            locked_until=None if until is None else datetime.fromtimestamp(until, UTC),
            certificate=from_base64(shown["certificate"]),
            retired={
                bytes.fromhex(former["vk"]): datetime.fromtimestamp(former["retired_at"], UTC)
                for former in shown["former_keys"]
            },
        )
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise AuthserverUnavailableError from error


def _offset(client: AuthserverClient) -> float | None:
    now = time.time()
    try:
        shown = client.keys().get("time")
    except DomainError:
        return None
    return shown - now if isinstance(shown, int | float) else None
