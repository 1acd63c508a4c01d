"""Tokens, and one of them."""

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest
from common.errors import DomainError, NotFoundError
from common.paging import part_of
from console.forms import TokenFilter
from console.security import operators_only
from console.selectors import token_card
from console.token_story import story
from console.views.acting import acted, ordered, page
from enrolment import services
from enrolment.selectors import (
    narrowed,
    targets_of,
    token_by_serial,
    tokens_matching,
    waiting_for,
)
from enrolment.services.approvals import Order

if TYPE_CHECKING:
    from enrolment.models import Token

_DONE = _("Done. Its authentication server knows it too.")
# What only two operators together may do, where the policy says so.
_OF_TWO = ("revoke", "unlock")


@require_safe
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """List tokens, newest first, narrowed by what the address says."""
    form = TokenFilter(request.GET)
    wanted = form.values()
    found = narrowed(
        tokens_matching(wanted["q"]),
        standing=wanted["standing"],
        suite=wanted["suite"],
        host=wanted["host"] or None,
        now=timezone.now(),
    )
    return render(request, "console/tokens.html", {"form": form, "part": part_of(found, request)})


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, serial: str) -> HttpResponse:
    """Show a token; POST ``action`` suspends, resumes, unlocks, moves or revokes it."""
    refusal, token = None, token_by_serial(serial)
    if request.method == "POST":
        result = _act(request, token, request.POST.get("action", ""))
        if not isinstance(result, DomainError):
            return result
        refusal = result
    context = {
        "token": token,
        "targets": targets_of(token),
        "card": token_card(token, now=timezone.now()),
        "part": story(token, request),
        "waiting": waiting_for(serial),
    }
    return page(request, "console/token.html", context, refusal)


def _move(request: HolderRequest, token: "Token") -> HttpResponse | DomainError:
    number = request.POST.get("to", "")
    targets = [host.number for host in targets_of(token)]
    if number not in map(str, targets):
        return NotFoundError("There is no such host to move to.")
    return ordered(request, Order("token.move", token.serial, {"to": int(number)}), _DONE)


def _act(request: HolderRequest, token: "Token", action: str) -> HttpResponse | DomainError:
    if action == "move":
        return _move(request, token)
    if action in _OF_TWO:
        return ordered(request, Order(f"token.{action}", token.serial, {}), _DONE)
    return acted(
        request,
        lambda: services.change_state(
            holder=token.holder,
            serial=token.serial,
            action=action,
            now=timezone.now(),
            actor=request.holder.operator_actor,
        ),
        _DONE,
    )
