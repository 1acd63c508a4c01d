"""Figures for monitoring: how the worker, the queues and the receipt log get on.

Each is an indexed count of what is due, or one row: asking costs little, whatever lies in the
database.
"""

import hmac
from datetime import datetime

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from notices.selectors import messages_due, unsent_count
from protocol.exposition import CONTENT_TYPE, Figure, exposition
from receipts.errors import LogBrokenError
from receipts.selectors import log_size, newest_checkpoint, newest_cosignatures, objections
from signing.selectors import waiting_for_the_log
from transactions.search import due_steps


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics, with the token of the settings; without one there is nothing here."""
    if not settings.METRICS_TOKEN:
        raise Http404
    given = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(exposition(_figures(timezone.now())), content_type=CONTENT_TYPE)


def _figures(now: datetime) -> list[Figure]:
    waiting, since = waiting_for_the_log()
    due, messages = due_steps(now=now), messages_due(now=now)
    overdue = [
        since,
        due.values_list("expires_at", flat=True).first(),
        *(each.since for each in messages.values()),
    ]
    # A step that is closing may have time yet.
    lag = max([0.0, *((now - each).total_seconds() for each in overdue if each is not None)])
    return [
        Figure.of("countersign_receipts_waiting", "Receipts not in the log yet.", waiting),
        Figure.of("countersign_steps_due", "Steps that wait for the worker.", due.count()),
        Figure(
            "countersign_messages_due",
            "Messages that wait for the worker.",
            {"email": unsent_count(), **{kind: each.count for kind, each in messages.items()}},
            "kind",
        ),
        Figure.of("countersign_worker_lag_seconds", "How long the oldest of these waits.", lag),
        *_of_the_log(now),
    ]


def _of_the_log(now: datetime) -> list[Figure]:
    signed = {str(row.host): row.checkpoint.size for row in newest_cosignatures()}
    try:
        newest, is_broken = newest_checkpoint(), False
    except LogBrokenError:
        newest, is_broken = None, True
    age = now.timestamp() - newest.time if newest else 0.0
    return [
        Figure.of("countersign_log_entries", "Receipts in the log.", log_size(), "counter"),
        Figure.of("countersign_log_broken", "Whether it is not what was signed.", int(is_broken)),
        Figure.of("countersign_log_checkpoint_age_seconds", "Of the newest checkpoint.", age),
        Figure("countersign_log_cosigned", "Entries that a host signed for.", signed, "host"),
        Figure.of(
            "countersign_log_objections", "Hosts that refused our log.", objections().count()
        ),
    ]
