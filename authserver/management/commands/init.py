"""``python -m authserver init``: make the host's keys."""

from argparse import ArgumentParser
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from authserver import services
from authserver.management.refusals import refusals_told
from protocol.keys import root_fingerprint


class Command(BaseCommand):
    """Makes the root key file, the host's row and a host key, as far as they are missing."""

    help = (
        "Make the host's root key file and a host key certified by it. Safe to repeat: it adds "
        "what is missing, and a new host key when the newest has less than 90 days."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--name", help="at most 20 bytes; the origin's host when left out")

    def handle(self, *, name: str | None, **_: object) -> None:
        """Run."""
        chosen = name or str(urlsplit(settings.AUTHSERVER_ORIGIN).hostname)
        with refusals_told():
            host = services.init_host(
                name=chosen,
                root_key_file=settings.AUTHSERVER_ROOT_KEY_FILE,
                now=timezone.now(),
            )
        self.stdout.write(f"Host {host.name}, root key {root_fingerprint(host.root)}")
