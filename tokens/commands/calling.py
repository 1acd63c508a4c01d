"""What the commands share that call a host or a platform; the others know no network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tokens.client import Client

CAFileOption = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        envvar="COUNTERSIGN_TOKEN_CA_FILE",
        help="Certificates (PEM) to trust for HTTPS in place of the system's.",
    ),
]


def new_client(ca_file: Path | None) -> "Client":
    """Return what calls hosts and platforms.

    Raises:
        RefusedError: ``ca_file_invalid``.
    """
    from tokens.client import Client

    return Client(ca_file)
