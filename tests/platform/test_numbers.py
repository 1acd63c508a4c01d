"""Phone numbers in one form."""

import pytest

from common.numbers import NumberInvalidError, normalise

ONE = "+447700900123"


@pytest.mark.parametrize(
    "written",
    [
        ONE,
        " +44 7700 900 123 ",
        "+44 (0)7700 900123",
        "+44-7700-900.123",
        "+44\u00a07700\u202f900123",
        "+\uff14\uff14 \uff17\uff17\uff10\uff10 900123",
        "+٤٤٧٧٠٠٩٠٠١٢٣",
    ],
)
def test_a_number_has_one_form_however_it_is_written(written: str) -> None:
    assert normalise(written) == ONE


def test_a_national_number_is_understood_where_its_country_is_known() -> None:
    assert normalise("07700 900123", "GB") == ONE
    with pytest.raises(NumberInvalidError):
        normalise("07700 900123")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "+",
        "+44",
        "+4477009001234567",
        "+999123456789",
        "+1800FLOWERS",
        f"{ONE};ext=5",
        f"{ONE}x5",
        f"tel:{ONE}",
        f"{ONE}\x00",
        f"{ONE}\n+15005550006",
        "²³",
        "+44 909 8790000",
        "+" * 40,
    ],
)
def test_what_is_no_number_to_write_to_is_refused(written: str) -> None:
    with pytest.raises(NumberInvalidError) as refused:
        normalise(written)
    assert str(refused.value) == NumberInvalidError.title
