"""Do what must happen by itself: settle steps, send notices, forget old answers."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from common.idempotency import forget_old_requests
from notices.services import deliver_notices
from transactions.services import reconcile_steps


class Command(BaseCommand):
    """Runs until stopped; several may run side by side."""

    help = "Settle overdue steps, send notices, and forget old idempotency keys, again and again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --once and --seconds."""
        parser.add_argument("--once", action="store_true", help="one round, then stop")
        parser.add_argument("--seconds", type=float, default=5.0, help="pause between rounds")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        while True:
            reconcile_steps(now=timezone.now())
            deliver_notices(now=timezone.now())
            forget_old_requests(now=timezone.now())
            close_old_connections()
            if options["once"]:
                return
            time.sleep(options["seconds"])
