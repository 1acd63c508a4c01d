"""A terminal's folder, and the way from it to its platform."""

from dataclasses import dataclass
from pathlib import Path

from terminal.client import Client
from terminal.folder import Folder
from terminal.trust import Trust


@dataclass(frozen=True, slots=True)
class Home(Folder):
    """One terminal's files, and whom to trust on the way to the platform.

    Attributes:
        ca_file: Certificates (PEM) to trust for HTTPS in place of the system's.
    """

    ca_file: Path | None = None

    @property
    def manager_file(self) -> Path:
        """Where the running billing manager says how it is reached."""
        return self.folder / "manager.json"

    def client(self) -> Client:
        """Return what calls the platform this device was added to; errors as both."""
        return Client(self.pins().origin, ca_file=self.ca_file)

    def trust(self) -> Trust:
        """Return whom this terminal trusts, and keeps up to date; errors as :meth:`client`."""
        return Trust(self.pins(), self.client(), self.pins_file)
