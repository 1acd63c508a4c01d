"""Hosts of authentication servers, and one of them."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest
from console.forms import WeightForm
from console.security import operators_only
from console.selectors import PATIENCE_SECONDS, host_days
from enrolment import services
from enrolment.live import condition
from enrolment.selectors import host_by_number
from protocol.keys import root_fingerprint


@require_safe
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """List all hosts, each asked whether it is ready."""
    found = condition(now=timezone.now(), patience=PATIENCE_SECONDS)
    return render(request, "console/hosts.html", {"condition": found})


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, number: int) -> HttpResponse:
    """Show a host; POST ``weight`` changes its share of new tokens."""
    host, now = host_by_number(number), timezone.now()
    form = WeightForm(request.POST or None, initial={"weight": host.weight})
    if request.method == "POST" and form.is_valid():
        services.change_weight(
            number=host.number,
            weight=form.cleaned_data["weight"],
            actor=request.holder.operator_actor,
            now=now,
        )
        messages.success(request, _("The weight was changed."))
        return redirect(request.path)
    context = {
        "host": host,
        "form": form,
        "fingerprint": root_fingerprint(bytes(host.root)),
        "days": host_days(host, now=now),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "console/host.html", context, status=status)
