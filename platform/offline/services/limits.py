"""How much a phone may pay without a network: a day and a month (UTC), of each currency.

All phones of one holder pay no more together than one may, so that nobody gains by adding another.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings

from billing.ledger.errors import CapExceededError
from billing.ledger.selectors_caps import Caps, caps_of, caps_of_each, day_of, month_of
from billing.ledger.services import caps, check_payment_password
from billing.ledger.services.caps import Count
from offline.errors import LimitExceededError
from offline.selectors import budget, clients_of

if TYPE_CHECKING:
    from offline.models import Client
    from protocol.offline import Money

_TOGETHER = "offline"


def limits_of(*, client: "Client", currency: str, now: datetime) -> Caps:
    """Return what a phone may pay in a currency, in minor units."""
    return caps_of(budget(client, currency), now=now)


def require_within_limits(*, client: "Client", money: "Money", now: datetime) -> None:
    """Refuse early what :func:`spend` would refuse; nothing is counted.

    Raises:
        LimitExceededError: the payment would pass one of the limits.
    """
    try:
        caps.require_room(
            budget(client, money.currency),
            money.amount,
            further=_together(client, money.currency, now),
            now=now,
        )
    except CapExceededError as error:
        raise LimitExceededError from error


def spend(*, client: "Client", money: "Money", now: datetime) -> None:
    """Count a payment against the limits, both or none, in the caller's transaction.

    Raises:
        LimitExceededError: it would pass one of them.
    """
    try:
        caps.spend(
            budget(client, money.currency),
            money.amount,
            further=_together(client, money.currency, now),
            now=now,
        )
    except CapExceededError as error:
        raise LimitExceededError from error


def set_limits(
    *,
    client: "Client",
    currency: str,
    day: int,
    month: int,
    payment_password: str,
    now: datetime,
) -> Caps:
    """Set a phone's limits: what is lower holds at once, what is higher after 24 hours.

    Args:
        client: Whose.
        currency: ISO 4217.
        day: Minor units a day; 0 lets it pay nothing.
        month: Minor units a month.
        payment_password: Of the holder.
        now: Timezone-aware.

    Raises:
        PaypassNotSetError, PaypassWrongError, PaypassLockedError: about the payment password.
        AmountInvalidError: a limit is below zero or too large, or nobody knows the currency.
    """
    holder = client.device.holder
    check_payment_password(holder=holder, password=payment_password, now=now)
    page = f"/offline/settings/{client.public_id}"
    return caps.set_caps(budget(client, currency), day=day, month=month, page=page, now=now)


def _together(client: "Client", currency: str, now: datetime) -> list[Count]:
    """Return what all phones of a client's holder may pay: as much as the one that may most."""
    holder = client.device.holder
    each = caps_of_each([budget(phone, currency) for phone in clients_of(holder)], now=now)
    # A phone that is being removed just now may leave none.
    day = max([settings.OFFLINE_DAY_CAP, *(one.day for one in each)])
    month = max([settings.OFFLINE_MONTH_CAP, *(one.month for one in each)])
    return [Count(_TOGETHER, day_of(now), day), Count(_TOGETHER, month_of(now), month)]
