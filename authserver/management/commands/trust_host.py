"""``python -m authserver trust_host``: let servers move to and from another host."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from authserver import services
from authserver.management.refusals import refusals_told
from authserver.management.roots import root_key
from protocol.keys import root_fingerprint


class Command(BaseCommand):
    """Pins the root key of another host."""

    help = (
        "Let servers move to another host, seeds and all, and take in those that come from there. "
        "To be done at both. Root and origin are what `keys` prints there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("origin", help="such as https://auth2.example.com")
        parser.add_argument("--root", help="its public root key: 64 hex digits, or a file of them")
        parser.add_argument("--remove", action="store_true", help="trust it no longer")

    def handle(self, *, origin: str, root: str | None, remove: bool, **_: object) -> None:
        """Run."""
        origin = origin.rstrip("/")
        with refusals_told():
            if remove:
                services.distrust_host(origin=origin)
                self.stdout.write(f"{origin} is trusted no longer")
                return
            if root is None:
                raise CommandError("--root is needed.")
            public = root_key(root)
            services.trust_host(origin=origin, root=public)
        self.stdout.write(f"{origin} is trusted, root key {root_fingerprint(public)}")
