"""Pages on which a holder looks after a token: tries it, unlocks it, finds its clock again."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.proof import ask_passkey, has_passkey, is_passkey_shown, use_passkey
from accounts.security import HolderRequest, holders_only, refusals_recorded
from common.errors import DomainError
from common.forms import add_refusal
from common.idempotency import once
from common.pages import malformed
from enrolment.selectors import signing_tokens_of, token_of
from enrolment.services import look_at_lock, unlock_token
from transactions import services
from transactions.models import Step
from transactions.step_forms import AskForm, ResponsesForm, TokenForm
from transactions.views import answering

if TYPE_CHECKING:
    from enrolment.models import Token

_METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(_METHODS)
@holders_only()
def try_token(request: HolderRequest, serial: str) -> HttpResponse:
    """GET, POST /tokens/<serial>/try: ask the token for a response that approves nothing."""
    token = token_of(holder=request.holder, serial=serial)
    if not (token.is_active and token.can_sign):
        return redirect("token", serial)

    def ask() -> HttpResponse:
        step = services.start_test(holder=request.holder, serial=serial, now=timezone.now())
        return redirect("step", s=bytes(step.s))

    return _offered(request, "tokens/try.html", token, ask)


@require_http_methods(_METHODS)
@holders_only()
def resynchronise(request: HolderRequest, serial: str) -> HttpResponse:
    """GET, POST /tokens/<serial>/resynchronise: say what it does, and ask for two responses."""
    token = token_of(holder=request.holder, serial=serial)
    if not token.is_active:
        return redirect("token", serial)

    def ask() -> HttpResponse:
        first, second = services.start_resynchronisation(
            holder=request.holder, serial=serial, now=timezone.now()
        )
        return redirect("resynchronise-answers", serial, bytes(first.s), bytes(second.s))

    return _offered(request, "tokens/resynchronise.html", token, ask)


@never_cache
@require_http_methods(_METHODS)
@holders_only()
def unlock(request: HolderRequest, serial: str) -> HttpResponse:
    """GET, POST /tokens/<serial>/unlock: a second proof, and the token answers again."""
    if token_of(holder=request.holder, serial=serial).is_ended:
        return redirect("token", serial)
    if request.method != "POST":
        return _unlock_page(request, serial)
    act = _PROOFS.get(request.POST.get("action", ""))
    return act(request, serial) if act else malformed(request)


def _unlock_page(
    request: HolderRequest,
    serial: str,
    *,
    form: Form | None = None,
    token_form: Form | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    look_at_lock(token_of(holder=request.holder, serial=serial), now=timezone.now())
    others = _others(request, serial)
    context = {
        "token": token_of(holder=request.holder, serial=serial),
        "form": form,
        "others": others,
        "token_form": token_form or TokenForm(tokens=others),
        "has_passkey": has_passkey(request),
        "is_shown": is_passkey_shown(request, _purpose(serial)),
    }
    return render(request, "tokens/unlock.html", context, status=status)


def _by_passkey(request: HolderRequest, serial: str) -> HttpResponse:
    return ask_passkey(request, _purpose(serial))


def _proved(request: HolderRequest, serial: str) -> HttpResponse:
    """Unlock by the passkey that was shown; one that was not is asked for."""
    if not use_passkey(request, _purpose(serial)):
        return _by_passkey(request, serial)
    form = AskForm(request.POST)
    try:
        with refusals_recorded(request):
            unlock_token(holder=request.holder, serial=serial, proof="passkey", now=timezone.now())
    except DomainError as error:
        return _unlock_page(request, serial, form=form, status=add_refusal(form, error))
    messages.success(request, _("Unlocked: you can sign with this token again."))
    return redirect("token", serial)


def _by_token(request: HolderRequest, serial: str) -> HttpResponse:
    return once(request, lambda: _ask_other(request, serial))


def _ask_other(request: HolderRequest, serial: str) -> HttpResponse:
    form = TokenForm(request.POST, tokens=_others(request, serial))
    status = int(HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.is_valid():
        try:
            with refusals_recorded(request):
                step = services.start_unlock(
                    holder=request.holder,
                    serial=serial,
                    by=form.cleaned_data["token"],
                    now=timezone.now(),
                )
        except DomainError as error:
            status = add_refusal(form, error)
        else:
            return redirect("step", s=bytes(step.s))
    return _unlock_page(request, serial, token_form=form, status=status)


_PROOFS: dict[str, Callable[[HolderRequest, str], HttpResponse]] = {
    "passkey": _by_passkey,
    "proved": _proved,
    "token": _by_token,
}


def _purpose(serial: str) -> str:
    return f"unlock {serial}"


def _others(request: HolderRequest, serial: str) -> "list[Token]":
    tokens = signing_tokens_of(holder=request.holder)
    return [token for token in tokens if token.serial != serial and not token.is_locked]


def _offered(
    request: HolderRequest, template: str, token: "Token", ask: Callable[[], HttpResponse]
) -> HttpResponse:
    """Say what a button does; when it is pressed, do it once, or say why it cannot be done."""

    def page(form: Form, *, status: int = HTTPStatus.OK) -> HttpResponse:
        return render(request, template, {"token": token, "form": form}, status=status)

    def act() -> HttpResponse:
        form = AskForm(request.POST)
        try:
            with refusals_recorded(request):
                return ask()
        except DomainError as error:
            return page(form, status=add_refusal(form, error))

    return once(request, act) if request.method == "POST" else page(AskForm())


@never_cache
@require_http_methods(_METHODS)
@holders_only(never_kept=frozenset({"first", "second"}))
def answers(request: HolderRequest, serial: str, first: bytes, second: bytes) -> HttpResponse:
    """GET, POST /tokens/<serial>/resynchronise/<first>/<second>: take the two responses."""
    steps = services.pair_of_steps(holder=request.holder, serial=serial, asked=(first, second))
    if request.method != "POST":
        if not all(step.is_open for step in steps):
            return redirect("resynchronise-token", serial)
        return _answers_page(request, steps, ResponsesForm())
    form, status = ResponsesForm(request.POST), int(HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.is_valid():
        try:
            with refusals_recorded(request):
                answer = services.resynchronise(
                    holder=request.holder,
                    serial=serial,
                    asked=(first, second),
                    given=(form.cleaned_data["first"], form.cleaned_data["second"]),
                    now=timezone.now(),
                )
        except DomainError as error:
            form.add_error(None, answering.refused(error, is_answer=True))
            status = error.status
        else:
            if answer.accepted:
                messages.success(request, _("Found: your token's answers are right again."))
                return redirect("token", serial)
            form.add_error(None, answering.wrong(answer.tries_left))
    return _answers_page(request, steps, form, status=status)


def _answers_page(
    request: HolderRequest,
    steps: tuple[Step, Step],
    form: Form,
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "token": steps[0].token,
        "form": form,
        "step": steps[0],
        "seconds_left": steps[0].seconds_left(timezone.now()),
        "asked": [
            {"field": form[name], "suffix": f"-{name}", **_challenge(step)}
            for name, step in zip(("first", "second"), steps, strict=True)
        ],
    }
    return render(request, "tokens/resynchronise_answers.html", context, status=status)


def _challenge(step: Step) -> dict[str, Any]:
    return answering.asked(
        step, lambda form: reverse("api:show_challenge", args=[step.public_id, form])
    )
