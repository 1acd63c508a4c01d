"""A request that a token proves: its step is put, and concludes the request when it ends."""

import logging
import secrets
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.db import transaction

from audit.services import record
from billing.packages.errors import RequestClosedError
from billing.packages.models import BillingRequest
from billing.packages.selectors import require_on_sale
from billing.packages.services.charging import capture, reject
from billing.packages.services.strategies import TOKEN
from billing.packages.services.strategies.base import State, newest_prompt
from common.errors import DomainError, NotFoundError
from protocol.fields import ID_BYTES
from transactions.errors import TransactionClosedError
from transactions.selectors import steps_of, transaction_by_tx
from transactions.services import Asked, close_transaction, open_transaction

if TYPE_CHECKING:
    from transactions.models import Step

logger = logging.getLogger(__name__)

# Longer than a step lives, and than its host may be away; what is signed later charges nothing.
_SETTLED_WITHIN = timedelta(hours=24)
# Longer than putting a step takes: whoever was to do it is surely gone.
_ABANDONED_AFTER = timedelta(minutes=15)
_MOST_AT_ONCE = 200


def ask_token(
    request: BillingRequest, *, serial: str, permit: str | None, now: datetime
) -> "Step":
    """Put the step that proves a request which waits for a token.  Never inside a transaction.

    Args:
        request: It waits for ``token``.
        serial: Which of the payer's tokens answers.
        permit: Of the payer's bound phone, where the policy asks for one for a step; ``None`` for
            any fresh one.
        now: Timezone-aware.

    Returns:
        The step, challenged; the one that was put before, if there is one.

    Raises:
        RequestClosedError: it does not wait, or somebody is just putting its step.
        BuildRevokedError, PackageUnknownError: it is not on sale any more.
        And whatever ``transactions.services.open_transaction`` refuses.
    """
    newest_prompt(request, TOKEN)
    require_on_sale(request.item.build)
    earlier = step_of(request)
    if earlier is not None:
        return earlier
    tx = secrets.token_bytes(ID_BYTES)
    waiting = BillingRequest.objects.filter(pk=request.pk, state=State.AWAITING_TOKEN)
    # Noted before the step is put, so that a crash leaves nothing unknown.
    if not waiting.filter(transaction=None).update(
        transaction=tx, expires_at=now + _SETTLED_WITHIN
    ):
        raise RequestClosedError
    try:
        step = open_transaction(
            holder=request.payer,
            asked=Asked(demand=_demand(request), remark=request.item.title, serial=serial),
            now=now,
            is_open_to_anyone=False,
            tx=tx,
            permit=permit,
        )
    except DomainError:
        waiting.filter(transaction=tx).update(transaction=None, expires_at=request.expires_at)
        raise
    request.transaction = tx
    return step


def step_of(request: BillingRequest) -> "Step | None":
    """Return the step that proves a request; ``None`` while nobody has put it."""
    if request.transaction is None:
        return None
    try:
        return steps_of(transaction_by_tx(bytes(request.transaction))).first()
    except NotFoundError:
        return None


def conclude_step(*, step: "Step", now: datetime) -> None:
    """Conclude the request that a step proves, if it proves one; in the step's transaction."""
    waiting = BillingRequest.objects.filter(
        transaction=step.transaction.tx, state=State.AWAITING_TOKEN
    )
    request = waiting.first()
    if request is not None and not step.position:
        _conclude(request, step, now)


def settle_requests(*, now: datetime) -> int:
    """Conclude what was cut off; return how many requests were settled."""
    asked = BillingRequest.objects.filter(state=State.AWAITING_TOKEN, transaction__isnull=False)
    settled = 0
    for request in asked.order_by("pk")[:_MOST_AT_ONCE]:
        step = step_of(request)
        if step is not None and not step.is_open:
            _conclude(request, step, now)
            settled += 1
        elif step is None and request.expires_at < now + _SETTLED_WITHIN - _ABANDONED_AFTER:
            _cancel(request, now)
            settled += 1
    return settled


def _conclude(request: BillingRequest, step: "Step", now: datetime) -> None:
    """Charge for a signed step, cancel for another.  Again changes nothing."""
    if not step.is_signed:
        _cancel(request, now)
        return
    try:
        # What the step's holder saw and signed is what is charged: the row does not change.
        newest_prompt(request, TOKEN)
        capture(request.pk, from_state=State.AWAITING_TOKEN, now=now)
    except DomainError as error:
        # The step ended, whether it can be charged or not.
        logger.warning("charge.refused", extra={"request": str(request), "code": error.code})
        if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            reject(request, error, now)
        return
    _close_chain(request, now)


def _cancel(request: BillingRequest, now: datetime) -> None:
    row = BillingRequest.objects.filter(pk=request.pk, state=State.AWAITING_TOKEN)
    with transaction.atomic():
        if row.update(state=State.CANCELLED, ended_at=now):
            actor, subject = request.payer.actor, request.public_id
            record(action="charge.cancelled", actor=actor, subject=subject, now=now)


def _demand(request: BillingRequest) -> dict[str, object]:
    package = request.item.build.package
    return {
        "kind": "payment",
        "amount": request.amount,
        "currency": request.currency,
        "payee_account": package.developer.account,
        "payee_name": package.developer.name,
        "text": f"{request.item.title} ({package.title})",
        "reference": request.public_id,
    }


def _close_chain(request: BillingRequest, now: datetime) -> None:
    """Let nothing follow the payment."""
    try:
        close_transaction(holder=request.payer, tx=bytes(request.transaction or b""), now=now)
    except TransactionClosedError:
        # Its owner was quicker.
        logger.info("charge.chain_closed", extra={"request": str(request)})
