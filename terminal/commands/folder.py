"""The option of the terminal's folder, which the commands without a network have too."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_FOLDER = "~/.local/share/countersign/terminal"

FolderOption = Annotated[
    Path,
    typer.Option(
        "--folder",
        envvar="COUNTERSIGN_TERMINAL_FOLDER",
        help="What this terminal keeps: its keys, and whom it trusts.",
    ),
]
