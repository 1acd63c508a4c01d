"""The list of a holder's tokens, and the page of one."""

from http import HTTPStatus

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest, holders_only, kept_form, refusals_recorded
from common.errors import DomainError
from common.forms import add_refusal
from common.pages import malformed
from enrolment import selectors, services
from enrolment.errors import TokenNotActiveError
from enrolment.forms import ActionForm, NameForm
from enrolment.history import history_of
from enrolment.models import Token

_DONE = {
    "suspend": _("Suspended: nobody can sign with this token until you resume it."),
    "resume": _("Resumed: you can sign with this token again."),
    "revoke": _("Revoked: nobody can ever sign with this token again."),
    "release": _("Given back: it is not yours any more."),
}


@require_safe
@holders_only()
def tokens(request: HolderRequest) -> HttpResponse:
    """GET /tokens: the holder's tokens, those that have ended at the end."""
    rows = list(selectors.tokens_of(holder=request.holder))
    ended = [token for token in rows if token.is_ended]
    in_use = [token for token in rows if not token.is_ended]
    return render(request, "tokens/tokens.html", {"tokens": in_use, "ended": ended})


@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def token(request: HolderRequest, serial: str) -> HttpResponse:
    """GET, POST /tokens/<serial>: show a token; rename it, or change its state."""
    found = selectors.token_of(holder=request.holder, serial=serial)
    if request.method != "POST":
        kept = kept_form(request) or {}
        return _page(request, found, name_form=NameForm(initial={"name": found.name, **kept}))
    if request.POST.get("action") == "rename":
        return _rename(request, found)
    return _change_state(request, found)


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
    return _page(request, token, name_form=form, status=status)


def _change_state(request: HolderRequest, token: Token) -> HttpResponse:
    form, action = ActionForm(request.POST), request.POST.get("action", "")
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
        return _page(request, token, action_form=form, status=add_refusal(form, error))
    messages.success(request, _DONE[action])
    if action == "release":
        return redirect("tokens")
    return redirect("token", token.serial)


def _page(
    request: HolderRequest,
    token: Token,
    *,
    name_form: Form | None = None,
    action_form: Form | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "token": token,
        "form": name_form or NameForm(initial={"name": token.name}),
        "action_form": action_form,
        "events": history_of(token),
    }
    return render(request, "tokens/token.html", context, status=status)
