"""What several commands share: their options, and the way to the terminal's folder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from terminal.errors import TerminalError
from terminal.home import Home

DEFAULT_FOLDER = "~/.local/share/countersign/terminal"

FolderOption = Annotated[
    Path,
    typer.Option(
        "--folder",
        envvar="COUNTERSIGN_TERMINAL_FOLDER",
        help="What this terminal keeps: its keys, and whom it trusts.",
    ),
]
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
    try:
        return Home(folder.expanduser(), ca_file)
    except RuntimeError as error:
        raise TerminalError("folder_unusable", "there is no home folder: use --folder") from error


def now() -> datetime:
    """Return the time by the terminal's clock."""
    return datetime.now(UTC)
