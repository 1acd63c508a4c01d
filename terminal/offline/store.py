"""What an offline client keeps in the terminal's folder: registration, counter, journal."""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from protocol.errors import ProtocolError
from protocol.files import locked_file, replace_file
from protocol.jwk import from_base64, to_base64
from protocol.offline import MAX_COUNTER, Serial
from terminal.errors import TerminalError

# The platform takes twice as many at once.
MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Registration:
    """What the platform told this client when it was on-line.

    Attributes:
        client: Its id, 4 bytes, in front of its serials.
        salt: Of the offline password, 16 bytes.
        box_key: X25519, 32 bytes; sealed to it, a password proof is the platform's alone to read.
        certificates: ``cs-key`` messages of the platform's offline keys.
        code_limit: The most that a one-way code may be worth, minor units; 0: there are none.
        code_currency: Of that limit.
        has_password: Whether an offline password was set.
        counter: Of the newest serial that was drawn here, or that :meth:`Store.adopt` took over;
            it only rises.
    """

    client: bytes
    salt: bytes
    box_key: bytes
    certificates: tuple[bytes, ...]
    code_limit: int = 0
    code_currency: str = ""
    has_password: bool = False
    counter: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as the file holds it."""
        return {
            "client": self.client.hex(),
            "salt": to_base64(self.salt),
            "box_key": to_base64(self.box_key),
            "certificates": dict(enumerate(map(to_base64, self.certificates))),
            "code_limit": self.code_limit,
            "code_currency": self.code_currency,
            "has_password": self.has_password,
            "counter": self.counter,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Read what the file holds, or what the platform answers.

        Raises:
            ValueError, KeyError, TypeError, ProtocolError: it is something else.
        """
        return cls(
            client=bytes.fromhex(kept["client"]),
            salt=from_base64(kept["salt"]),
            box_key=from_base64(kept["box_key"]),
            certificates=tuple(map(from_base64, kept["certificates"].values())),
            code_limit=int(kept["code_limit"]),
            code_currency=str(kept["code_currency"]),
            has_password=kept["has_password"] is True,
            counter=int(kept["counter"]),
        )


class State(StrEnum):
    """How far a serial got, as the client knows."""

    APPLIED = "applied"
    # Used: signed for once, and never again.
    COUNTERSIGNED = "countersigned"
    APPROVED = "approved"
    REJECTED = "rejected"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Entry:
    """One serial in the journal.

    Attributes:
        serial: 16 bytes.
        state: How far it got.
        at: When that was, Unix seconds by the client's clock.
        digest: Of what was signed, 32 bytes; ``None`` when nothing was.
        text: What was signed for, in words.
    """

    serial: bytes
    state: State
    at: int
    digest: bytes | None = None
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as the journal holds it."""
        digest = None if self.digest is None else to_base64(self.digest)
        return {
            "serial": self.serial.hex(),
            "state": str(self.state),
            "at": self.at,
            "digest": digest,
            "text": self.text,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Read what the journal holds; errors as :meth:`Registration.from_json`."""
        digest = None if kept["digest"] is None else from_base64(kept["digest"])
        serial = bytes.fromhex(kept["serial"])
        return cls(serial, State(kept["state"]), int(kept["at"]), digest, str(kept["text"]))


