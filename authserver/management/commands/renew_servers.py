"""``python -m authserver renew_servers``: new keys where a compromised host key certified."""

from argparse import ArgumentParser

from django.core.management.base import CommandError
from django.utils import timezone

from authserver import services
from authserver.management.operators import add_operator
from authserver.management.progress import ProgressCommand
from authserver.management.refusals import refusals_told


class Command(ProgressCommand):
    """Gives each server a new key, as rotate_signing_key does for one."""

    help = (
        "Give every server a new signing key that a compromised host key certified, while the "
        "service goes on. When it is cut off, run it again: it goes on where it stopped."
    )
    rows = "servers"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--scanning",
            action="store_true",
            help="also for tokens that read statements, whose holders must then update their keys",
        )
        add_operator(parser)

    def handle(self, *, scanning: bool, by: str, **_: object) -> None:
        """Run."""
        try:
            with refusals_told():
                renewed = services.renew_servers(
                    operator=by,
                    clock=timezone.now,
                    report=self.report,
                    is_scanning_allowed=scanning,
                )
        except KeyboardInterrupt:
            raise CommandError("Cut off; what is done is done. Run it again.") from None
        self.stdout.write(f"{renewed.done} servers have a new key.")
        if renewed.scanning:
            self.stdout.write(
                f"{renewed.scanning} were left whose tokens read statements: say --scanning, and "
                "have their holders update their keys."
            )
        if renewed.left:
            self.stdout.write(f"{renewed.left} were left that moved away or changed meanwhile.")
