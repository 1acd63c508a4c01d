"""The page of one step: its challenge while it is open, then its receipt."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.disclosure import disclose, disclosed
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
from enrolment.selectors import policy
from protocol.statement import Kind
from transactions import selectors, services
from transactions.models import Step
from transactions.selectors_messages import receipt_text
from transactions.standing import Entry, Standing
from transactions.step_forms import DeclineForm, MailForm, ResponseForm
from transactions.views import answering


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True, never_kept=frozenset({"response"}))
def step(request: HolderRequest, s: bytes) -> HttpResponse:
    """GET, POST /steps/<s>: see a step as it stands; act on it."""
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
        form.add_error("response", answering.wrong(answer.tries_left))
        return _page(request, s, status=HTTPStatus.UNPROCESSABLE_ENTITY, response_form=form)
    if not answer.accepted:
        messages.error(request, answering.locked(answer.locked_until))
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


def _prove(request: HolderRequest, s: bytes) -> HttpResponse:
    """Have the server answer what the token shows, and keep that for the page."""
    step = selectors.own_step(holder=request.holder, s=s)
    form = answering.proof_form(step, request.POST)
    if form is None:
        return malformed(request)
    if not form.is_valid():
        return _page(request, s, status=HTTPStatus.UNPROCESSABLE_ENTITY, proof_form=form)
    now = timezone.now()
    answer = services.prove_host(
        holder=request.holder, s=s, challenge=form.cleaned_data["challenge"], now=now
    )
    disclose(request, _proof_of(step), answer, now=now)
    return redirect("step", s=s)


def _mail(request: HolderRequest, s: bytes) -> HttpResponse:
    """Send the receipt's link to an address."""
    form = MailForm(request.POST)
    if not form.is_valid():
        return _page(request, s, status=HTTPStatus.UNPROCESSABLE_ENTITY, mail_form=form)
    found = selectors.visible_step(holder=request.holder, s=s)
    services.share_receipt(
        holder=request.holder,
        receipt_id=bytes(found.receipt_id or b""),
        email=form.cleaned_data["email"],
        now=timezone.now(),
    )
    messages.success(request, _("The link is on its way."))
    return redirect("step", s=s)


_ACTIONS: dict[str, Callable[[HolderRequest, bytes], HttpResponse]] = {
    "mail": _mail,
    "prove": _prove,
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
    if error.code in answering.OF_THE_FIELD:
        form = ResponseForm(request.POST)
        status = add_refusal(form, error, field="response")
        return _page(request, s, status=status, response_form=form)
    note = answering.refused(error, is_answer=request.POST["action"] == "respond")
    return _page(request, s, status=error.status, note=note)


def _page(
    request: HolderRequest,
    s: bytes,
    *,
    status: int = HTTPStatus.OK,
    note: str = "",
    response_form: Form | None = None,
    decline_form: Form | None = None,
    proof_form: Form | None = None,
    mail_form: Form | None = None,
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
        "proof_form": proof_form or answering.proof_form(found),
        "mail_form": mail_form or MailForm(),
        "proof": disclosed(request, _proof_of(found), now=now),
        "again": _again(entry, standing),
        "seconds_left": found.seconds_left(now),
        **_codes(entry),
    }
    return render(request, "transactions/step.html", context, status=status)


def _codes(entry: Entry) -> dict[str, Any]:
    """Return what there is to scan or to type: the challenge to its holder, or the receipt."""
    step = entry.step
    if step.receipt is not None:
        return {"receipt": receipt_text(step)}
    if not entry.is_own or entry.state != Step.State.CHALLENGED:
        return {}
    asked = answering.asked(
        step, lambda form: reverse("api:show_challenge", args=[step.public_id, form])
    )
    asked["is_for_phones"] = policy().offline_steps and Kind(step.kind).is_business
    return asked


def _again(entry: Entry, standing: Standing) -> str:
    """Return where the holder of a step that came to nothing begins it anew; empty if nowhere."""
    step = entry.step
    if not entry.is_own or entry.state in (*Step.HOLDS, Step.State.CLOSING):
        return ""
    if not standing.is_business:
        return _again_alone(step)
    if step.position == 0:
        return reverse("new-transaction", query={"again": step.public_id})
    head = standing.head
    if not standing.can_continue or head is None or head.pk != step.previous_id:
        return ""
    again = {"again": step.public_id}
    return reverse("continue-transaction", args=[bytes(head.receipt_id or b"")], query=again)


def _again_alone(step: Step) -> str:
    """Return where a token is asked once more what concerns it alone."""
    pages = {
        Kind.ACTIVATION: ("activate-token", step.token.serial),
        Kind.TEST: ("try-token", step.token.serial),
        Kind.UNLOCK: ("unlock-token", step.content.demand.reference),
    }
    name, serial = pages.get(Kind(step.kind), ("", ""))
    return reverse(name, args=[serial]) if name else ""


def _proof_of(step: Step) -> str:
    return f"proof {step.public_id}"
