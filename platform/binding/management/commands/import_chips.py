"""Take in a manufacturer's list of security chips."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from binding.services import import_chips
from common.commands import refusals_told


class Command(BaseCommand):
    """Lists chips, so that phones with them can be bound; all of a file, or nothing."""

    help = "Take in a list of security chips: CSV of serial, manufacturer, key, box_key."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file."""
        parser.add_argument("file", type=Path)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        with refusals_told():
            try:
                lines = options["file"].read_text("utf-8-sig").splitlines()
            except UnicodeDecodeError as error:
                raise CommandError("chip_list_invalid: the file is not UTF-8") from error
            added, known = import_chips(lines=lines, actor="system", now=timezone.now())
        self.stdout.write(f"{added} chips added, {known} known")
