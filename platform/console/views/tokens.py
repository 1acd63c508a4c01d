"""Tokens, and one of them."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest
from common.errors import DomainError
from console.forms import Search
from console.paging import part_of
from console.security import operators_only
from console.selectors import token_card
from console.views.acting import acted, page
from enrolment import services
from enrolment.selectors import token_by_serial, tokens_matching


@require_safe
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """List tokens, newest first; ``?q=`` narrows."""
    form = Search(request.GET)
    part = part_of(tokens_matching(form.values()["q"]), request)
    return render(request, "console/tokens.html", {"form": form, "part": part})


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, serial: str) -> HttpResponse:
    """Show a token; POST ``action`` suspends, resumes or revokes it."""
    refusal, token = None, token_by_serial(serial)
    if request.method == "POST":
        result = acted(
            request,
            lambda: services.change_state(
                holder=token.holder,
                serial=serial,
                action=request.POST.get("action", ""),
                now=timezone.now(),
                actor=request.holder.operator_actor,
            ),
            _("Done. Its authentication server knows it too."),
        )
        if not isinstance(result, DomainError):
            return result
        refusal = result
    context = {"token": token, "card": token_card(token, now=timezone.now())}
    return page(request, "console/token.html", context, refusal)
