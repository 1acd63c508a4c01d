"""Declare that a key of a host got out, whatever the host says of it."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from common.commands import refusals_told
from countersign.management.commands.end_key import key_id, time
from enrolment.services import end_host_key


class Command(BaseCommand):
    """Writes the end of a host key, which the next directory carries."""

    help = (
        "Declare that a key of a host was compromised, where the host itself cannot or does "
        "not say so. Readers learn it with the next directory, and it cannot be taken back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the host, its key, and since when."""
        parser.add_argument("number", type=int, help="of the host")
        parser.add_argument("kid", type=key_id, help="16 hex digits")
        parser.add_argument(
            "--compromised",
            action="store_true",
            required=True,
            help="somebody else may have signed with it, and written any date",
        )
        parser.add_argument("--at", type=time, help="since when, ISO 8601; default: now")

    def handle(self, *_: Any, number: int, kid: bytes, at: datetime | None, **__: Any) -> None:
        """Run the command."""
        now = timezone.now()
        with refusals_told():
            since = end_host_key(
                number=number, kid=kid, compromised_at=at or now, actor="system", now=now
            )
        self.stdout.write(
            f"{kid.hex()} of host {number}: compromised at {since:%Y-%m-%d %H:%M:%S} UTC"
        )
        self.stdout.write("The next directory says so: python manage.py export_keys FILE")
