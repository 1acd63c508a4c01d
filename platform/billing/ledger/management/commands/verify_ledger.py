"""Check every row of the ledger."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.ledger.services import verify_ledger


class Command(BaseCommand):
    """Names each row at fault."""

    help = "Check every row of the ledger against every other; safe to run at any moment."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run the command; exit status 1 when a row is at fault."""
        found = verify_ledger(actor="system", now=timezone.now())
        for fault in found:
            self.stdout.write(fault)
        if found:
            raise CommandError(f"ledger_faulty: {len(found)} faults")
        self.stdout.write("the ledger is right")
