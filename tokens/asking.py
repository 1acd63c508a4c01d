"""What the commands ask whoever sits at the terminal."""

import os
import sys
import warnings
from getpass import GetPassWarning, getpass

import typer

from tokens.errors import RefusedError

PASSPHRASE_VARIABLE = "COUNTERSIGN_TOKEN_PASSPHRASE"  # noqa: S105  (its name, not its value)


def ask_passphrase(*, is_new: bool) -> str:
    """Return the passphrase of a file of tokens, from the environment or as it is typed.

    Args:
        is_new: There is no file yet, so it is asked for twice.

    Raises:
        RefusedError: there is no terminal to ask on, nothing was typed, or two things were.
        Abort: the terminal was closed.
    """
    if given := os.environ.get(PASSPHRASE_VARIABLE):
        return given
    with warnings.catch_warnings():
        # Without a terminal the passphrase would be echoed, or read from something else.
        warnings.simplefilter("error", GetPassWarning)
        try:
            passphrase = getpass("Passphrase: ")
            if is_new and getpass("Once more: ") != passphrase:
                raise RefusedError("passphrase_mismatch", "the two passphrases differ")
        except GetPassWarning as warning:
            raise RefusedError(
                "passphrase_missing", f"no terminal to ask on: set {PASSPHRASE_VARIABLE}"
            ) from warning
        except EOFError as error:
            raise typer.Abort from error
    if not passphrase:
        raise RefusedError("passphrase_missing", "an empty passphrase protects nothing")
    return passphrase


def confirm(question: str) -> None:
    """Ask for consent.

    Raises:
        Abort: there is none.
    """
    # Not typer.confirm: it writes to standard output, which is the code's.
    typer.echo(f"{question} [y/N] ", nl=False, err=True)
    consents = sys.stdin.readline().strip().lower() in ("y", "yes")
    if not sys.stdin.isatty():
        typer.echo(err=True)
    if not consents:
        raise typer.Abort
