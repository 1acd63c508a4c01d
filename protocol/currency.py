"""Currencies of ISO 4217 and their exponents, pinned with the format version."""

import json
from pathlib import Path

# Digits after the decimal mark.  The browser reads the same file.
_TABLE = json.loads((Path(__file__).parent / "tables" / "currencies.json").read_text("ascii"))
EXPONENTS: dict[str, int] = {
    code: int(exponent)
    for exponent, codes in _TABLE["codes_by_exponent"].items()
    for code in codes
}


def format_amount(amount: int, currency: str) -> str:
    """Write minor units as people read them, without grouping.

    >>> format_amount(1250, "EUR"), format_amount(5, "JPY"), format_amount(7, "KWD")
    ('12.50 EUR', '5 JPY', '0.007 KWD')
    """
    exponent = EXPONENTS[currency]
    digits = str(amount).zfill(exponent + 1)
    whole, minor = digits[: len(digits) - exponent], digits[len(digits) - exponent :]
    return f"{whole}.{minor} {currency}" if exponent else f"{whole} {currency}"
