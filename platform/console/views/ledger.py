"""All the money there is, whether it adds up, and one holder's wallet."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.security import HolderRequest
from accounts.selectors import holder_by_account, holders_matching
from audit.selectors import audit_rows, recent_rows
from billing.ledger import selectors, services
from billing.ledger.providers import provider
from billing.ledger.services.verify import ACTION
from common.errors import DomainError, NotFoundError
from common.pages import malformed
from common.paging import part_of
from console.forms import Search
from console.security import operators_only
from console.selectors import ROWS
from console.views.acting import acted, page


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def ledger(request: HolderRequest) -> HttpResponse:
    """All money by kind, frozen accounts, the last verification; POST verifies everything anew."""
    faults: list[str] = []
    if request.method == "POST":
        if request.POST.get("action") != "verify":
            return malformed(request)
        actor = request.holder.operator_actor
        faults = services.verify_ledger(actor=actor, now=timezone.now())
        if not faults:
            messages.success(request, gettext("Every row of the ledger is right."))
            return redirect("console-ledger")
    form = Search(request.GET)
    q = form.values()["q"]
    context = {
        "form": form,
        "found": holders_matching(q)[:ROWS] if q else [],
        "faults": faults,
        "totals": selectors.totals(),
        "frozen": selectors.frozen_accounts()[:ROWS],
        "verified": audit_rows(action=ACTION).first(),
        "is_play_money": provider().is_play_money,
    }
    return render(request, "console/ledger.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, account: str) -> HttpResponse:
    """Show a holder's wallet; POST ``freeze`` turns that ``on`` or ``off``."""
    holder = holder_by_account(account)
    if holder is None:
        raise NotFoundError
    refusal = None
    if request.method == "POST":
        if request.POST.get("freeze") not in ("on", "off"):
            return malformed(request)
        result = _freeze(request, holder)
        if not isinstance(result, DomainError):
            return result
        refusal = result
    part = part_of(selectors.statement(holder.pk), request)
    context = {
        "shown": holder,
        "money": selectors.money_of(holder.pk),
        "part": part,
        "lines": selectors.lines(part.rows),
        "frozen_at": selectors.frozen_at(holder.pk),
        "is_play_money": provider().is_play_money,
        "rows": recent_rows(actors=[], subjects=[account], limit=ROWS),
    }
    return page(request, "console/wallet.html", context, refusal)


def _freeze(request: HolderRequest, holder: Any) -> HttpResponse | DomainError:
    is_on = request.POST["freeze"] == "on"
    do = services.freeze if is_on else services.thaw
    said = (
        gettext_lazy("The account is frozen.") if is_on else gettext_lazy("The account is free.")
    )
    operator = request.holder
    return acted(request, partial(do, holder=holder, operator=operator, now=timezone.now()), said)
