"""Read a list of prices as people write one."""

import csv
from collections.abc import Iterable

from django.core.exceptions import ValidationError

from billing.packages.errors import PriceListInvalidError
from billing.packages.services.keys import TITLE_BYTES
from common.amounts import read_amount
from protocol.errors import ProtocolError
from protocol.fields import check_uint
from protocol.package import MAX_ITEMS, MAX_NUMBER
from protocol.text import check_text, normalise

_COLUMNS = ["number", "title", "amount"]
_MAX_FAULTS = 20
# No number or amount is as long; longer ones take their time to be read.
_MAX_DIGITS = 40

Price = tuple[int, str, int]


def read_prices(lines: Iterable[str], *, currency: str) -> list[Price]:
    """Return number, title and amount (minor units) of each item.

    Args:
        lines: CSV with the columns number, title and amount, as :mod:`common.amounts` reads it.
        currency: ISO 4217, of all amounts.

    Raises:
        PriceListInvalidError: lines are wrong; the first twenty are named, with what is wrong.
    """
    table = csv.reader(lines, strict=True)
    prices: dict[int, Price] = {}
    faults: list[str] = []
    try:
        if next(table, None) != _COLUMNS:
            raise PriceListInvalidError(f"The first line has to be {','.join(_COLUMNS)}.")
        for row in table:
            fault = _take(row, currency, prices)
            if fault:
                faults.append(f"Line {table.line_num}: {fault}")
            if len(faults) == _MAX_FAULTS:
                break
    except csv.Error as error:
        faults.append(f"Line {table.line_num}: {error}.")
    if not faults and not prices:
        faults.append("The list of prices is empty.")
    if faults:
        raise PriceListInvalidError("\n".join(faults))
    return list(prices.values())


def _take(row: list[str], currency: str, prices: dict[int, Price]) -> str:
    """Take one line in; return what is wrong with it."""
    if not any(cell.strip() for cell in row):
        return ""
    try:
        price = _price(row, currency)
    except ValidationError as error:
        return " ".join(error.messages)
    except ProtocolError as error:
        return f"{error.detail}."
    if price[0] in prices:
        return f"item {price[0]} stands twice."
    if len(prices) == MAX_ITEMS:
        return f"more than {MAX_ITEMS} items are not sold."
    prices[price[0]] = price
    return ""


def _price(row: list[str], currency: str) -> Price:
    if len(row) != len(_COLUMNS):
        raise ProtocolError("type_wrong", "it has not three columns")
    number, title, amount = (cell.strip() for cell in row)
    if max(len(number), len(amount)) > _MAX_DIGITS:
        raise ProtocolError("value_out_of_range", "number or amount is too long")
    if not (number.isascii() and number.isdecimal()):
        raise ProtocolError("type_wrong", "the number has to be digits alone")
    title = normalise(title)
    check_uint("number", int(number), high=MAX_NUMBER)
    check_text("title", title, TITLE_BYTES)
    minor_units = read_amount(amount, currency)
    check_uint("amount", minor_units, low=1, high=MAX_NUMBER)
    return int(number), title, minor_units
