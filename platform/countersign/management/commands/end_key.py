"""Declare that a key of the platform ended."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from audit.services import record
from common.commands import refusals_told
from signing import services


class Command(BaseCommand):
    """Writes the end of a key, which the next directory carries."""

    help = (
        "Declare that a key of the platform was retired or compromised. "
        "Readers learn it with the next directory, and it cannot be taken back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the key, how it ended, and when."""
        parser.add_argument("kid", type=key_id, help="16 hex digits, as platform_keys lists them")
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument(
            "--retired", action="store_true", help="it signs nothing from two minutes on"
        )
        how.add_argument(
            "--compromised",
            action="store_true",
            help="from then on somebody else may have signed with it, and written any date",
        )
        parser.add_argument(
            "--at", type=time, help="since when it is compromised, ISO 8601; default: now"
        )

    def handle(self, *_: Any, retired: bool, at: datetime | None, **options: Any) -> None:
        """Run the command."""
        if retired and at:
            raise CommandError("end_refused: --at goes with --compromised alone")
        now = timezone.now()
        with refusals_told(), transaction.atomic():
            compromised_at = None if retired else at or now
            key = services.end_key(options["kid"], compromised_at=compromised_at, now=now)
            how, since = "retired", key.retired_at
            if not retired:
                how, since = "compromised", key.compromised_at
            when = f"{since:%Y-%m-%d %H:%M:%S} UTC"
            record(action=f"key.{how}", actor="system", subject=f"{key} {when}", now=now)
        self.stdout.write(f"{key}: {how} at {when}")
        self.stdout.write("The next directory says so: python manage.py export_keys FILE")


def key_id(text: str) -> bytes:
    """Read a key's id from a command line."""
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise CommandError("key_unknown: a key's id is 16 hex digits") from error


def time(text: str) -> datetime:
    """Read a time from a command line."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise CommandError("end_refused: the time lacks its offset, such as Z or +02:00")
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CommandError(
            "end_refused: the time is not one, such as 2026-01-31T12:00Z"
        ) from error
