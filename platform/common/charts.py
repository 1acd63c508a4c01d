"""Charts that the server draws: bars whose places are shares of the picture, for every width."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.formats import date_format, number_format

from common.amounts import shown_amount

# Of the height; what is left above is for the highest bar's own words.
_HEIGHT = 86
# Of a bar's place; the rest keeps it apart from its neighbour.
_WIDTH = 0.7


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in percent of the picture.

    Attributes:
        label: What it stands for, such as a day.
        words: How much it is.
        x, y, width, height: Where it is drawn.
        middle: Of its place, for what stands below it.
        is_told: Whether its label stands below it: not all have room.
    """

    label: str
    words: str
    x: float
    y: float
    width: float
    height: float
    middle: float
    is_told: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, and the largest of them in words; empty words when all are zero."""

    bars: list[Bar]
    top: str


def days_chart(
    amounts: Mapping[date, int], currency: str = "", *, until: date, days: int = 30
) -> Chart:
    """Return a bar for each of the last days.

    Args:
        amounts: Minor units by day, or how many; a day that is missing has none.
        currency: ISO 4217 code; empty where something is counted.
        until: The last day.
        days: How many.
    """
    first = until - timedelta(days=days - 1)
    return _chart(
        (date_format(day, "MONTH_DAY_FORMAT"), amounts.get(day, 0), currency)
        for day in (first + timedelta(days=past) for past in range(days))
    )


def _chart(values: Iterable[tuple[str, int, str]]) -> Chart:
    listed = list(values)
    most = max((value for _, value, _ in listed), default=0)
    place = 100 / max(len(listed), 1)
    # The first, the last, and the one in the middle: a phone has room for three.
    told = {0, len(listed) // 2, len(listed) - 1}
    bars = []
    for number, (label, value, currency) in enumerate(listed):
        height = round(_HEIGHT * max(value, 0) / most, 2) if most > 0 else 0
        bars.append(
            Bar(
                label=label,
                words=_words(value, currency),
                x=round(place * (number + (1 - _WIDTH) / 2), 2),
                y=round(100 - height, 2),
                width=round(place * _WIDTH, 2),
                height=height,
                middle=round(place * (number + 0.5), 2),
                is_told=number in told,
            )
        )
    top = _words(most, listed[0][2]) if most > 0 else ""
    return Chart(bars, top)


def _words(value: int, currency: str) -> str:
    if not currency:
        return number_format(value, use_l10n=True, force_grouping=True)
    return shown_amount(value, currency)
