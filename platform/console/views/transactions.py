"""Transactions, and the whole story of one."""

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest
from common.errors import DomainError
from common.paging import part_of
from console.forms import Settle, TransactionFilter
from console.security import operators_only
from console.story import story
from console.views.acting import acted, page
from transactions.search import transactions_matching
from transactions.services import settle_step


@require_safe
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """List transactions, newest first; ``?q=`` and ``?state=`` narrow."""
    form = TransactionFilter(request.GET)
    wanted = form.values()
    found = transactions_matching(wanted["q"], state=wanted["state"])
    context = {"form": form, "part": part_of(found, request)}
    return render(request, "console/transactions.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, tx: bytes) -> HttpResponse:
    """Tell a transaction's story; POST ``settle`` with a step's S settles that step now."""
    refusal = None
    if request.method == "POST":
        form = Settle(request.POST)
        if not form.is_valid():
            raise BadRequest
        result = acted(
            request,
            lambda: settle_step(
                s=bytes.fromhex(form.cleaned_data["settle"]),
                actor=request.holder.operator_actor,
                now=timezone.now(),
            ),
            _("The step is settled."),
        )
        if not isinstance(result, DomainError):
            return result
        refusal = result
    context = {"story": story(tx, now=timezone.now())}
    return page(request, "console/transaction.html", context, refusal)
