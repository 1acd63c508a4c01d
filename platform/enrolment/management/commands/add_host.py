"""Register an authentication server host."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from common.errors import DomainError
from enrolment import services


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
        try:
            host = services.add_host(
                origin=options["origin"].rstrip("/"),
                key=options["key_file"].read_text("ascii").strip(),
                fingerprint=options["fingerprint"],
                now=timezone.now(),
            )
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        except OSError as error:
            raise CommandError(f"key_file_unreadable: {error.strerror}") from error
        self.stdout.write(f"host {host.number} is {host.name} at {host.origin}")
