"""What an offline client does while it is on-line: register, set its password, and sync."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from protocol.errors import ProtocolError
from protocol.keys import open_certificate
from terminal.binding.phone import BoundPhone, hardware_of
from terminal.binding.platform import Platform, octets, text
from terminal.errors import TerminalError
from terminal.home import Home
from terminal.offline.store import Entry, Registration, Store
from terminal.trust import Trust

# Nothing new will be said about these.
_FINAL = {"approved", "rejected", "expired"}
_UNKNOWN = "unknown"
# What the platform does not know by then, no device can bring it any more.
_STALE_SECONDS = 600
_ACTIVE = "active"
# Of a full journal: some 150 for each of a thousand entries.
_MAX_JOURNAL_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Registrar:
    """The way of an offline client to its platform.

    Attributes:
        home: Of the terminal.
        platform: Whom it calls.
        trust: Whom it trusts.
        store: What the client keeps.
        clock: Gives the current time, timezone-aware.
    """

    home: Home
    platform: Platform
    trust: Trust
    store: Store
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def of(cls, home: Home) -> Self:
        """Return that of a terminal's folder; TerminalError: it is no device of an account."""
        platform = Platform(home.client(), home.keys())
        return cls(home, platform, home.trust(), Store(home.folder))

    def register(self, payment_password: str) -> Registration:
        """Register this device as a client; again is the same.

        Raises:
            TerminalError: the platform's code, or ``answer_invalid``.
        """
        body = {"payment_password": payment_password}
        try:
            answer = self.platform.ask("/offline/client", body)
        except TerminalError as error:
            if error.code != "permit_required" or not hardware_of(self.home).chip.path.exists():
                raise
            permit = BoundPhone.of(self.home).permit("offline")
            answer = self.platform.ask("/offline/client", {**body, "permit": permit})
        return self._keep(answer)

    def set_password(self, payment_password: str, password: str) -> None:
        """Set the offline password; that unlocks it too.  Errors as :meth:`register`."""
        body = {"payment_password": payment_password, "password": password}
        self.platform.ask("/offline/client/password", body)
        self.refresh()

    def refresh(self) -> Registration:
        """Fetch the platform's present keys and this client's limits; errors as register."""
        path, key = "/offline/client", self.platform.keys.signing
        return self._keep(self.platform.client.call("GET", path, key=key))

    def reconcile(self, now: datetime) -> list[tuple[Entry, str]]:
        """Refresh, tell the platform what this client knows, and learn what became of it.

        Args:
            now: Current time, timezone-aware.

        Returns:
            Each entry of the journal with its outcome at the platform.

        Raises:
            TerminalError: the platform's code, or ``answer_invalid``.
        """
        # First: whatever was counted by then is compared, and only that is taken over.
        counted = self.refresh().counter
        with self.store.alone():
            return self._compare(counted, now)

    def _compare(self, counted: int, now: datetime) -> list[tuple[Entry, str]]:
        entries = self.store.entries()
        told = [
            {
                "serial": entry.serial.hex(),
                "digest": None if entry.digest is None else entry.digest.hex(),
            }
            for entry in entries
        ]
        answer = self.platform.client.call(
            "POST",
            "/offline/reconcile",
            {"entries": told, "counter": self.store.registration().counter},
            key=self.platform.keys.signing,
            most=_MAX_JOURNAL_BYTES,
        )
        outcomes = _outcomes(answer)
        found = [(entry, outcomes.get(entry.serial.hex(), _UNKNOWN)) for entry in entries]
        stale = now.timestamp() - _STALE_SECONDS
        over = {
            entry.serial
            for entry, outcome in found
            if outcome in _FINAL or (outcome == _UNKNOWN and entry.at < stale)
        }
        self.store.forget(over)
        if answer.get("state") == _ACTIVE:
            self.store.adopt(counted)
        return found

    def _keep(self, answer: Mapping[str, Any]) -> Registration:
        """Check what the platform answered against the root that was pinned; keep, return it.

        The directory of keys is kept with it: without a network, nobody else says which ended.
        """
        root = self.trust.pins.root
        try:
            registration = Registration.from_json(answer)
            for each in registration.certificates:
                open_certificate(each, root)
        except (ValueError, KeyError, TypeError, AttributeError, ProtocolError) as error:
            raise _answer_invalid() from error
        if octets(answer, "root") != root:
            raise TerminalError("answer_invalid", "the platform has another root than was pinned")
        self.trust.refresh(self.clock())
        self.store.register(registration)
        return registration


def _outcomes(answer: Mapping[str, Any]) -> dict[str, str]:
    """Return what became of each serial."""
    try:
        return {text(each, "serial"): text(each, "state") for each in answer["entries"]}
    except (KeyError, TypeError, AttributeError) as error:
        raise _answer_invalid() from error


def _answer_invalid() -> TerminalError:
    return TerminalError("answer_invalid", "the platform does not answer as it should")
