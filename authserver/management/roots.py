"""Public root keys as arguments of commands."""

from pathlib import Path

from django.core.management.base import CommandError


def root_key(text: str) -> bytes:
    """Return the key that an argument is, or that stands in the file it names.

    Raises:
        CommandError: it is neither.
    """
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    try:
        return bytes.fromhex(Path(text).read_text("utf-8").strip())
    except (OSError, ValueError) as error:
        raise CommandError("--root is neither hex digits nor a file of them.") from error
