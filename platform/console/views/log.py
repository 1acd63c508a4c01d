"""The receipt log, for operators and auditors."""

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.security import HolderRequest
from common.paging import part_of
from console.security import operators_only
from receipts.log_page import shown
from receipts.selectors import checkpoints
from signing.selectors import waiting_for_the_log

# So soon a receipt is in the log, or its worker is in trouble.
PROMISED = timedelta(minutes=1)


@require_safe
@operators_only
def log(request: HolderRequest) -> HttpResponse:
    """Show what anybody sees of the log, how it gets on, and all checkpoints."""
    waiting, since = waiting_for_the_log()
    context = shown(request) | {
        "waiting": waiting,
        "since": since,
        "is_late": since is not None and since < timezone.now() - PROMISED,
        "part": part_of(checkpoints(), request),
    }
    return render(request, "console/log.html", context)
