"""What has to happen by itself: verified requests are charged, and those that waited end."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from audit.services import record
from billing.packages.errors import RequestClosedError
from billing.packages.models import BillingRequest
from billing.packages.selectors_requests import open_requests, request_with_all
from billing.packages.services import proving, send
from billing.packages.services.charging import reject
from common.errors import DomainError

if TYPE_CHECKING:
    from binding.models import Device

logger = logging.getLogger(__name__)

_State = BillingRequest.State
_MOST_AT_ONCE = 200


def finish_request(request_pk: int, now: datetime) -> bool:
    """Charge a request that needs no proof but the carrier's word; tell whether that is settled.

    Never in a transaction.  While the carrier gives no answer, it waits, until it expires.
    """
    request = request_with_all(request_pk)
    try:
        proving.charge_directly(request, now)
    except RequestClosedError:
        # Somebody was quicker.
        return True
    except DomainError as error:
        if error.status >= 500:
            logger.warning(
                "charge.waits", extra={"request": request.public_id, "code": error.code}
            )
            return False
        if reject(request, error, now):
            send.refuse(request.terminal.device, error, now)
    return True


def finish_requests(*, now: datetime) -> int:
    """Charge what was cut off, or waits for the carrier; return how many requests are settled."""
    waiting = BillingRequest.objects.filter(state=_State.VERIFIED, expires_at__gt=now)
    # In no order: one for which the carrier never has an answer is not the first in every round.
    numbers = waiting.order_by("?").values_list("pk", flat=True)[:_MOST_AT_ONCE]
    settled = 0
    for number in list(numbers):
        if not finish_request(number, now):
            # What is behind it would wait for the same answer, one after the other.
            break
        settled += 1
    return settled


def expire_requests(*, now: datetime) -> int:
    """End, uncharged, what nobody proved in time; return how many."""
    over = open_requests().filter(expires_at__lte=now).order_by("expires_at")
    # It may wait longer for another strategy by now.
    return sum(
        _end(request, _State.EXPIRED, now, expires_at__lte=now) for request in over[:_MOST_AT_ONCE]
    )


def cancel_requests(device: "Device", now: datetime) -> int:
    """End, uncharged, what a device asked for and nobody proved yet; return how many."""
    waiting = open_requests().filter(terminal__device=device, transaction=None)
    return sum(_end(request, _State.CANCELLED, now, transaction=None) for request in waiting)


def _end(request: BillingRequest, state: str, now: datetime, **still: Any) -> bool:
    # Compare and set: it may be charged in this moment.
    row = BillingRequest.objects.filter(pk=request.pk, state=request.state, **still)
    with transaction.atomic():
        is_ours = bool(row.update(state=state, ended_at=now))
        if is_ours:
            record(action=f"charge.{state}", actor="system", subject=request.public_id, now=now)
    return is_ours
