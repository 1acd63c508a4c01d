"""The page of one step: its challenge while it is open, then its receipt."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import (
    HolderRequest,
    holders_only,
    kept_form,
    record_refusal,
    refusals_recorded,
)
from common.errors import DomainError, InputInvalidError, NotFoundError
from common.forms import add_refusal
from common.pages import malformed
from common.sentences import sentence
from common.templatetags.countersign import when
from enrolment.errors import AuthserverUnavailableError
from tokens.suite import OCRASuite
from transactions import selectors, services
from transactions.errors import StepClosingError
from transactions.models import Step
from transactions.standing import Entry, Standing
from transactions.step_forms import DeclineForm, ResponseForm

# Refusals that are about what stands in the field, and are said beside it.
_OF_THE_FIELD = ("response_wrong", "response_malformed")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True, never_kept=frozenset({"response"}))
def step(request: HolderRequest, s: bytes) -> HttpResponse:
    """GET, POST /steps/<s>: see a step as it stands; answer, decline or cancel it."""
    if request.method != "POST":
        return _page(request, s, decline_form=DeclineForm(initial=kept_form(request)))
    act = _ACTIONS.get(request.POST.get("action", ""))
    if act is None:
        return malformed(request)
    try:
        with refusals_recorded(request):
            return act(request, s)
    except NotFoundError:
        raise
    except DomainError as error:
        return _refused(request, s, error)


@never_cache
@require_safe
@holders_only()
def step_state(request: HolderRequest, s: bytes) -> HttpResponse:
    """GET /steps/<s>/state: how the step stands, as JSON; asking costs no try."""
    found = selectors.step_state(holder=request.holder, s=s, now=timezone.now())
    return JsonResponse(found)


def _respond(request: HolderRequest, s: bytes) -> HttpResponse:
    form = ResponseForm(request.POST)
    if not form.is_valid():
        return _page(request, s, status=HTTPStatus.UNPROCESSABLE_ENTITY, response_form=form)
    answer = services.answer_step(
        holder=request.holder,
        s=s,
        response=form.cleaned_data["response"],
        now=timezone.now(),
    )
    if answer.step.is_open:
        form.add_error("response", _tries(answer.tries_left))
        return _page(request, s, status=HTTPStatus.UNPROCESSABLE_ENTITY, response_form=form)
    if not answer.accepted:
        messages.error(request, _locked(answer.locked_until))
    return redirect("step", s=s)


def _decline(request: HolderRequest, s: bytes) -> HttpResponse:
    form = DeclineForm(request.POST)
    if not form.is_valid():
        return _page(request, s, status=HTTPStatus.UNPROCESSABLE_ENTITY, decline_form=form)
    try:
        ended = services.decline_step(
            holder=request.holder, s=s, note=form.cleaned_data["reason"], now=timezone.now()
        )
    except InputInvalidError as error:
        # Any other refusal is recorded where all actions are.
        record_refusal(request, request.holder, error.code)
        return _page(request, s, status=add_refusal(form, error), decline_form=form)
    return _ended(request, ended)


def _cancel(request: HolderRequest, s: bytes) -> HttpResponse:
    ended = services.cancel_step(holder=request.holder, s=s, now=timezone.now())
    return _ended(request, ended)


_ACTIONS: dict[str, Callable[[HolderRequest, bytes], HttpResponse]] = {
    "respond": _respond,
    "decline": _decline,
    "cancel": _cancel,
}


def _ended(request: HttpRequest, ended: Step) -> HttpResponse:
    if ended.is_signed:
        messages.warning(request, _("The token had answered before: this step is signed."))
    return redirect("step", s=bytes(ended.s))


def _refused(request: HolderRequest, s: bytes, error: DomainError) -> HttpResponse:
    """Say why something was refused: on the page, or after going to it when the step has ended."""
    found = selectors.visible_step(holder=request.holder, s=s)
    if not found.is_open:
        messages.info(request, sentence(error.code))
        return redirect("step", s=s)
    if error.code in _OF_THE_FIELD:
        form = ResponseForm(request.POST)
        status = add_refusal(form, error, field="response")
        return _page(request, s, status=status, response_form=form)
    return _page(request, s, status=error.status, note=_note(request, error))


def _note(request: HttpRequest, error: DomainError) -> str:
    if error.code == "token_locked":
        return _locked(error.extra.get("locked_until"))
    if isinstance(error, StepClosingError):
        # The page itself says it: the step is being ended.
        return ""
    if isinstance(error, AuthserverUnavailableError) and request.POST["action"] == "respond":
        again = _("You may send the same digits once more.")
        return f"{sentence(error.code)} {again}"
    return sentence(error.code)


def _tries(left: int | None) -> str:
    told = sentence("response_wrong")
    if left is None:
        return told
    tries = ngettext(
        "%(left)d try is left, then the token locks.",
        "%(left)d tries are left, then the token locks.",
        left,
    )
    return f"{told} {tries % {'left': left}}"


def _locked(until: int | None) -> str:
    told = sentence("token_locked")
    if not isinstance(until, int):
        return told
    moment = when(datetime.fromtimestamp(until, UTC))
    return format_html("{} {}", told, format_html(_("It unlocks at {}."), moment))


def _page(
    request: HolderRequest,
    s: bytes,
    *,
    status: int = HTTPStatus.OK,
    note: str = "",
    response_form: Form | None = None,
    decline_form: Form | None = None,
) -> HttpResponse:
    now = timezone.now()
    found = selectors.visible_step(holder=request.holder, s=s)
    standing = selectors.standing_of(transaction=found.transaction, holder=request.holder, now=now)
    entry = Entry.of(found, request.holder, now)
    context = {
        "entry": entry,
        "step": found,
        "standing": standing,
        "note": note,
        "response_form": response_form or ResponseForm(),
        "decline_form": decline_form or DeclineForm(),
        "again": _again(entry, standing),
        "seconds_left": found.seconds_left(now),
        **_codes(entry),
    }
    return render(request, "transactions/step.html", context, status=status)


def _codes(entry: Entry) -> dict[str, Any]:
    """Return what there is to scan or to type: the challenge to its holder, or the receipt."""
    step = entry.step
    if step.receipt is not None:
        return {"receipt": selectors.receipt_text(step)}
    if not entry.is_own or entry.state != Step.State.CHALLENGED:
        return {}
    return {
        "challenge": selectors.challenge_text(step),
        "question": selectors.typed_question(step),
        "response_digits": OCRASuite.parse(step.token.suite).digits,
    }


def _again(entry: Entry, standing: Standing) -> str:
    """Return where the holder of a step that came to nothing begins it anew; empty if nowhere."""
    step = entry.step
    if not entry.is_own or entry.state in (*Step.HOLDS, Step.State.CLOSING):
        return ""
    if not standing.is_business:
        return reverse("activate-token", args=[step.token.serial])
    if step.position == 0:
        return reverse("new-transaction", query={"again": step.public_id})
    head = standing.head
    if not standing.can_continue or head is None or head.pk != step.previous_id:
        return ""
    again = {"again": step.public_id}
    return reverse("continue-transaction", args=[bytes(head.receipt_id or b"")], query=again)
