"""Charts that the server draws."""

from datetime import date
from itertools import pairwise

import pytest
from django.template.loader import render_to_string

from common.charts import days_chart

DAY = date(2026, 6, 30)


def test_the_highest_day_is_the_highest_bar_and_the_rest_is_its_share() -> None:
    chart = days_chart({DAY: 400, date(2026, 6, 29): 100}, "EUR", until=DAY, days=4)

    heights = [bar.height for bar in chart.bars]
    assert heights[:2] == [0, 0]
    assert heights[3] == pytest.approx(4 * heights[2])
    assert chart.top == "4.00\u00a0EUR"
    assert all(bar.y + bar.height == pytest.approx(100) for bar in chart.bars)


def test_bars_stand_side_by_side_within_the_picture() -> None:
    bars = days_chart({}, "EUR", until=DAY).bars

    assert len(bars) == 30
    assert bars[0].x >= 0
    assert bars[-1].x + bars[-1].width <= 100
    assert all(one.x + one.width < next_.x for one, next_ in pairwise(bars))


def test_nothing_at_all_is_no_bar_and_no_division() -> None:
    chart = days_chart({}, "EUR", until=DAY)

    assert chart.top == ""
    assert {bar.height for bar in chart.bars} == {0}


def test_only_three_days_are_named_below_and_those_outside_do_not_count() -> None:
    chart = days_chart({date(2026, 1, 1): 9}, "JPY", until=DAY)

    assert [bar.label for bar in chart.bars if bar.is_told] == ["June 1", "June 16", "June 30"]
    assert chart.top == ""


def test_it_can_be_read_without_seeing_it_and_in_any_language_of_numbers() -> None:
    chart = days_chart({DAY: 123_456}, "EUR", until=DAY, days=3)

    page = render_to_string("components/chart.html", {"chart": chart, "title": "T", "label": "L"})

    assert 'role="img" aria-label="T"' in page
    assert '<td class="nowrap">June 30</td>' in page
    assert "1,234.56\u00a0EUR" in page
    assert "style=" not in page


def test_what_is_counted_has_no_currency_and_says_what_it_counts() -> None:
    chart = days_chart({DAY: 1200}, until=DAY, days=2)
    context = {"chart": chart, "title": "T", "label": "L", "measure": "Signals"}

    page = render_to_string("components/chart.html", context)

    assert chart.top == "1,200"
    assert '<th scope="col" class="number">Signals</th>' in page
