"""``python -m authserver revoke``: end a server for good."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone

from authserver import services
from authserver.management.operators import add_operator
from authserver.management.refusals import refusals_told


class Command(BaseCommand):
    """Revokes one server; what it decided stays valid."""

    help = "Revoke a token for good. Its earlier verdicts stay valid."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name", help="server id, or the token's serial")
        add_operator(parser)

    def handle(self, *, name: str, by: str, **_: object) -> None:
        """Run."""
        with refusals_told():
            server = services.revoke_by_operator(name=name, operator=by, now=timezone.now())
        self.stdout.write(f"Revoked {server}")
