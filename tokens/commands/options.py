"""What several commands share: their options, and the way to the file of tokens."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from protocol.errors import ProtocolError
from tokens.commands.asking import PASSPHRASE_VARIABLE, ask_passphrase
from tokens.errors import RefusedError, TokenError
from tokens.simulator import SimulatedToken
from tokens.store import TokenFile
from tokens.token import Token

DEFAULT_FILE = "~/.local/share/countersign/tokens.bin"

FileOption = Annotated[
    Path,
    typer.Option(
        "--file",
        envvar="COUNTERSIGN_TOKEN_FILE",
        help=f"The encrypted file of tokens; its passphrase: {PASSPHRASE_VARIABLE}, or asked for.",
    ),
]
JSONOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]


def now() -> datetime:
    """Return the time by the token's clock."""
    return datetime.now(UTC)


def open_store(path: Path) -> TokenFile:
    """Return the file of tokens; its passphrase is asked for when it is needed.

    Raises:
        RefusedError: ``token_file_unusable``.
    """
    try:
        path = path.expanduser()
    except RuntimeError as error:
        raise RefusedError("token_file_unusable", "there is no home folder: use --file") from error
    return TokenFile(path, lambda: ask_passphrase(is_new=not path.exists()))


def line_of(error: TokenError | ProtocolError) -> str:
    """Return a refusal as one line, its code in front."""
    sentence = error.detail if isinstance(error, ProtocolError) else str(error)
    return f"{error.code}: {sentence}"


def describe(token: Token) -> dict[str, Any]:
    """Return what a token is, in plain values, without its secrets."""
    described = {"serial": token.serial, "suite": str(token.suite), "sight": int(token.sight)}
    if isinstance(token, SimulatedToken):
        described |= {
            "vk": token.vk.hex(),
            "platform": token.platform_id,
            "origin": token.platform_origin,
            "host": token.host_origin,
        }
    return described


def print_json(value: object) -> None:
    """Print a value in ASCII, which no terminal or locale can spoil."""
    typer.echo(json.dumps(value))
