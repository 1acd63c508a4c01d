"""Fraud signals, and the terminals that operators have to look at."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.security import HolderRequest
from billing.packages.selectors_rules import (
    any_terminal,
    signals,
    signals_by_day,
    terminals_to_review,
)
from billing.packages.services.signals import lower_terminal, raise_by_operator, review_terminal
from billing.packages.words import RAISED, SIGNALS
from common.charts import days_chart
from common.errors import DomainError
from common.pages import malformed
from common.paging import part_of
from console.rules_form import SignalFilter
from console.security import operators_only
from console.selectors import ROWS
from console.views.acting import acted, agreed, page
from enrolment.selectors import waiting_approvals

_DAYS = 30
_MAX_DIGITS = 18
_UID_DIGITS = 16


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def fraud(request: HolderRequest) -> HttpResponse:
    """Show signals and terminals; POST ``action`` on a ``terminal``: raise, lower, review."""
    refusal = None
    if request.method == "POST":
        result = _act(request)
        if isinstance(result, HttpResponse):
            return result
        refusal = result
    form = SignalFilter(request.GET)
    wanted = form.values()
    uid = bytes.fromhex(wanted["terminal"])
    today = timezone.now()
    part = part_of(
        signals(reason=wanted["reason"], terminal=uid, fresh=bool(wanted["fresh"])), request
    )
    context = {
        "form": form,
        "part": part,
        "lines": [(signal, SIGNALS[signal.reason]) for signal in part.rows],
        "terminals": [
            (one, RAISED.get(one.raised, "")) for one in terminals_to_review(uid=uid)[:ROWS]
        ],
        "named": uid.hex(),
        "waiting": set(
            waiting_approvals().filter(action="terminal.lower").values_list("subject", flat=True)
        ),
        "chart": days_chart(
            signals_by_day(since=today - timedelta(days=_DAYS)), until=today.date(), days=_DAYS
        ),
    }
    return page(request, "console/fraud.html", context, refusal)


def _act(request: HolderRequest) -> HttpResponse | DomainError:
    """Do what a button of a terminal's stands for."""
    uid, until = request.POST.get("terminal", ""), request.POST.get("until", "0")
    is_number = until.isascii() and until.isdecimal() and len(until) <= _MAX_DIGITS
    action = request.POST.get("action", "")
    if action not in ("raise", "lower", "review") or not is_number or not _is_uid(uid):
        return malformed(request)
    terminal, now = any_terminal(bytes.fromhex(uid)), timezone.now()
    about: dict[str, Any] = {"terminal": terminal, "operator": request.holder, "now": now}
    if action == "raise":
        return acted(request, lambda: raise_by_operator(**about), _("It is held to High now."))
    if action == "lower":
        return agreed(request, lambda: lower_terminal(**about), _("Lowered."))
    return acted(
        request, lambda: review_terminal(**about, until=int(until)), _("Its signals are noted.")
    )


def _is_uid(text: str) -> bool:
    return len(text) == _UID_DIGITS and all(digit in "0123456789abcdef" for digit in text)
