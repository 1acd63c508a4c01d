"""A payer disputes a charge, once; the developer or an operator pays it back, or says why not."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from accounts.services import tell_holder
from audit.services import record
from billing.packages.errors import (
    DisputeClosedError,
    DisputeKnownError,
    DisputeTooLateError,
    NotCapturedError,
)
from billing.packages.models import BillingRequest, Dispute
from billing.packages.selectors_charges import DISPUTE_DAYS
from billing.packages.services.charging import refund_charge
from common.errors import InputInvalidError
from protocol.errors import ProtocolError
from protocol.text import check_text, normalise

if TYPE_CHECKING:
    from accounts.models import Holder

MAX_CHARACTERS = 500
_State = Dispute.State


def open_dispute(request: BillingRequest, *, words: str, now: datetime) -> Dispute:
    """Note what the payer says against a charge, and tell who was paid.

    Args:
        request: One of the payer's own.
        words: What is wrong, at most 500 characters.
        now: Timezone-aware.

    Raises:
        NotCapturedError: nothing was charged, or it is paid back.
        DisputeTooLateError: it was charged more than 60 days ago.
        DisputeKnownError: it was disputed before.
        InputInvalidError: there are no words, or they may not be kept.
    """
    said = _checked("words", words)
    if request.state != BillingRequest.State.CAPTURED or request.captured_at is None:
        raise NotCapturedError
    if now > request.captured_at + timedelta(days=DISPUTE_DAYS):
        raise DisputeTooLateError
    developer = request.item.build.package.developer
    with transaction.atomic():
        dispute = _noted(request, said, now)
        actor = request.payer.actor
        record(action="dispute.opened", actor=actor, subject=request.public_id, now=now)
        tell_holder(developer, kind="charge_disputed", page="/develop/charges", now=now)
    return dispute


def answer_dispute(
    request: BillingRequest, *, by: "Holder", is_refund: bool, words: str = "", now: datetime
) -> Dispute:
    """Pay a disputed charge back, or say why not; both sides are told.

    The first answer holds, but what a developer refused an operator may still pay back.

    Args:
        request: The charge.
        by: Its developer, or an operator.
        is_refund: Whether the money goes back.
        words: To the payer; a refusal needs some.
        now: Timezone-aware.

    Raises:
        DisputeClosedError: there is no dispute, or it was answered before.
        InputInvalidError: a refusal has no words, or they may not be kept.
        FundsInsufficientError: the developer's earnings are gone.
    """
    answer = {} if is_refund and not words.strip() else {"answer": _checked("words", words)}
    state = _State.REFUNDED if is_refund else _State.REJECTED
    developer = request.item.build.package.developer
    is_operator = by.pk != developer.pk
    actor = by.operator_actor if is_operator else by.actor
    before = [_State.OPEN, _State.REJECTED] if is_operator and is_refund else [_State.OPEN]
    with transaction.atomic():
        # Compare and set: of two answers, one holds.
        row = Dispute.objects.filter(request=request, state__in=before)
        if not row.update(state=state, ended_at=now, ended_by=by, **answer):
            raise DisputeClosedError
        if is_refund:
            refund_charge(request, by=by, now=now)
        record(action=f"dispute.{state}", actor=actor, subject=request.public_id, now=now)
        if not is_refund:
            page = f"/charges/{request.public_id}"
            tell_holder(request.payer, kind="dispute_answered", page=page, now=now)
        if is_operator:
            tell_holder(developer, kind="dispute_answered", page="/develop/charges", now=now)
    return Dispute.objects.get(request=request)


def _noted(request: BillingRequest, words: str, now: datetime) -> Dispute:
    try:
        with transaction.atomic():
            return Dispute.objects.create(request_id=request.pk, words=words, opened_at=now)
    except IntegrityError as error:
        raise DisputeKnownError from error


def _checked(field: str, words: str) -> str:
    """Return words as they are kept.

    Raises:
        InputInvalidError: there are none, too many, or some that nobody sees.
    """
    said = normalise(" ".join(words.split()))
    try:
        check_text(field, said, 4 * MAX_CHARACTERS)
        if len(said) > MAX_CHARACTERS:
            excess = len(said) - MAX_CHARACTERS
            raise ProtocolError("text_too_long", f"{field} are too long", field, excess)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    return said
