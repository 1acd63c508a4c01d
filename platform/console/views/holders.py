"""Holders, and one of them."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import services
from accounts.security import HolderRequest
from accounts.selectors import api_keys, holder_by_account, holders_matching
from audit.selectors import recent_rows
from common.errors import DomainError, NotFoundError
from console.forms import Search
from console.paging import part_of
from console.security import operators_only
from console.selectors import ROWS
from console.views.acting import acted, page
from enrolment.selectors import tokens_of
from transactions.search import recent_transactions_of


@require_safe
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """List holders, newest first; ``?q=`` narrows."""
    form = Search(request.GET)
    part = part_of(holders_matching(form.values()["q"]), request)
    return render(request, "console/holders.html", {"form": form, "part": part})


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, account: str) -> HttpResponse:
    """Show a holder; POST ``sign_in`` ``off`` or ``on`` suspends the sign-in, or ends that."""
    refusal = None
    if request.method == "POST":
        is_allowed = request.POST.get("sign_in") == "on"
        result = acted(
            request,
            lambda: services.allow_sign_in(
                operator=request.holder,
                account=account,
                is_allowed=is_allowed,
                now=timezone.now(),
            ),
            _("This holder can sign in again.") if is_allowed else _("Sign-in is suspended."),
        )
        if not isinstance(result, DomainError):
            return result
        refusal = result
    holder = holder_by_account(account)
    if holder is None:
        raise NotFoundError
    context = {
        "shown": holder,
        "tokens": tokens_of(holder=holder),
        "keys": api_keys(holder=holder),
        "transactions": recent_transactions_of(holder_id=holder.pk)[:ROWS],
        "rows": recent_rows(
            actors=[holder.actor, holder.operator_actor], subjects=[account], limit=ROWS
        ),
    }
    return page(request, "console/holder.html", context, refusal)
