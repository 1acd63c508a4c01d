"""Recompute the whole receipt log."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from common.commands import refusals_told
from protocol.cbor import MAX_BYTES
from protocol.keys import Directory
from receipts import services
from receipts.log_verification import FaultError, verify_log


class Command(BaseCommand):
    """Names the first entry that is not as it was signed."""

    help = "Check every entry of the receipt log, and that every receipt is in it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --held."""
        parser.add_argument(
            "--held",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="a checkpoint kept elsewhere, from which the log must have grown; repeatable",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command; exit status 1 when something is wrong."""
        with refusals_told():
            held = [_read(path) for path in options["held"]]
            directory = Directory.open(services.directory(now=timezone.now()))
        try:
            found = verify_log(directory, held)
        except FaultError as error:
            raise CommandError(f"log_faulty: {error}") from error
        self.stdout.write(
            f"the log is right: {found.entries} entries under {found.checkpoints} checkpoints; "
            f"{found.receipts} receipts are in it or wait for it"
        )


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
