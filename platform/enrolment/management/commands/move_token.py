"""Move tokens to another host."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from common.commands import refusals_told
from enrolment import services


class Command(BaseCommand):
    """Moves the paired servers of tokens."""

    help = "Move tokens' servers to another host. Safe to repeat; steps under way go on there."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("serials", nargs="+", metavar="serial")
        parser.add_argument("--to", required=True, type=int, help="number of the host")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        for serial in options["serials"]:
            with refusals_told():
                token = services.move_token(
                    serial=serial, number=options["to"], actor="system", now=timezone.now()
                )
            self.stdout.write(f"token {serial} is at host {token.host.number}, {token.host}")
