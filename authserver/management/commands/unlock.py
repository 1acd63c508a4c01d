"""``python -m authserver unlock``: the operator's second proof."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone

from authserver import services
from authserver.management.operators import add_operator
from authserver.management.refusals import refusals_told


class Command(BaseCommand):
    """Ends every lock of one server, the one of 30 failures in 30 days included."""

    help = "Unlock a token and begin its budget of failures anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name", help="server id, or the token's serial")
        add_operator(parser)

    def handle(self, *, name: str, by: str, **_: object) -> None:
        """Run."""
        with refusals_told():
            server = services.unlock_by_operator(name=name, operator=by, now=timezone.now())
        self.stdout.write(f"Unlocked {server}")
