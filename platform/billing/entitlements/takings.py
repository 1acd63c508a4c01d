"""What was taken in the last days, by currency: a sum and a chart."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from billing.entitlements.selectors import Day
from common.charts import Chart, days_chart

TAKINGS_DAYS = 30


@dataclass(frozen=True, slots=True)
class Takings:
    """What was taken in one currency.

    Attributes:
        currency: ISO 4217.
        amount: In all, in minor units.
        chart: A bar for each day.
    """

    currency: str
    amount: int
    chart: Chart


def takings(days: Iterable[Day], *, until: date) -> list[Takings]:
    """Return the takings of the last days, the currency first in which most was sold.

    Args:
        days: What was sold on each.
        until: Today.
    """
    amounts: dict[str, dict[date, int]] = {}
    counts: dict[str, int] = {}
    for day in days:
        amounts.setdefault(day.currency, {})[day.on] = day.amount
        counts[day.currency] = counts.get(day.currency, 0) + day.count
    return [
        Takings(
            currency,
            sum(amounts[currency].values()),
            days_chart(amounts[currency], currency, until=until, days=TAKINGS_DAYS),
        )
        for currency in sorted(counts, key=lambda code: (-counts[code], code))
    ]
