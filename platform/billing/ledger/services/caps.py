"""How much may be spent of a budget: a day and a month (UTC).

What a holder raises holds after a day, so that whoever takes a phone gains nothing by it; what a
holder lowers holds at once.  A refund gives no room back.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import F

from accounts.services import tell_holder
from audit.services import record
from billing.ledger.errors import AmountInvalidError, CapExceededError
from billing.ledger.models import Cap, Spending
from billing.ledger.selectors_caps import Budget, Caps, caps_of, day_of, month_of, spent
from protocol.cbor import MAX_INT
from protocol.currency import EXPONENTS

RAISED_AFTER = timedelta(hours=24)


class Count(NamedTuple):
    """A further limit of the same money: of a scope of its own, in a period."""

    scope: str
    period: str
    limit: int


def require_room(
    budget: Budget, amount: int, *, further: Iterable[Count] = (), now: datetime
) -> None:
    """Refuse early what :func:`spend` would refuse; nothing is counted.

    Raises:
        CapExceededError: the amount would pass one of the limits.
    """
    limits = {(scope, period): limit for scope, period, limit in _counts(budget, further, now)}
    for counted, already in spent(budget, limits).items():
        if already + amount > limits[counted]:
            raise CapExceededError


def spend(budget: Budget, amount: int, *, further: Iterable[Count] = (), now: datetime) -> None:
    """Count an amount against the limits, all of them or none.

    Args:
        budget: Whose, and of what.
        amount: Minor units.
        further: Limits beside those of the day and the month, always in one order.
        now: Timezone-aware.

    Raises:
        CapExceededError: it would pass one of them.
    """
    with transaction.atomic():
        # Rows are locked in one order, whoever spends.
        for scope, period, limit in _counts(budget, further, now):
            row = {
                "holder": budget.holder,
                "currency": budget.currency,
                "scope": scope,
                "period": period,
            }
            Spending.objects.bulk_create([Spending(**row)], ignore_conflicts=True)
            # Compare and add: of amounts that do not fit together, one is counted.
            fits = Spending.objects.filter(**row, spent__lte=limit - amount)
            if not fits.update(spent=F("spent") + amount):
                raise CapExceededError


def set_caps(budget: Budget, *, day: int, month: int, page: str, now: datetime) -> Caps:
    """Set a holder's own limits: what is lower holds at once, what is higher after 24 hours.

    Args:
        budget: Whose, and of what.
        day: Minor units a day; 0 lets nothing be spent.
        month: Minor units a month.
        page: Where the holder, who is told of what rises, lowers it again.
        now: Timezone-aware.

    Raises:
        AmountInvalidError: a limit is below zero or too large, or nobody knows the currency.
    """
    if budget.currency not in EXPONENTS or not all(0 <= cap <= MAX_INT for cap in (day, month)):
        raise AmountInvalidError
    own = {"holder": budget.holder, "currency": budget.currency, "scope": budget.scope}
    with transaction.atomic():
        standing = caps_of(budget, now=now)
        Cap.objects.get_or_create(**own, defaults={"day": standing.day, "month": standing.month})
        # Of two that change it together, the second builds on what the first left.
        row = Cap.objects.select_for_update().get(**own)
        standing = caps_of(budget, now=now)
        row.day, row.next_day = _step(standing.day, day)
        row.month, row.next_month = _step(standing.month, month)
        raised = (row.next_day, row.next_month)
        is_new = raised not in ((None, None), (standing.next_day, standing.next_month))
        if is_new:
            row.next_from = now + RAISED_AFTER
        elif raised == (None, None):
            row.next_from = None
        else:
            row.next_from = standing.next_from
        row.save()
        subject = f"{budget.scope} {budget.currency}"
        record(action="caps.set", actor=budget.holder.actor, subject=subject, now=now)
        if is_new:
            tell_holder(budget.holder, kind="caps_raised", page=page, now=now)
    return caps_of(budget, now=now)


def _step(standing: int, wanted: int) -> tuple[int, int | None]:
    """Return what holds now, and what will: a limit that rises waits."""
    return (wanted, None) if wanted <= standing else (standing, wanted)


def _counts(budget: Budget, further: Iterable[Count], now: datetime) -> Iterator[Count]:
    caps = caps_of(budget, now=now)
    yield Count(budget.scope, day_of(now), caps.day)
    yield Count(budget.scope, month_of(now), caps.month)
    yield from further
