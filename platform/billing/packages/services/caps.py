"""How much applications may charge a payer: a day, a month, and a day for one item (UTC)."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings

from billing.ledger.selectors_caps import Caps, day_of
from billing.ledger.services import caps
from billing.packages.selectors_charges import budget, item_scope

if TYPE_CHECKING:
    from accounts.models import Holder
    from billing.packages.models import Item


def require_within_caps(
    *, holder: "Holder", currency: str, amount: int, item: "Item", now: datetime
) -> None:
    """Refuse early what :func:`spend` would refuse; nothing is booked.

    Raises:
        CapExceededError: the charge would pass one of the payer's limits.
    """
    further = [_of_item(item, now)]
    caps.require_room(budget(holder, currency), amount, further=further, now=now)


def spend(*, holder: "Holder", currency: str, amount: int, item: "Item", now: datetime) -> None:
    """Count a charge against the payer's limits, all of them or none.

    Raises:
        CapExceededError: the charge would pass one of them.
    """
    caps.spend(budget(holder, currency), amount, further=[_of_item(item, now)], now=now)


def set_cap(*, holder: "Holder", currency: str, day: int, month: int, now: datetime) -> Caps:
    """Set the payer's own limits: what is lower holds at once, what is higher after 24 hours.

    Args:
        holder: The payer.
        currency: ISO 4217.
        day: Minor units a day; 0 lets applications charge nothing.
        month: Minor units a month.
        now: Timezone-aware.

    Raises:
        AmountInvalidError: a limit is below zero or too large, or nobody knows the currency.
    """
    return caps.set_caps(budget(holder, currency), day=day, month=month, page="/charges", now=now)


def _of_item(item: "Item", now: datetime) -> caps.Count:
    return caps.Count(item_scope(item), day_of(now), settings.CHARGE_ITEM_DAY_CAP)
