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


def ask_seed() -> bytes:
    """Return a seed, as it is typed without an echo, or as a line of standard input.

    Raises:
        RefusedError: ``hexadecimal_invalid``.
        Abort: the terminal was closed.
    """
    try:
        text = getpass("Seed, in hexadecimal digits: ") if sys.stdin.isatty() else _read_line()
    except EOFError as error:
        raise typer.Abort from error
    return octets("seed", text)


def ask(prompt: str) -> str:
    """Return a line that is typed, or a line of standard input."""
    typer.echo(f"{prompt} ", nl=False, err=True)
    line = _read_line()
    if not sys.stdin.isatty():
        typer.echo(err=True)
    return line


def octets(name: str, text: str) -> bytes:
    """Return what hexadecimal digits stand for.

    Raises:
        RefusedError: ``hexadecimal_invalid``.
    """
    try:
        return bytes.fromhex(text)
    except ValueError:
        # Without its cause and the text, which may be a seed.
        raise RefusedError("hexadecimal_invalid", f"the {name} is not hexadecimal") from None


def confirm(question: str) -> None:
    """Ask for consent.

    Raises:
        Abort: there is none.
    """
    # Not typer.confirm: it writes to standard output, which is the code's.
    if ask(f"{question} [y/N]").lower() not in ("y", "yes"):
        raise typer.Abort


def _read_line() -> str:
    return sys.stdin.readline().strip()
