"""Pages of a holder's tokens."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.disclosure import disclose
from accounts.security import HolderRequest, holders_only, kept_form, refusals_recorded
from common.errors import DomainError
from common.forms import add_refusal
from common.idempotency import once
from common.pages import malformed
from common.sentences import sentence
from enrolment import selectors, services
from enrolment.errors import TokenNotActiveError
from enrolment.forms import NameForm, NewTokenForm
from enrolment.models import Token

_DONE = {
    "suspend": _("Suspended: nobody can sign with this token until you resume it."),
    "resume": _("Resumed: you can sign with this token again."),
    "revoke": _("Revoked: nobody can ever sign with this token again."),
}


@require_safe
@holders_only()
def tokens(request: HolderRequest) -> HttpResponse:
    """List the holder's tokens, those that are given up at the end."""
    rows = list(selectors.tokens_of(holder=request.holder))
    revoked = [token for token in rows if token.state == Token.State.REVOKED]
    in_use = [token for token in rows if token.state != Token.State.REVOKED]
    return render(request, "tokens/tokens.html", {"tokens": in_use, "revoked": revoked})


@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def new_token(request: HolderRequest) -> HttpResponse:
    """Ask what kind of token it is, and have a server paired with it."""
    if request.method == "POST":
        return once(request, lambda: _enrol(request))
    form = NewTokenForm(initial=kept_form(request) or {})
    return render(request, "tokens/new.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def token(request: HolderRequest, serial: str) -> HttpResponse:
    """Show a token, and rename, suspend, resume or revoke it."""
    found = selectors.token_of(holder=request.holder, serial=serial)
    if request.method != "POST":
        kept = kept_form(request) or {}
        return _page(request, found, NameForm(initial={"name": found.name, **kept}))
    if request.POST.get("action") == "rename":
        return _rename(request, found)
    return _change_state(request, found)


def _enrol(request: HolderRequest) -> HttpResponse:
    form, status = NewTokenForm(request.POST), int(HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.is_valid():
        now = timezone.now()
        try:
            with refusals_recorded(request):
                pairing = services.start_enrolment(
                    holder=request.holder, now=now, **form.cleaned_data
                )
        except DomainError as error:
            status = add_refusal(form, error)
        else:
            serial = pairing.token.serial
            disclose(request, serial, pairing.invitation, now=now)
            return redirect("activate-token", serial)
    return render(request, "tokens/new.html", {"form": form}, status=status)


def _rename(request: HolderRequest, token: Token) -> HttpResponse:
    form, status = NameForm(request.POST), int(HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.is_valid():
        try:
            with refusals_recorded(request):
                services.rename_token(
                    holder=request.holder, serial=token.serial, **form.cleaned_data
                )
        except DomainError as error:
            status = add_refusal(form, error)
        else:
            messages.success(request, _("The name is saved."))
            return redirect("token", token.serial)
    return _page(request, token, form, status=status)


def _change_state(request: HolderRequest, token: Token) -> HttpResponse:
    action = request.POST.get("action", "")
    if action not in _DONE:
        return malformed(request)
    try:
        with refusals_recorded(request):
            services.change_state(
                holder=request.holder, serial=token.serial, action=action, now=timezone.now()
            )
    except TokenNotActiveError:
        # Sent twice, or from an old page: the page shows how the token stands.
        return redirect("token", token.serial)
    except DomainError as error:
        form = NameForm(initial={"name": token.name})
        return _page(request, token, form, problem=sentence(error.code), status=error.status)
    messages.success(request, _DONE[action])
    return redirect("token", token.serial)


def _page(
    request: HolderRequest,
    token: Token,
    form: NameForm,
    *,
    problem: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {"token": token, "form": form, "problem": problem}
    return render(request, "tokens/token.html", context, status=status)
