"""The page on which a token lets its holder in, behind the password."""

from collections.abc import Callable
from http import HTTPStatus

from allauth.core import ratelimit
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.adapter import AccountAdapter
from accounts.security import (
    HolderRequest,
    asks_again,
    holders_only,
    record_refusal,
    refusals_recorded,
)
from common.errors import DomainError
from common.forms import add_refusal
from common.pages import malformed
from common.sentences import sentence
from enrolment.selectors import active_tokens_of, policy
from transactions import services
from transactions.models import Step
from transactions.sign_in import PendingSignIn, pending_sign_in
from transactions.standing import Entry
from transactions.step_forms import ResponseForm, TokenForm
from transactions.views import answering


@require_http_methods(["GET", "HEAD", "POST"])
@pending_sign_in
def sign_in(pending: PendingSignIn) -> HttpResponse:
    """GET, POST /sign-in/token: what the token is asked; its digits, or another token."""
    request = pending.stage.request
    try:
        if request.method == "POST":
            return _act(pending)
        step = pending.step
        if step is not None and step.is_signed:
            # The token has sent its answer by itself.
            return pending.finish(step)
    except DomainError as error:
        record_refusal(request, pending.holder, error.code)
        return _refused(pending, error)
    return _page(pending)


@require_safe
@pending_sign_in
def sign_in_state(pending: PendingSignIn) -> HttpResponse:
    """GET /sign-in/token/state: how it stands, as JSON; asking costs no try."""
    step, now = pending.step, timezone.now()
    if step is None:
        return JsonResponse({"state": "", "seconds_left": 0})
    state = Entry.of(step, pending.holder, now).state
    return JsonResponse({"state": state, "seconds_left": step.seconds_left(now)})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
@asks_again
def choice(request: HolderRequest) -> HttpResponse:
    """GET, POST /account/token: whether the token is asked for behind the password."""
    note, status = "", int(HTTPStatus.OK)
    if request.method == "POST":
        is_asked = request.POST.get("asked") == "yes"
        try:
            with refusals_recorded(request):
                services.choose_sign_in(
                    holder=request.holder, is_token_asked=is_asked, now=timezone.now()
                )
        except DomainError as error:
            note, status = sentence(error.code), error.status
        else:
            prefix = "token_asked" if is_asked else "token_not_asked"
            AccountAdapter(request).send_notification_mail(f"account/email/{prefix}", request.user)
            return redirect("mfa_view_recovery_codes" if is_asked else "account")
    context = {
        "note": note,
        "tokens": active_tokens_of(holder=request.holder),
        "is_required": policy().asks_token,
    }
    return render(request, "transactions/sign_in_choice.html", context, status=status)


def _act(pending: PendingSignIn) -> HttpResponse:
    request = pending.stage.request
    limited: HttpResponse | None = ratelimit.consume_or_429(request, action="login")
    if limited is not None:
        return limited
    act = _ACTIONS.get(request.POST.get("action", ""))
    return act(pending) if act else malformed(request)


def _ask(pending: PendingSignIn) -> HttpResponse:
    form = TokenForm(pending.stage.request.POST, tokens=pending.tokens)
    if not form.is_valid():
        return _page(pending, status=HTTPStatus.UNPROCESSABLE_ENTITY, token_form=form)
    pending.ask(form.cleaned_data["token"])
    return redirect("sign-in-token")


def _respond(pending: PendingSignIn) -> HttpResponse:
    form, step = ResponseForm(pending.stage.request.POST), pending.step
    if step is None:
        return redirect("sign-in-token")
    if not form.is_valid():
        return _page(pending, status=HTTPStatus.UNPROCESSABLE_ENTITY, response_form=form)
    answer = services.answer_sign_in(
        holder=pending.holder,
        s=bytes(step.s),
        response=form.cleaned_data["response"],
        now=timezone.now(),
    )
    if answer.accepted:
        return pending.finish(answer.step)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if answer.step.is_open:
        form.add_error("response", answering.wrong(answer.tries_left))
        return _page(pending, status=status, response_form=form)
    return _page(pending, status=status, note=answering.locked(answer.locked_until))


_ACTIONS: dict[str, Callable[[PendingSignIn], HttpResponse]] = {"ask": _ask, "respond": _respond}


def _refused(pending: PendingSignIn, error: DomainError) -> HttpResponse:
    is_answer = pending.stage.request.POST.get("action") == "respond"
    if is_answer and error.code in answering.OF_THE_FIELD:
        form = ResponseForm(pending.stage.request.POST)
        status = add_refusal(form, error, field="response")
        return _page(pending, status=status, response_form=form)
    note = answering.refused(error, is_answer=is_answer)
    return _page(pending, status=error.status, note=note)


def _page(
    pending: PendingSignIn,
    *,
    status: int = HTTPStatus.OK,
    note: str = "",
    response_form: ResponseForm | None = None,
    token_form: TokenForm | None = None,
) -> HttpResponse:
    now, step = timezone.now(), pending.step
    context = {
        "pending": pending,
        "note": note,
        "step": step,
        "response_form": response_form or ResponseForm(),
        "token_form": token_form or TokenForm(tokens=pending.tokens),
    }
    if step is not None:
        entry = Entry.of(step, pending.holder, now)
        context |= {"entry": entry, "seconds_left": step.seconds_left(now)}
        if entry.state == Step.State.CHALLENGED:
            context |= answering.asked(
                step, lambda form: reverse("sign-in-challenge", args=[form])
            )
    return render(pending.stage.request, "transactions/sign_in.html", context, status=status)
