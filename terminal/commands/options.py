"""What several commands share: their options, and the way to the terminal's folder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from terminal.commands.folder import DEFAULT_FOLDER, FolderOption
from terminal.folder import expanded
from terminal.home import Home

__all__ = ["DEFAULT_FOLDER", "CAFileOption", "FolderOption", "now", "open_home"]

CAFileOption = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        envvar="COUNTERSIGN_TERMINAL_CA_FILE",
        help="Certificates (PEM) to trust for HTTPS in place of the system's.",
    ),
]


def open_home(folder: Path, ca_file: Path | None = None) -> Home:
    """Return the terminal's folder.

    Raises:
        TerminalError: ``folder_unusable``.
    """
    return Home(expanded(folder), ca_file)


def now() -> datetime:
    """Return the time by the terminal's clock."""
    return datetime.now(UTC)
