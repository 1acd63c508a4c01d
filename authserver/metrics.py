"""Figures for monitoring: how the servers of this host stand.

Two of them look at every server's row, so they are kept for a while.
"""

import hmac
import time
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from authserver.errors import AuthserverError, Code
from authserver.models import ImportJob, LogRefusal, Server, Verdict, WitnessedLog
from protocol.exposition import CONTENT_TYPE, Figure, exposition

KEPT_SECONDS = 10.0
_RUNNING = (ImportJob.State.CHECKING, ImportJob.State.STORING)

_kept: list[tuple[float, str]] = []


def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics, with the token of the settings; without one there is nothing here."""
    if not settings.AUTHSERVER_METRICS_TOKEN:
        raise AuthserverError(Code.NOT_FOUND)
    given = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {settings.AUTHSERVER_METRICS_TOKEN}".encode()):
        raise AuthserverError(Code.NOT_AUTHENTICATED)
    if not _kept or time.monotonic() - _kept[0][0] >= KEPT_SECONDS:
        _kept[:] = [(time.monotonic(), exposition(_figures(timezone.now())))]
    return HttpResponse(_kept[0][1], content_type=CONTENT_TYPE)


def _figures(now: datetime) -> list[Figure]:
    states = dict(Server.objects.order_by().values_list("state").annotate(Count("id")))
    locked = Server.objects.filter(Q(is_blocked=True) | Q(locked_until__gt=now)).count()
    # The number of the last one, and so a little more than there are: counting reads every row.
    verdicts = Verdict.objects.order_by("-id").values_list("id", flat=True).first() or 0
    running = ImportJob.objects.filter(state__in=_RUNNING).count()
    logs = dict(WitnessedLog.objects.values_list("platform", "size"))
    refusals = LogRefusal.objects.count()
    return [
        Figure.of("authserver_verdicts_total", "Verdicts given.", verdicts, "counter"),
        Figure("authserver_servers", "Servers in each state.", states, "state"),
        Figure.of("authserver_tokens_locked", "Locked now, or blocked.", locked),
        Figure.of("authserver_imports_running", "Files of tokens at work.", running),
        Figure("authserver_log_entries", "Receipts in logs signed for.", logs, "platform"),
        Figure.of("authserver_log_refusals", "Logs that were refused.", refusals),
    ]
