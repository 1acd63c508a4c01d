"""Write the key directory to a file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from common.commands import refusals_told
from protocol.errors import ProtocolError
from protocol.keys import MAX_DIRECTORY_BYTES, Directory
from receipts import services


class Command(BaseCommand):
    """Writes the directory that `verify_receipt --keys` reads."""

    help = "Write this platform's signed key directory to a file, but never over a newer one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file's path."""
        parser.add_argument("file", type=Path)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        with refusals_told():
            content = services.directory(now=timezone.now())
            _check_newer(options["file"], content)
            options["file"].write_bytes(content)
        self.stdout.write(f"{len(content)} bytes written to {options['file']}")


def _check_newer(path: Path, content: bytes) -> None:
    """Refuse to put a directory in the place of a newer one; errors as its check_successor."""
    if not path.is_file() or path.stat().st_size > MAX_DIRECTORY_BYTES:
        return
    try:
        held = Directory.open(path.read_bytes())
    except ProtocolError:
        return  # something else, or a directory that nobody reads any more
    held.check_successor(Directory.open(content))
