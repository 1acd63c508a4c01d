"""Do what must happen by itself: settle steps, send notices, forget old answers."""

import logging
import math
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from billing.entitlements.services import (
    expire_codes,
    expire_entitlements,
    settle_purchases,
)
from billing.ledger.services import finish_movements
from billing.packages.services.finish import expire_requests, finish_requests
from billing.packages.services.proving_token import settle_requests
from billing.packages.services.strategies.captcha import forget_old_images
from billing.packages.services.terminals import forget_nonces
from binding.services import forget_old_proofs, tidy_phones
from common.idempotency import forget_old_requests
from common.problems import DATABASE_GONE
from enrolment.services import fetch_events, refresh_hosts, release_unclaimed, settle_owed
from enrolment.services.approvals import end_overdue_approvals
from enrolment.services.policies import tell_hosts
from notices.services import (
    deliver_notices,
    deliver_sms,
    deliver_webhooks,
    forget_old_messages,
    forget_old_sms,
)
from offline.services.expire import expire_authorizations, finish_countersigned
from receipts.log import extend_log
from transactions.services import finish_leaving, reconcile_steps

logger = logging.getLogger(__name__)

HOSTS_EVERY_SECONDS = 600.0


class Command(BaseCommand):
    """Runs until stopped; several may run side by side."""

    help = (
        "Settle overdue steps, send notices and webhooks, and forget what is old, again and again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --once and --seconds."""
        parser.add_argument("--once", action="store_true", help="one round, then stop")
        parser.add_argument("--seconds", type=float, default=5.0, help="pause between rounds")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        refreshed_at = -math.inf
        while True:
            try:
                _work()
                # What a host does with its keys shows at the next pairing, too.
                if time.monotonic() - refreshed_at >= HOSTS_EVERY_SECONDS:
                    refreshed_at = time.monotonic()
                    refresh_hosts(now=timezone.now())
            except DATABASE_GONE:
                # A database that restarts must not end the worker, and with it the site.
                logger.exception("worker.interrupted")
            close_old_connections()
            if options["once"]:
                return
            time.sleep(options["seconds"])


def _work() -> None:
    # First, since somebody waits for a code while a host may not answer.
    deliver_sms(now=timezone.now())
    reconcile_steps(now=timezone.now())
    settle_purchases(now=timezone.now())
    expire_entitlements(now=timezone.now())
    expire_codes(now=timezone.now())
    finish_requests(now=timezone.now())
    settle_requests(now=timezone.now())
    expire_requests(now=timezone.now())
    finish_countersigned(now=timezone.now())
    expire_authorizations(now=timezone.now())
    forget_old_images(now=timezone.now())
    forget_nonces(now=timezone.now())
    forget_old_proofs(now=timezone.now())
    release_unclaimed(now=timezone.now())
    settle_owed(now=timezone.now())
    finish_leaving(now=timezone.now())
    finish_movements(now=timezone.now())
    extend_log(now=timezone.now())
    fetch_events(now=timezone.now())
    deliver_notices(now=timezone.now())
    deliver_webhooks(now=timezone.now())
    forget_old_messages(now=timezone.now())
    forget_old_sms(now=timezone.now())
    forget_old_requests(now=timezone.now())
    tidy_phones(now=timezone.now())
    end_overdue_approvals(now=timezone.now())
    tell_hosts()
