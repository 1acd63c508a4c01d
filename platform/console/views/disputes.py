"""Disputed charges of all applications: an operator may answer in the developer's place."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.security import HolderRequest
from billing.ledger.providers import provider
from billing.packages.answering import answer, is_answer, with_forms
from billing.packages.selectors_charges import disputed, refused_disputes
from common.pages import malformed
from console.security import operators_only
from console.selectors import ROWS


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def disputes(request: HolderRequest) -> HttpResponse:
    """Show what waits for an answer, and what developers refused; POST answers one.

    Nobody judges a charge of their own.
    """
    form, status = None, int(HTTPStatus.OK)
    if request.method == "POST":
        if not is_answer(request):
            return malformed(request)
        form, status = answer(request, is_operator=True)
        if not status:
            messages.success(request, _("Answered. Payer and developer are told."))
            return redirect(request.path)
    context = {
        "disputed": with_forms(disputed().exclude(payer=request.holder), form),
        "refused": with_forms(refused_disputes().exclude(payer=request.holder)[:ROWS], form),
        "is_play_money": provider().is_play_money,
    }
    return render(request, "console/disputes.html", context, status=status)
