"""Fetch the keys of every authentication server host."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from enrolment import services


class Command(BaseCommand):
    """Learns host keys that are new; those that are known stay."""

    help = "Fetch the host keys of every authentication server host, after one was rotated."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run the command."""
        found = services.refresh_hosts(now=timezone.now())
        for name, code in found.items():
            self.stdout.write(f"{name}: {code or 'up to date'}")
        failed = sum(bool(code) for code in found.values())
        if failed:
            raise CommandError(f"{failed} of {len(found)} hosts could not be asked; try again.")
