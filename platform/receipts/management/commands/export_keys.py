"""Write the key directory to a file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from common.commands import refusals_told
from receipts import services


class Command(BaseCommand):
    """Writes the directory that `verify_receipt --keys` reads."""

    help = "Write this platform's signed key directory to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file's path."""
        parser.add_argument("file", type=Path)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        with refusals_told():
            content = services.directory(now=timezone.now())
            options["file"].write_bytes(content)
        self.stdout.write(f"{len(content)} bytes written to {options['file']}")
