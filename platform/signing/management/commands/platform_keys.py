"""List the platform's keys."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from common.commands import refusals_told
from protocol.keys import root_fingerprint
from signing import selectors


class Command(BaseCommand):
    """Lists public keys, never a secret."""

    help = "List the platform's root and keys, and what became of them."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run the command."""
        with refusals_told():
            root = selectors.root_key()
        # As `python -m authserver keys` has it: the digits are for `authserver add_platform`.
        self.stdout.write(f"root      {root_fingerprint(root)}  {root.hex()}")
        for key in selectors.listed_keys(now=timezone.now()):
            days = f"{_day(key.from_day)} to {_day(key.to_day)}"
            self.stdout.write(f"{key.purpose:9} {key.kid.hex()}  {days}  {key.state}")


def _day(number: int) -> str:
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number):%Y-%m-%d}"
