"""The page on which a payer confirms a charge, by whatever its strategy asks for."""

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest, holders_only, refusals_recorded
from billing.ledger.providers import provider
from billing.ledger.selectors import has_payment_password
from billing.packages import proving_forms, words
from billing.packages.selectors_requests import request_of_payer
from billing.packages.services import proving, proving_token
from billing.packages.services.strategies import CAPTCHA, PASSKEY, SMS_CODE
from billing.packages.services.strategies.base import Answer
from common.errors import DomainError
from common.forms import add_refusal
from common.pages import malformed
from common.sentences import sentence

if TYPE_CHECKING:
    from billing.packages.models import BillingRequest

_FORMS: dict[str, type[forms.Form]] = {
    "captcha": proving_forms.LettersForm,
    "sms_code": proving_forms.CodeForm,
    "payment_password": proving_forms.PasswordForm,
    "passkey": proving_forms.CredentialForm,
    "token": proving_forms.TokenForm,
}
# Refusals of what was typed; the others are about the request.
_OF_THE_ANSWER = {"captcha_wrong", "sms_code_wrong", "paypass_wrong", "paypass_locked"}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def confirm(request: HolderRequest, uid: bytes) -> HttpResponse:
    """GET, POST /charges/<uid>/confirm: what is asked, the proof of it, and the other ways."""
    charge = request_of_payer(request.holder, uid)
    if request.method != "POST":
        return _page(request, charge, _form(charge))
    act = _ACTIONS.get(request.POST.get("action", "answer"))
    if act is None:
        return malformed(request)
    form = _form(charge, request.POST)
    try:
        with refusals_recorded(request):
            return act(request, charge, form)
    except DomainError as error:
        return _refused(request, request_of_payer(request.holder, uid), form, error)


@never_cache
@require_safe
@holders_only()
def image(request: HolderRequest, uid: bytes) -> HttpResponse:
    """GET /charges/<uid>/confirm/image: the picture that is to be read now."""
    charge, now = request_of_payer(request.holder, uid), timezone.now()
    proving.require_waiting(charge, CAPTCHA.name, now)
    return HttpResponse(CAPTCHA.image(charge, now), content_type="image/png")


def _answer(
    request: HolderRequest, charge: "BillingRequest", form: forms.Form | None
) -> HttpResponse:
    if form is None:
        return malformed(request)
    if not form.is_valid():
        return _page(request, charge, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    # What the page asked for, which another window may have changed meanwhile.
    name, text, now = request.POST.get("strategy", ""), form.cleaned_data["answer"], timezone.now()
    if name == "token":
        proving.require_waiting(charge, name, now)
        step = proving_token.ask_token(charge, serial=text, permit=None, now=now)
        return redirect("step", s=bytes(step.s))
    proving.prove(charge, name, Answer(text), now)
    messages.success(request, _("Confirmed and paid."))
    return redirect("charge", uid=bytes(charge.uid))


def _switch(
    request: HolderRequest, charge: "BillingRequest", form: forms.Form | None
) -> HttpResponse:
    proving.switch(charge, request.POST.get("to", ""), timezone.now())
    return redirect(request.path)


def _resend(
    request: HolderRequest, charge: "BillingRequest", form: forms.Form | None
) -> HttpResponse:
    now = timezone.now()
    proving.require_waiting(charge, SMS_CODE.name, now)
    SMS_CODE.resend(charge, now)
    messages.success(request, _("Another code is on its way; the one before is void."))
    return redirect(request.path)


def _cancel(
    request: HolderRequest, charge: "BillingRequest", form: forms.Form | None
) -> HttpResponse:
    proving.cancel(charge, actor=request.holder.actor, now=timezone.now())
    messages.success(request, _("Nothing is charged."))
    return redirect("charge", uid=bytes(charge.uid))


_ACTIONS = {"answer": _answer, "switch": _switch, "resend": _resend, "cancel": _cancel}


def _form(charge: "BillingRequest", data: Any = None) -> forms.Form | None:
    """Return the form of the strategy for which a charge waits, if it has one."""
    made = _FORMS.get(charge.strategy)
    if made is None:
        return None
    return made(data, payer=charge.payer) if made is proving_forms.TokenForm else made(data)


def _refused(
    request: HolderRequest, charge: "BillingRequest", form: forms.Form | None, error: DomainError
) -> HttpResponse:
    if error.code not in _OF_THE_ANSWER or form is None:
        note = sentence(error.code)
        return _page(request, charge, _form(charge), status=error.status, note=note)
    status = add_refusal(form, error, field="answer")
    # The next picture shows something else, and no password is sent back.
    form.data = {}
    return _page(request, charge, form, status=status)


def _page(
    request: HolderRequest,
    charge: "BillingRequest",
    form: forms.Form | None,
    *,
    status: int = HTTPStatus.OK,
    note: str = "",
) -> HttpResponse:
    now = timezone.now()
    context = {"charge": charge, "note": note, "is_play_money": provider().is_play_money}
    try:
        proving.require_waiting(charge, charge.strategy, now)
    except DomainError as error:
        context["note"] = note or sentence(error.code)
        return render(request, "charges/unconfirmed.html", context, status=status)
    context |= {
        "form": form,
        "part": f"charges/_{charge.strategy}.html",
        "step": proving_token.step_of(charge),
        "ways": [
            (way.name, words.STRATEGIES[way.name]) for way in proving.other_ways(charge, now)
        ],
        **_details(charge, now),
    }
    return render(request, "charges/confirm.html", context, status=status)


def _details(charge: "BillingRequest", now: datetime) -> dict[str, Any]:
    """Return what the part of a strategy shows beside its form."""
    if charge.strategy == CAPTCHA.name:
        return {"images_left": CAPTCHA.images_left(charge)}
    if charge.strategy == PASSKEY.name:
        return {"js_data": {"request_options": PASSKEY.options(charge)}}
    if charge.strategy == SMS_CODE.name:
        return SMS_CODE.sent(charge, now)
    return {"has_password": has_payment_password(charge.payer_id)}