@dataclass(frozen=True, slots=True)
class Store:
    """The files of an offline client, changed by one program at a time.

    Attributes:
        folder: ``offline.json`` (registration and counter) and ``offline-journal.json``.
    """

    folder: Path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold off whoever else signs or compares for this client, until this is over.

        Whatever is approved while the journal is being compared would look as if a copy of this
        client had signed it.

        Raises:
            TerminalError: ``folder_unusable``.
        """
        with self._holding("offline-busy.lock"):
            yield

    def register(self, registration: Registration) -> None:
        """Keep what the platform told; counter and journal of the same client go on.

        What the platform counted beyond it may have been signed with a copy of the key: first the
        platform compares its counter with ours.

        Raises:
            TerminalError: ``folder_unusable``.
        """
        with self._locked():
            try:
                known = self.registration()
            except TerminalError:
                known = registration
            if known.client == registration.client:
                registration = replace(registration, counter=known.counter)
            else:
                self._keep([])
            self._write(registration)

    def adopt(self, counter: int) -> None:
        """Go on behind a counter of the platform's, among which it found no copy's.

        Raises:
            TerminalError: ``client_not_registered``, or ``folder_unusable``.
        """
        with self._locked():
            known = self.registration()
            self._write(replace(known, counter=max(known.counter, counter)))

    def registration(self) -> Registration:
        """Return what the platform told; TerminalError ``client_not_registered``."""
        try:
            return Registration.from_json(json.loads(self._file.read_text("ascii")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ProtocolError) as error:
            raise TerminalError(
                "client_not_registered",
                "this phone is not registered to authorize without a network: offline register",
            ) from error

    def draw_serial(self) -> Serial:
        """Return a serial that was never used: its counter is on the disk before anybody has it.

        Raises:
            TerminalError: ``client_not_registered``, ``journal_full``, ``counter_exhausted``, or
                ``folder_unusable``.
        """
        with self._locked():
            registration = self.registration()
            if len(self._journal()) >= MAX_ENTRIES:
                raise TerminalError(
                    "journal_full", "be on-line once before the next: offline sync"
                )
            counter = registration.counter + 1
            if counter > MAX_COUNTER:
                raise TerminalError("counter_exhausted", "this phone has no serials any more")
            self._write(replace(registration, counter=counter))
        return Serial.draw(registration.client, counter)

    def note(self, serial: Serial, state: State, now: datetime) -> None:
        """Add to the journal how far a serial got.

        Raises:
            TerminalError: ``folder_unusable``.
        """
        with self._locked():
            before = self._journal().get(bytes(serial))
            entry = before or Entry(bytes(serial), state, 0)
            self._put(replace(entry, state=state, at=_seconds(now)))

    def mark_used(
        self, serial: Serial, digest: bytes, state: State, now: datetime, text: str = ""
    ) -> None:
        """Note what a serial is about to be signed for, before it is: that happens once.

        Raises:
            TerminalError: ``serial_reused``, or ``folder_unusable``.
        """
        with self._locked():
            before = self._journal().get(bytes(serial))
            if before is not None and before.state is not State.APPLIED:
                raise TerminalError("serial_reused", "this was signed before, and is not again")
            self._put(Entry(bytes(serial), state, _seconds(now), digest, text))

    def entries(self) -> list[Entry]:
        """Return the journal, oldest first; TerminalError ``journal_unusable``."""
        return list(self._journal().values())

    def forget(self, serials: set[bytes]) -> None:
        """Drop from the journal what the platform knows as well.

        Raises:
            TerminalError: ``journal_unusable``, or ``folder_unusable``.
        """
        with self._locked():
            self._keep([entry for entry in self.entries() if entry.serial not in serials])

    @property
    def _file(self) -> Path:
        return self.folder / "offline.json"

    @property
    def _journal_file(self) -> Path:
        return self.folder / "offline-journal.json"

    def _write(self, registration: Registration) -> None:
        replace_file(self._file, json.dumps(registration.to_json()).encode())

    def _journal(self) -> dict[bytes, Entry]:
        """Return the entry of each serial, the oldest first."""
        try:
            kept = json.loads(self._journal_file.read_text("ascii"))
            return {entry.serial: entry for entry in map(Entry.from_json, kept)}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, ProtocolError) as error:
            raise TerminalError("journal_unusable", f"{self._journal_file} is damaged") from error

    def _put(self, entry: Entry) -> None:
        self._keep(list((self._journal() | {entry.serial: entry}).values()))

    def _keep(self, entries: list[Entry]) -> None:
        content = json.dumps([entry.to_json() for entry in entries])
        replace_file(self._journal_file, content.encode())

    def _locked(self) -> AbstractContextManager[None]:
        return self._holding("offline.lock")

    @contextmanager
    def _holding(self, name: str) -> Iterator[None]:
        try:
            with locked_file(self.folder / name):
                yield
        except OSError as error:
            raise TerminalError("folder_unusable", f"{self.folder} cannot be written") from error


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
