"""Tokens that lie in the hosts' stocks, and giving one to a holder."""

import re
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest, refusals_recorded
from common.errors import DomainError, NotFoundError
from common.forms import add_refusal
from console.forms import AssignForm, StockFilter
from console.security import operators_only
from console.selectors import PATIENCE_SECONDS
from console.views.acting import WAITS
from enrolment.selectors import waiting_for
from enrolment.services.approvals import Order, act
from enrolment.shelves import shelves

_SERIAL = re.compile(r"[!-~]{1,16}")


@require_safe
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """Ask the hosts what they have in stock; ``?q=`` narrows, ``?host=`` and ``?after=`` go on."""
    form = StockFilter(request.GET)
    wanted = form.values()
    found = shelves(
        wanted["q"].strip(),
        number=wanted["host"] or None,
        after=wanted["after"] or 0,
        patience=PATIENCE_SECONDS,
    )
    return render(request, "console/stock.html", {"form": form, "shelves": found})


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, serial: str) -> HttpResponse:
    """Ask who is to have a token; POST gives it to that holder."""
    if not _SERIAL.fullmatch(serial):
        raise NotFoundError
    form, status = AssignForm(request.POST or None), int(HTTPStatus.OK)
    if request.method == "POST":
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if form.is_valid():
            order = Order("token.assign", serial, form.cleaned_data)
            try:
                with refusals_recorded(request):
                    waits = act(order=order, operator=request.holder, now=timezone.now())
            except DomainError as error:
                status = add_refusal(form, error)
            else:
                return _given(request, serial, is_done=waits is None)
    context = {"form": form, "serial": serial, "waiting": waiting_for(serial)}
    return render(request, "console/assign.html", context, status=status)


def _given(request: HolderRequest, serial: str, *, is_done: bool) -> HttpResponse:
    if not is_done:
        messages.success(request, str(WAITS))
        return redirect(request.path)
    messages.success(request, str(_("Given out. The holder activates it now.")))
    return redirect("console-token", serial)
