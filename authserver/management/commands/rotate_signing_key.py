"""``python -m authserver rotate_signing_key``: a new signing key for one token's server."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone

from authserver import services
from authserver.management.operators import add_operator
from authserver.management.refusals import refusals_told


class Command(BaseCommand):
    """Gives one server a new key, and so a new id; what it signed stays valid."""

    help = (
        "Give a token's server a new signing key. What it signed stays valid, and statements "
        "under way still end. The platform learns of it by itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name", help="the token's serial, or its server's id")
        parser.add_argument(
            "--scanning",
            action="store_true",
            help="also for a token that reads statements, whose holder must then update its keys",
        )
        add_operator(parser)

    def handle(self, *, name: str, scanning: bool, by: str, **_: object) -> None:
        """Run."""
        with refusals_told():
            server, former = services.rotate_signing_key(
                name=name, operator=by, now=timezone.now(), is_scanning_allowed=scanning
            )
        self.stdout.write(
            f"Token {server.serial}: server {former.vk} is now {server.vk}; the former key "
            f"answers statements issued until {former.retired_at:%Y-%m-%d %H:%M:%S} UTC"
        )
