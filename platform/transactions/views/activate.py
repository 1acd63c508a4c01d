"""The page on which a new token becomes one: compare its eight digits, and type them."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.disclosure import disclosed
from accounts.security import HolderRequest, holders_only, refusals_recorded
from common.errors import DomainError
from common.forms import add_refusal
from common.idempotency import once
from common.sentences import sentence
from enrolment.forms import DigitsForm
from enrolment.selectors import token_of
from transactions import services

_UNFINISHED = ("issued", "confirmed")


# The enrolment link on this page is a secret: no cache keeps it.
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def activate_token(request: HolderRequest, serial: str) -> HttpResponse:
    """GET, POST /tokens/<serial>/activate: lead through enrolment; ask for the first response."""
    token = token_of(holder=request.holder, serial=serial)
    if token.state not in _UNFINISHED:
        return redirect("token", serial)
    # Digits that were right once are not asked for again.
    form = DigitsForm(request.POST or None, is_compared=token.state == "confirmed")
    if request.method != "POST":
        return _page(request, serial, form)
    if not form.is_valid():
        return _page(request, serial, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return once(request, lambda: _start(request, serial, form))


def _start(request: HolderRequest, serial: str, form: DigitsForm) -> HttpResponse:
    digits = form.cleaned_data.get("digits", "")
    try:
        with refusals_recorded(request):
            step = services.start_activation(
                holder=request.holder, serial=serial, digits=digits, now=timezone.now()
            )
    except DomainError as error:
        return _refused(request, serial, form, error)
    return redirect("step", s=bytes(step.s))


def _refused(
    request: HolderRequest, serial: str, form: DigitsForm, error: DomainError
) -> HttpResponse:
    if error.code == "enrolment_void":
        messages.error(request, sentence(error.code))
        return redirect("token", serial)
    where = "digits" if "digits" in form.fields else None
    status, left = add_refusal(form, error, field=where), error.extra.get("tries_left")
    if isinstance(left, int):
        words = ngettext("You can try once more.", "You can try %(left)d more times.", left)
        form.add_error(where, words % {"left": left})
    return _page(request, serial, form, status=status)


def _page(
    request: HolderRequest, serial: str, form: DigitsForm, *, status: int = HTTPStatus.OK
) -> HttpResponse:
    # Read again: what was refused may still have gone halfway.
    token = token_of(holder=request.holder, serial=serial)
    link = disclosed(request, serial, now=timezone.now())
    context = {"token": token, "form": form, "link": link}
    return render(request, "tokens/activate.html", context, status=status)
