"""Amounts as people write them: read exactly, or asked back; never guessed."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import assume, given
from hypothesis import strategies as st

from common.amounts import read_amount, write_amount
from protocol.cbor import MAX_INT
from protocol.currency import EXPONENTS, format_amount

CURRENCIES = st.sampled_from(sorted(EXPONENTS))
AMOUNTS = st.integers(1, MAX_INT)


def told(text: str, currency: str = "EUR") -> str:
    with pytest.raises(ValidationError) as refused:
        read_amount(text, currency)
    return str(refused.value.message)


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("1250", "EUR", 125_000),
        ("  1250.00 ", "EUR", 125_000),
        ("1250,5", "EUR", 125_050),
        ("0.01", "EUR", 1),
        ("007", "EUR", 700),
        ("1,250.00", "EUR", 125_000),
        ("1.250,00", "EUR", 125_000),
        ("1 250,00", "EUR", 125_000),
        ("1\u00a0250,00", "EUR", 125_000),
        ("1\u202f250", "EUR", 125_000),
        ("1'250.00", "CHF", 125_000),
        ("1\u2019250.00", "CHF", 125_000),
        ("1,250,000", "EUR", 125_000_000),
        ("1.250.000,75", "EUR", 125_000_075),
        ("1250", "JPY", 1250),
        # The yen has no decimals, so this can only be a thousand.
        ("1,250", "JPY", 1250),
        ("1.250", "JPY", 1250),
        ("0.250", "KWD", 250),
        ("1250.255", "KWD", 1_250_255),
        ("1,250.255", "KWD", 1_250_255),
        ("012.255", "KWD", 12_255),
    ],
)
def test_an_amount_that_can_mean_one_thing_is_read(text: str, currency: str, amount: int) -> None:
    assert read_amount(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "ways"),
    [
        ("1,250", "EUR", ["1.25", "1250.00"]),
        ("1.250", "EUR", ["1.25", "1250.00"]),
        ("1,255", "EUR", ["1255.00"]),
        ("12.500", "KWD", ["12.5", "12500.000"]),
        ("12.255", "KWD", ["012.255", "12255.000"]),
    ],
)
def test_an_amount_that_can_mean_two_things_is_asked_back(
    text: str, currency: str, ways: list[str]
) -> None:
    message = told(text, currency)
    assert "can be read in two ways" in message
    assert all(way in message for way in ways)
    # What is proposed is understood.
    assert len({read_amount(way, currency) for way in ways}) == len(ways)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "abc", "-5", "+5", "1e3", ".5", "5.", "1..5", "1,250,00", "12 50", "1 2500"),
        *(
            "1 250 00",
            "1'250'5",
            "€5",
            "5 EUR",
            "²",
            "\uff11\uff12",
            "\u0661\u0662",
            "\x00",
            "1,250.00.5",
        ),
        *("1 250,000 5", "1.250'000", "9" * 5000 + "x"),
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    assert "Write the amount in digits" in told(text)


@pytest.mark.parametrize(
    ("text", "currency", "message"),
    [
        ("12.345", "EUR", "can be read in two ways"),
        ("1250.000", "EUR", "EUR has 2 decimals."),
        ("0,250", "EUR", "EUR has 2 decimals."),
        ("1,250.000", "EUR", "EUR has 2 decimals."),
        ("1.5", "JPY", "JPY has no decimals."),
        ("1,250.5", "JPY", "JPY has no decimals."),
    ],
)
def test_finer_than_the_currency_is_refused(text: str, currency: str, message: str) -> None:
    assert message in told(text, currency)


@given(AMOUNTS, CURRENCIES)
def test_what_is_written_is_read_again(amount: int, currency: str) -> None:
    assert read_amount(write_amount(amount, currency), currency) == amount


@given(AMOUNTS, CURRENCIES, st.sampled_from(["", ",", ".", " ", "'"]), st.sampled_from(".,"))
def test_however_it_is_grouped_it_is_read_rightly_or_asked_back(
    amount: int, currency: str, group: str, mark: str
) -> None:
    assume(group != mark)
    whole, _, minor = format_amount(amount, currency).split()[0].partition(".")
    grouped = f"{int(whole):,}".replace(",", group)
    text = f"{grouped}{mark}{minor}" if minor else grouped
    read, told = None, ""
    try:
        read = read_amount(text, currency)
    except ValidationError as error:
        told = str(error.message)
    assert read == amount or "two ways" in told


@given(st.text(alphabet="0123456789., '\u00a0x-", max_size=40), CURRENCIES)
def test_no_text_is_read_as_anything_but_its_digits(text: str, currency: str) -> None:
    try:
        amount = read_amount(text, currency)
    except ValidationError:
        return
    digits = "".join(letter for letter in text if letter.isdigit())
    assert str(amount).rstrip("0") == digits.lstrip("0").rstrip("0")
