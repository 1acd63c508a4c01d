"""Register an authentication server host."""

import re
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from common.commands import refusals_told
from enrolment import services

# RFC 6750 section 2.1.
_BEARER = re.compile(rb"[A-Za-z0-9._~+/-]+=*")


class Command(BaseCommand):
    """Pins a host's root and stores the key it issued for this platform."""

    help = "Register an authentication server host, or renew its certificates."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("origin", help="such as https://auth.example.com")
        parser.add_argument("--key-file", required=True, type=Path, help="bearer key it issued")
        parser.add_argument(
            "--fingerprint", required=True, help="of its root, read on the host itself"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        with refusals_told():
            host = services.add_host(
                origin=options["origin"].rstrip("/"),
                key=_key(options["key_file"]),
                fingerprint=options["fingerprint"],
                now=timezone.now(),
            )
        self.stdout.write(f"host {host.number} is {host.name} at {host.origin}")


def _key(path: Path) -> str:
    key = path.read_bytes().strip()
    if not _BEARER.fullmatch(key):
        raise CommandError(f"key_invalid: {path} does not hold a bearer key")
    return key.decode()
