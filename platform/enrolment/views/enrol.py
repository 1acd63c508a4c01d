"""Pages on which a holder gets a token: enrols one, takes one from stock, replaces one."""

from http import HTTPStatus
from typing import Any

from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.disclosure import disclose
from accounts.security import HolderRequest, holders_only, kept_form, refusals_recorded
from common.errors import DomainError
from common.forms import add_refusal
from common.idempotency import once
from enrolment import selectors, services
from enrolment.forms import STOCK, NewTokenForm, ReplaceForm, SerialForm
from enrolment.models import Token


@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def new_token(request: HolderRequest) -> HttpResponse:
    """GET, POST /tokens/new: ask what kind of token it is, and have a server paired with it."""
    if request.method == "POST":
        return once(request, lambda: _enrol(request, NewTokenForm(request.POST)))
    return _new_page(request, NewTokenForm(initial=kept_form(request) or {}))


@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def assign_token(request: HolderRequest) -> HttpResponse:
    """GET, POST /tokens/assign: take a token from stock, by the serial on its back.

    ``?replaces=SERIAL`` names the token whose place it takes.
    """
    if request.method == "POST":
        return once(request, lambda: _assign(request, SerialForm(request.POST)))
    return _assign_page(request, SerialForm(initial=kept_form(request) or {}))


@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def replace_token(request: HolderRequest, serial: str) -> HttpResponse:
    """GET, POST /tokens/<serial>/replace: have a new token take the place of this one."""
    old = selectors.token_of(holder=request.holder, serial=serial)
    if old.state not in Token.REPLACEABLE:
        return redirect("token", serial)
    if request.method == "POST":
        return once(request, lambda: _replace(request, old, ReplaceForm(request.POST)))
    return _replace_page(request, old, ReplaceForm())


def _enrol(request: HolderRequest, form: NewTokenForm) -> HttpResponse:
    status = int(HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.is_valid():
        try:
            return _begun(request, **form.cleaned_data)
        except DomainError as error:
            status = add_refusal(form, error)
    return _new_page(request, form, status=status)


def _assign(request: HolderRequest, form: SerialForm) -> HttpResponse:
    status = int(HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.is_valid():
        try:
            with refusals_recorded(request):
                token = services.assign_token(
                    holder=request.holder,
                    replaces=request.GET.get("replaces", ""),
                    now=timezone.now(),
                    **form.cleaned_data,
                )
        except DomainError as error:
            status = add_refusal(form, error)
        else:
            return redirect("activate-token", token.serial)
    return _assign_page(request, form, status=status)


def _replace(request: HolderRequest, old: Token, form: ReplaceForm) -> HttpResponse:
    status = int(HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.is_valid():
        chosen = form.cleaned_data
        try:
            if chosen["suspend"] and old.is_active:
                with refusals_recorded(request):
                    services.change_state(
                        holder=request.holder,
                        serial=old.serial,
                        action="suspend",
                        now=timezone.now(),
                    )
            if chosen["suite"] == STOCK:
                query = {"replaces": old.serial}
                return redirect(reverse("assign-token", query=query))
            return _begun(request, name=old.name, suite=chosen["suite"], replaces=old.serial)
        except DomainError as error:
            status = add_refusal(form, error)
    return _replace_page(request, old, form, status=status)


def _begun(request: HolderRequest, **asked: str) -> HttpResponse:
    """Have a server paired, and lead to the page on which the token is met."""
    now = timezone.now()
    with refusals_recorded(request):
        pairing = services.start_enrolment(holder=request.holder, now=now, **asked)
    disclose(request, pairing.token.serial, pairing.invitation, now=now)
    return redirect("activate-token", pairing.token.serial)


def _new_page(request: HolderRequest, form: Form, *, status: int = HTTPStatus.OK) -> HttpResponse:
    context = {
        "form": form,
        "may_assign": selectors.policy().self_assignment,
        "may_enrol": bool(selectors.suites_to_choose()),
    }
    return render(request, "tokens/new.html", context, status=status)


def _assign_page(
    request: HolderRequest, form: Form, *, status: int = HTTPStatus.OK
) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "may_assign": selectors.policy().self_assignment}
    replaces = request.GET.get("replaces", "")
    if replaces:
        context["old"] = selectors.token_of(holder=request.holder, serial=replaces)
    return render(request, "tokens/assign.html", context, status=status)


def _replace_page(
    request: HolderRequest, old: Token, form: Form, *, status: int = HTTPStatus.OK
) -> HttpResponse:
    # Read again: what was refused may still have gone halfway.
    token = selectors.token_of(holder=request.holder, serial=old.serial)
    return render(request, "tokens/replace.html", {"token": token, "form": form}, status=status)
