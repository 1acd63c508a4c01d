"""Hosts of authentication servers, and one of them."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest, refusals_recorded
from common.errors import DomainError, NotFoundError
from common.sentences import sentence
from console.forms import WeightForm
from console.security import operators_only
from console.selectors import PATIENCE_SECONDS, host_card, host_rows
from console.views.acting import ordered, page
from enrolment.live import condition
from enrolment.selectors import host_by_number, waiting_for
from enrolment.services.approvals import Order
from enrolment.services.draining import AT_ONCE, Drained, drain

if TYPE_CHECKING:
    from enrolment.models import AuthserverHost

# The state that each button gives the host, and what is said then.
_STATES: dict[str, tuple[str, Promise]] = {
    "drain": ("draining", _("The host takes no new tokens any more.")),
    "close": ("closed", _("The host is closed.")),
    "open": ("active", _("The host takes new tokens.")),
}


@require_safe
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """List all hosts; those that are open are asked whether they are ready."""
    now = timezone.now()
    found = condition(now=now, patience=PATIENCE_SECONDS)
    context = {"condition": found, "rows": host_rows(found, now=now)}
    return render(request, "console/hosts.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, number: int) -> HttpResponse:
    """Show a host; POST ``weight`` changes its share, ``action`` its state, or moves tokens."""
    host = host_by_number(number)
    given = request.POST if "weight" in request.POST else None
    form = WeightForm(given, initial={"weight": host.weight})
    result = _act(request, host, form) if request.method == "POST" else None
    if isinstance(result, HttpResponse):
        return result
    context = {
        "host": host,
        "form": form,
        "card": host_card(host, now=timezone.now()),
        "waiting": waiting_for(host.name),
        "at_once": AT_ONCE,
    }
    if form.errors:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return render(request, "console/host.html", context, status=status)
    return page(request, "console/host.html", context, result)


def _act(
    request: HolderRequest, host: "AuthserverHost", form: WeightForm
) -> HttpResponse | DomainError | None:
    """Do what a button stands for; ``None`` when the form says what is wrong."""
    action, about = request.POST.get("action", ""), {"number": host.number}
    if action == "move":
        return _move_some(request, host)
    if action in _STATES:
        state, done = _STATES[action]
        return ordered(request, Order("host.state", host.name, {**about, "state": state}), done)
    if not form.is_bound:
        return NotFoundError()
    if not form.is_valid():
        return None
    weight = {**about, "weight": form.cleaned_data["weight"]}
    return ordered(request, Order("host.weight", host.name, weight), _("The weight was changed."))


def _move_some(request: HolderRequest, host: "AuthserverHost") -> HttpResponse | DomainError:
    actor = request.holder.operator_actor
    try:
        with refusals_recorded(request):
            drained = drain(number=host.number, actor=actor, most=AT_ONCE)
    except DomainError as error:
        return error
    _say(request, drained)
    return redirect(request.path)


def _say(request: HolderRequest, drained: Drained) -> None:
    count = drained.moved
    said = ngettext("%(count)s token was moved.", "%(count)s tokens were moved.", count)
    (messages.success if count else messages.info)(request, said % {"count": count})
    for code in drained.failed:
        messages.error(request, sentence(code))
