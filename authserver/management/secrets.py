"""Secrets for commands: from a file or a prompt, never from the command line."""

import getpass
import sys
from pathlib import Path

from django.core.management.base import CommandError


def from_file(path: Path | None) -> str | None:
    """Return the first line of a file; ``None`` for no file."""
    if path is None:
        return None
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        # Without its cause: that would show a part of the secret.
        raise CommandError(f"{path} cannot be read as text.") from error
    if not lines or not lines[0]:
        raise CommandError(f"{path} is empty.")
    return lines[0]


def asked(prompt: str, option: str) -> str:
    """Ask for a secret, unseen.

    Args:
        prompt: What to ask for.
        option: What to use where nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise CommandError(f"Nobody can be asked here; use {option}.")
    return getpass.getpass(f"{prompt}: ")


def asked_twice(prompt: str, option: str) -> str:
    """Ask for a new secret, and once more for the same."""
    first = asked(prompt, option)
    if asked(f"{prompt}, again", option) != first:
        raise CommandError("The two are not the same.")
    return first
