"""The phone number that is bound to a request's terminal; never one that a request names."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from billing.packages.errors import SenderMismatchError
from billing.packages.models import BillingRequest
from binding import services as binding
from binding.errors import SimRecentlySwappedError
from binding.selectors import bindings_of, bound_phone
from binding.services.swaps import require_not_swapped as ask_carrier

if TYPE_CHECKING:
    from binding.models import Binding


def number(request: BillingRequest) -> str:
    """Return the bound number, E.164.

    Raises:
        SenderMismatchError: the terminal is bound to none now.
    """
    return binding.number_of(_bound(request))


def number_tail(request: BillingRequest) -> str:
    """Return how the number ends that is bound, or was last; empty where that is forgotten."""
    phones = bindings_of(holder=request.payer).filter(device=request.terminal.device)
    tails = phones.exclude(bound_at=None).values_list("number_tail", flat=True)
    return tails.first() or ""


def is_settled(request: BillingRequest, now: datetime) -> bool:
    """Tell whether there is a bound number whose SIM did not change of late."""
    try:
        require_settled(request, now)
    except (SenderMismatchError, SimRecentlySwappedError):
        return False
    return True


def require_settled(request: BillingRequest, now: datetime) -> "Binding":
    """Return what is bound, if its SIM did not change of late.

    Raises:
        SenderMismatchError: the terminal is bound to no number now.
        SimRecentlySwappedError: its SIM changed less than SMS_BILLING_SIM_AGE_HOURS ago.
    """
    bound = _bound(request)
    age = timedelta(hours=settings.SMS_BILLING_SIM_AGE_HOURS)
    # Only what replaces another is a change; the first SIM of a phone is not.
    if bound.replaces_id is not None and (bound.bound_at or now) > now - age:
        raise SimRecentlySwappedError
    return bound


def require_not_swapped(request: BillingRequest, now: datetime) -> None:
    """Ask the carrier, too, whether the SIM is the one that was bound.  Never in a transaction.

    Raises:
        As :func:`require_settled`, and CarrierUnavailableError: there is no answer.
    """
    bound = require_settled(request, now)
    actor = request.terminal.device.actor
    ask_carrier(number=binding.number_of(bound), now=now, actor=actor, since=bound.bound_at)


def _bound(request: BillingRequest) -> "Binding":
    bound = bound_phone(request.terminal.device)
    if bound is None:
        raise SenderMismatchError
    return bound
