"""Phone numbers in one form: E.164, as in ``+447700900123``."""

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from common.errors import NumberInvalidError

__all__ = ["NumberInvalidError", "normalise"]

# Longer than any number with all its marks.
_MAX_CHARACTERS = 32
# What people write between digits.  Letters are refused: phonenumbers would dial them.
_MARKS = frozenset("+ -.()/")
_PLAIN_MARKS = str.maketrans("\u00a0\u2009\u202f\u2010\u2011\u2013", "   ---")
# A message to one of these is paid for by whoever sends it, to whoever asked for it.
_COSTLY = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)


def normalise(text: str, region: str | None = None) -> str:
    """Return a phone number in E.164.

    Args:
        text: As it was typed or read: ``+``, digits of any script, and marks between them.
        region: ISO 3166 code of the country whose national form is understood too; without it
            a number begins with ``+`` and its country.

    Raises:
        NumberInvalidError: it is no number that can be written to.  The number is not repeated.

    Source:
        ITU-T E.164; the numbering plans are those of Google's libphonenumber.

    >>> normalise("+44 (7700) 900-123"), normalise("07700 900123", "GB")
    ('+447700900123', '+447700900123')
    """
    text = text.strip().translate(_PLAIN_MARKS)
    if len(text) > _MAX_CHARACTERS or not all(c.isdecimal() or c in _MARKS for c in text):
        raise NumberInvalidError
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise NumberInvalidError from error
    # Possible is enough: lists of the ranges given out age, and whose it is an SMS has to prove.
    if not phonenumbers.is_possible_number(number) or phonenumbers.number_type(number) in _COSTLY:
        raise NumberInvalidError
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
