"""Whom a terminal trusts while it is on-line: the pins, brought up to date by themselves."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from protocol.errors import ProtocolError
from protocol.files import locked_file
from protocol.keys import KeyCertificate, Purpose
from terminal.client import Client
from terminal.errors import TerminalError
from terminal.pins import Pins

# A key that ended is refused by then at the latest, by a terminal that is used on-line.
REFRESH = timedelta(hours=6)


@dataclass(slots=True)
class Trust:
    """The pins, and where newer keys are to be had.

    Attributes:
        pins: As they are known now.
        client: The way to the platform.
        file: Where the pins are kept; ``None`` when nowhere.
    """

    pins: Pins
    client: Client
    file: Path | None = None

    def signer(self, message: bytes, purpose: Purpose, now: datetime) -> KeyCertificate:
        """Do as :meth:`Pins.signer`, with the directory of keys asked for anew if that is due.

        It is due every few hours, and when no key that is known signed the message.

        Raises:
            TerminalError: ``signer_unknown``, or as :meth:`refresh`.
            ProtocolError: as :meth:`Pins.signer` and :meth:`refresh`.
        """
        if self.is_due(now):
            # Without an answer, or with one that takes something back, what is held goes on.
            with suppress(TerminalError, ProtocolError):
                self.refresh(now)
        try:
            return self.pins.signer(message, purpose, now)
        except TerminalError:
            # The platform may have a newer key; its root vouches for it, or nobody does.
            self.refresh(now)
            return self.pins.signer(message, purpose, now)

    def is_due(self, now: datetime) -> bool:
        """Whether the platform was not asked for some hours."""
        # Nor is a clock believed that was ahead then.
        return abs(now.timestamp() - self.pins.asked) >= REFRESH.total_seconds()

    def refresh(self, now: datetime) -> None:
        """Take the platform's directory of keys, if it has a newer one, and keep it.

        Raises:
            TerminalError: as :meth:`Client.newer_directory` and :meth:`Pins.with_keys`, or
                ``folder_unusable``.
            ProtocolError: as :meth:`Pins.with_keys`; what is held stays.
        """
        newer = self.client.newer_directory(self.pins.tag)
        asked = int(now.timestamp())
        if self.file is None:
            self.pins = self.pins.renewed(newer, asked)
            return
        try:
            with locked_file(self.file.with_suffix(".lock")):
                # Another program may have taken a newer one meanwhile.
                self.pins = Pins.load(self.file)
                self.pins = self.pins.renewed(newer, asked)
                self.pins.save(self.file)
        except OSError as error:
            raise TerminalError("folder_unusable", f"{self.file} cannot be written") from error
