"""The folder in which a terminal keeps what it is and whom it trusts."""

from dataclasses import dataclass
from pathlib import Path

from terminal.client import Client
from terminal.errors import TerminalError
from terminal.keys import DeviceKeys
from terminal.pins import Pins

_FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True)
class Home:
    """One terminal's files.

    Attributes:
        folder: ``keys.json`` (secret), ``platform.json`` (pins), ``manager.json`` (the way to the
            running billing manager; secret), and what the chip and SIM simulators keep.
        ca_file: Certificates (PEM) to trust for HTTPS in place of the system's.
    """

    folder: Path
    ca_file: Path | None = None

    def make(self) -> None:
        """Make the folder, for its owner alone.

        Raises:
            TerminalError: ``folder_unusable``.
        """
        try:
            self.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise TerminalError("folder_unusable", f"{self.folder} cannot be made") from error

    @property
    def keys_file(self) -> Path:
        """Where the device's keys are."""
        return self.folder / "keys.json"

    @property
    def pins_file(self) -> Path:
        """Where the pins are."""
        return self.folder / "platform.json"

    @property
    def manager_file(self) -> Path:
        """Where the running billing manager says how it is reached."""
        return self.folder / "manager.json"

    def keys(self) -> DeviceKeys:
        """Return the device's keys; errors as :meth:`DeviceKeys.load`."""
        return DeviceKeys.load(self.keys_file)

    def pins(self) -> Pins:
        """Return the pins; errors as :meth:`Pins.load`."""
        return Pins.load(self.pins_file)

    def client(self) -> Client:
        """Return what calls the platform this device was added to; errors as both."""
        return Client(self.pins().origin, ca_file=self.ca_file)
