"""Do what must happen by itself: settle steps, send notices, forget old answers."""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from common.idempotency import forget_old_requests
from common.problems import DATABASE_GONE
from notices.services import deliver_notices
from transactions.services import reconcile_steps

logger = logging.getLogger(__name__)


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
            try:
                _work()
            except DATABASE_GONE:
                # A database that restarts must not end the worker, and with it the site.
                logger.exception("worker.interrupted")
            close_old_connections()
            if options["once"]:
                return
            time.sleep(options["seconds"])


def _work() -> None:
    reconcile_steps(now=timezone.now())
    deliver_notices(now=timezone.now())
    forget_old_requests(now=timezone.now())
