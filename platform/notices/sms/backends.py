"""The interface of a way to send an SMS, and the ways that need no SMS centre."""

import os
import secrets
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


class SmsUnavailableError(Exception):
    """It cannot be sent now, and may be later."""


class SmsRefusedError(Exception):
    """It will never be sent: the number or the text is not taken."""


class SmsBackend(Protocol):
    """A way to send an SMS."""

    def send(self, number: str, text: str) -> str:
        """Send one, and return the id that it has there, at most 64 characters.

        Args:
            number: E.164.
            text: At least one character.

        Raises:
            SmsUnavailableError: it may be tried again, and may then arrive twice.
            SmsRefusedError: it is of no use to try again.
        """
        ...


class ConsoleBackend:
    """Writes to standard output: for whoever develops."""

    def send(self, number: str, text: str) -> str:
        """Write one."""
        sys.stdout.write(f"SMS to {number}: {text}\n")
        sys.stdout.flush()
        return secrets.token_hex(8)


@dataclass(frozen=True)
class FileBackend:
    """Writes each into a file of its own, readable to the owner alone: number, then text.

    The names begin with the time, so that they sort as they were sent.
    """

    folder: Path

    def send(self, number: str, text: str) -> str:
        """Write one; errors as :class:`SmsBackend`."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        path = self.folder / f"{name}.txt"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Under another name first: whoever looks into the folder finds whole files.
            unfinished = path.with_suffix(".new")
            handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{number}\n{text}\n")
            unfinished.rename(path)
        except OSError as error:
            raise SmsUnavailableError from error
        return name


@dataclass(frozen=True)
class MemoryBackend:
    """Keeps them: for tests."""

    sent: list[tuple[str, str]] = field(default_factory=list)

    def send(self, number: str, text: str) -> str:
        """Keep one."""
        self.sent.append((number, text))
        return str(len(self.sent))
