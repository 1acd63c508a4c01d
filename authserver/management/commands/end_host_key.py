"""``python -m authserver end_host_key``: a host key was retired, or somebody else has it."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from authserver import services
from authserver.management.refusals import refusals_told


class Command(BaseCommand):
    """Writes the end of a host key, which platforms put in their directories."""

    help = (
        "Declare that a host key was retired or compromised. Platforms learn it when they "
        "refresh_hosts, and it cannot be taken back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the key, how it ended, and when."""
        parser.add_argument("kid", help="16 hex digits, as keys lists them")
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument(
            "--retired", action="store_true", help="it certifies nothing from then on"
        )
        how.add_argument(
            "--compromised",
            action="store_true",
            help="from then on somebody else may have signed with it",
        )
        parser.add_argument("--at", help="ISO 8601 with offset; default: now")

    def handle(self, **options: Any) -> None:
        """Run."""
        with refusals_told():
            key = services.end_host_key(
                _kid(options["kid"]),
                compromised=options["compromised"],
                at=_time(options["at"]),
                now=timezone.now(),
            )
        how = "compromised" if options["compromised"] else "retired"
        at = getattr(key, f"{how}_at")
        self.stdout.write(
            f"{key}: {how} {at:%Y-%m-%d %H:%M:%S} UTC. Have each platform run refresh_hosts."
        )


def _kid(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise CommandError("A key's id is 16 hex digits.") from error


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise CommandError("The time lacks its offset, such as Z or +02:00.")
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CommandError("This is no time, such as 2026-01-31T12:00Z.") from error
