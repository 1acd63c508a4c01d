"""``python -m authserver forget_log``: sign anew for whatever log a platform shows next."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from authserver import services
from authserver.management.refusals import refusals_told


class Command(BaseCommand):
    """For a platform whose database came back from a copy; ask its operator before."""

    help = "Sign anew for a platform's receipt log, after its database came back from a copy."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the argument."""
        parser.add_argument("platform_id", help="id of the platform")

    def handle(self, *, platform_id: str, **_: object) -> None:
        """Run."""
        with refusals_told():
            services.forget_log(platform_id=platform_id)
        self.stdout.write(f"The next log of {platform_id} is signed for as it is.")
