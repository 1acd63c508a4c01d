"""The folder in which a terminal keeps what it is and whom it trusts; known without a network."""

from dataclasses import dataclass
from pathlib import Path

from terminal.errors import TerminalError
from terminal.keys import DeviceKeys
from terminal.pins import Pins

_FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True)
class Folder:
    """One terminal's files.

    Attributes:
        folder: ``keys.json`` (secret), ``platform.json`` (pins), ``manager.json`` (the way to the
            running billing manager; secret), and what the simulators and the offline client keep.
    """

    folder: Path

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

    def keys(self) -> DeviceKeys:
        """Return the device's keys; errors as :meth:`DeviceKeys.load`."""
        return DeviceKeys.load(self.keys_file)

    def pins(self) -> Pins:
        """Return the pins; errors as :meth:`Pins.load`."""
        return Pins.load(self.pins_file)


def expanded(folder: Path) -> Path:
    """Return a path with its ``~`` replaced.

    Raises:
        TerminalError: ``folder_unusable``.
    """
    try:
        return folder.expanduser()
    except RuntimeError as error:
        raise TerminalError("folder_unusable", "there is no home folder: use --folder") from error
