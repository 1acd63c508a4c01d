"""Pages on which a step is written: the first of a transaction, and the next behind a receipt."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods

from accounts.security import HolderRequest, holders_only, kept_form, record_refusal
from common.errors import DomainError, NotFoundError
from common.idempotency import once
from common.sentences import sentence
from protocol.receipt import identity
from transactions import selectors, services
from transactions.errors import (
    ChainBrokenError,
    ChainHeadMovedError,
    NotToBeContinuedError,
    NotYourTurnError,
    PreviousStepUnsignedError,
    TransactionClosedError,
)
from transactions.forms import NewForm, PartForm, ReceiptForm, as_typed, as_written, usual
from transactions.models import Step
from transactions.selectors_messages import shown_by_receipt
from transactions.services import Asked

# About the chain: nothing that could be typed otherwise would help.
_ENDINGS = (
    ChainBrokenError,
    ChainHeadMovedError,
    NotToBeContinuedError,
    NotYourTurnError,
    PreviousStepUnsignedError,
    TransactionClosedError,
)
_Made = TypeVar("_Made")


# The browser may keep it, so that the Back button finds what was typed.
@cache_control(private=True)
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def new(request: HolderRequest) -> HttpResponse:
    """GET, POST /transactions/new: begin a transaction with its first step."""
    holder, now = request.holder, timezone.now()
    form = NewForm(_typed(request), holder=holder, initial=_initial(request, "payment"))
    if request.method != "POST":
        return _page(request, form)
    if "check" in request.POST:
        return _checked(form, partial(services.check_part, holder=holder, now=now))

    def work(asked: Asked) -> Step:
        return services.open_transaction(holder=holder, asked=asked, now=now, **form.rules)

    return once(request, lambda: _written(request, form, work))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def scan_first(request: HttpRequest) -> HttpResponse:
    """GET, POST /continue: take a receipt, and go where the next step is written."""
    form = ReceiptForm(_typed(request))
    status = HTTPStatus.OK
    if form.is_bound:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        try:
            if form.is_valid():
                receipt = services.receipt_bytes(form.cleaned_data["receipt"])
                services.head_of(receipt)
                return redirect("continue-transaction", receipt_id=identity(receipt))
        except DomainError as error:
            status = HTTPStatus(error.status)
            form.add_error("receipt", sentence(error.code))
    return render(request, "transactions/scan_first.html", {"form": form}, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def follow(request: HolderRequest, receipt_id: bytes) -> HttpResponse:
    """GET, POST /continue/<receipt_id>: add the next step behind the one of a receipt."""
    head = selectors.step_by_receipt(receipt_id)
    if head is None:
        raise NotFoundError
    try:
        return _follow(request, head)
    except _ENDINGS as error:
        return _ended(request, head, error)


def _follow(request: HolderRequest, head: Step) -> HttpResponse:
    holder, now = request.holder, timezone.now()
    services.stored_head(bytes(head.receipt_id or b""))
    services.require_turn(head, holder)
    if selectors.follower_of(head, now=now) is not None:
        raise ChainHeadMovedError
    form = PartForm(
        _typed(request),
        holder=holder,
        is_open=head.transaction.is_open_to_anyone,
        initial=_initial(request, "approval"),
    )
    folded, earlier = shown_by_receipt(head)
    context = {"head": head, "folded": folded, "earlier": earlier, "number": head.position + 2}
    if request.method != "POST":
        return _page(request, form, **context)
    if "check" in request.POST:
        return _checked(form, partial(services.check_part, holder=holder, now=now, head=head))

    def work(asked: Asked) -> Step:
        return services.continue_transaction(
            holder=holder,
            tx=bytes(head.transaction.tx),
            receipt=bytes(head.receipt or b""),
            asked=asked,
            now=now,
        )

    return once(request, lambda: _written(request, form, work, **context))


def _ended(request: HolderRequest, head: Step, error: DomainError) -> HttpResponse:
    """Say why this cannot be continued; who has just done so finds the own step."""
    follower = selectors.follower_of(head, now=timezone.now())
    if follower is not None and follower.holder_id == request.holder.pk:
        return redirect("step", s=follower.s)
    if request.method == "POST":
        record_refusal(request, request.holder, error.code)
    is_party = selectors.is_party(transaction=head.transaction, holder=request.holder)
    context = {"sentence": sentence(error.code), "chain": head.transaction if is_party else None}
    return render(request, "transactions/not_continued.html", context, status=error.status)


def _typed(request: HttpRequest) -> QueryDict | None:
    # An empty form that was sent is not one that was never filled in.
    return request.POST if request.method == "POST" else None


def _initial(request: HolderRequest, kind: str) -> dict[str, Any]:
    """Return what the form begins with: what was typed before, an earlier step, or the usual."""
    if request.method == "POST":
        return {}
    begun = {"kind": kind, **usual(selectors.last_step_of(holder=request.holder))}
    again = request.GET.get("again", "")
    if again:
        begun |= as_written(selectors.own_step(holder=request.holder, s=_digest(again)))
    kept = kept_form(request)
    return begun | as_typed(kept) if kept else begun


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise NotFoundError from error


def _attempt(form: PartForm, work: Callable[[Asked], _Made]) -> _Made | None:
    """Do what a form asks for; or say on the form what is wrong with it."""
    if not form.is_valid():
        return None
    try:
        return work(form.asked())
    except _ENDINGS:
        raise
    except DomainError as error:
        form.refuse(error)
    return None


def _checked(form: PartForm, check: Callable[..., None]) -> HttpResponse:
    """Say what there is to say about a form that is still being filled in; make nothing."""
    _attempt(form, lambda asked: check(asked=asked))
    return JsonResponse(form.said())


def _written(
    request: HolderRequest, form: PartForm, work: Callable[[Asked], Step], **context: Any
) -> HttpResponse:
    step = _attempt(form, work)
    if step is not None:
        return redirect("step", s=step.s)
    if form.refusal:
        record_refusal(request, request.holder, form.refusal)
    return _page(request, form, **context)


def _page(request: HolderRequest, form: PartForm, **context: Any) -> HttpResponse:
    template = "transactions/continue.html" if context else "transactions/new.html"
    return render(request, template, {"form": form, **context}, status=form.status)
