"""Read how much may be spent, and how much was."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from billing.ledger.models import Cap, Spending

if TYPE_CHECKING:
    from accounts.models import Holder


@dataclass(frozen=True, slots=True)
class Budget:
    """What counts together.

    Attributes:
        holder: Whose money.
        scope: What for, as long as a name of 24 characters.
        currency: ISO 4217.
        day, month: What may be spent, in minor units, until the holder says otherwise.
    """

    holder: "Holder"
    scope: str
    currency: str
    day: int
    month: int


@dataclass(frozen=True, slots=True)
class Caps:
    """What may be spent of a budget at most, in minor units of a currency.

    Attributes:
        currency: ISO 4217.
        day, month: What holds now.
        next_day, next_month: What holds from ``next_from`` on, where it was raised.
    """

    currency: str
    day: int
    month: int
    next_day: int | None = None
    next_month: int | None = None
    next_from: datetime | None = None


def caps_of(budget: Budget, *, now: datetime) -> Caps:
    """Return the limits of a budget: the holder's own, else the usual ones."""
    (caps,) = caps_of_each([budget], now=now)
    return caps


def caps_of_each(budgets: Sequence[Budget], *, now: datetime) -> list[Caps]:
    """Return the limits of several budgets of one holder, in their order, by one query."""
    rows = Cap.objects.filter(
        holder__in={budget.holder for budget in budgets},
        currency__in={budget.currency for budget in budgets},
        scope__in={budget.scope for budget in budgets},
    )
    found = {(row.scope, row.currency): row for row in rows}
    return [_caps(each, found.get((each.scope, each.currency)), now) for each in budgets]


def _caps(budget: Budget, row: Cap | None, now: datetime) -> Caps:
    if row is None:
        return Caps(budget.currency, budget.day, budget.month)
    if row.next_from is None or row.next_from > now:
        return Caps(
            budget.currency, row.day, row.month, row.next_day, row.next_month, row.next_from
        )
    # Raised a day ago.
    day = row.day if row.next_day is None else row.next_day
    return Caps(budget.currency, day, row.month if row.next_month is None else row.next_month)


def day_of(now: datetime) -> str:
    """Return how the day (UTC) is called by which spending counts."""
    return f"{now:%Y-%m-%d}"


def month_of(now: datetime) -> str:
    """Return how the month (UTC) is called by which spending counts."""
    return f"{now:%Y-%m}"


def spent(budget: Budget, counts: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return what was spent so far, in minor units, by scope and period."""
    rows = Spending.objects.filter(
        holder=budget.holder,
        currency=budget.currency,
        scope__in={scope for scope, _ in counts},
        period__in={period for _, period in counts},
    )
    found = {(row.scope, row.period): row.spent for row in rows}
    return {counted: found.get(counted, 0) for counted in counts}


def spent_now(budget: Budget, *, now: datetime) -> tuple[int, int]:
    """Return what was spent of a budget today and this month (UTC), in minor units."""
    counts = [(budget.scope, day_of(now)), (budget.scope, month_of(now))]
    day, month = spent(budget, counts).values()
    return day, month
