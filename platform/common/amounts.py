"""Amounts as people write them: ``1250``, ``1,250.00``, ``1.250,00`` or ``1'250.00``."""

import re
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from protocol.currency import EXPONENTS, format_amount

MINUS = "\u2212"

# Spaces, also those that keep numbers from being broken, and apostrophes only ever group digits.
_PLAIN_MARKS = str.maketrans("\u00a0\u2009\u202f\u2019", "   '")
_UNGROUPED = re.compile(r"([0-9]+)(?:[.,]([0-9]+))?")
_GROUPED = re.compile(
    r"([1-9][0-9]{0,2}(?:([ '.,])[0-9]{3})(?:\2[0-9]{3})*)(?:(?!\2)[.,]([0-9]+))?"
)


class _Reading(NamedTuple):
    """One way to understand what was written: the digits before and behind the decimal mark."""

    whole: str
    minor: str


def read_amount(text: str, currency: str) -> int:
    """Return an amount in minor units.

    Nothing is guessed: what can be read in two ways, such as ``1,250`` in euros, is asked back.

    Args:
        text: As it was typed.
        currency: ISO 4217 code.

    Raises:
        ValidationError: it is no amount of this currency, or it may be two; in words for people.

    >>> read_amount("1.250,00", "EUR"), read_amount("1 250", "JPY"), read_amount("12.5", "EUR")
    (125000, 1250, 1250)
    """
    exponent = EXPONENTS[currency]
    readings = _readings(text)
    if not readings:
        raise ValidationError(_("Write the amount in digits, such as 1250 or 1,250.00."))
    if exponent == 0:
        # Without digits behind it no mark can be a decimal mark.
        readings = [reading for reading in readings if not reading.minor] or readings
    if len(readings) > 1:
        raise ValidationError(_ambiguity(text, readings, currency))
    minor_units = _minor_units(readings[0], exponent)
    if minor_units is None:
        raise ValidationError(_too_fine(currency, exponent))
    return minor_units


def write_amount(amount: int, currency: str) -> str:
    """Write minor units so that :func:`read_amount` reads exactly them.

    >>> write_amount(125000, "EUR"), write_amount(1250, "KWD"), write_amount(1255, "KWD")
    ('1250.00', '1.25', '01.255')
    """
    text = format_amount(amount, currency).split()[0]
    if len(_readings(text)) == 1:
        return text
    # Three digits behind the mark look like thousands.
    shorter = text.rstrip("0").rstrip(".")
    return shorter if len(_readings(shorter)) == 1 else f"0{text}"


def shown_amount(amount: int, currency: str) -> str:
    """Write minor units with the reader's own grouping and decimal mark, and the currency.

    Args:
        amount: In minor units; it may be negative.
        currency: ISO 4217 code.
    """
    plain, code = format_amount(abs(amount), currency).split()
    places = len(plain.partition(".")[2])
    shown = number_format(plain, places, use_l10n=True, force_grouping=True)
    return f"{MINUS if amount < 0 else ''}{shown}\u00a0{code}"


def _readings(text: str) -> list[_Reading]:
    """Return every way to understand a text: none, one, or two."""
    text = text.strip().translate(_PLAIN_MARKS)
    readings = []
    if found := _UNGROUPED.fullmatch(text):
        readings.append(_Reading(found[1], found[2] or ""))
    if found := _GROUPED.fullmatch(text):
        readings.append(_Reading(found[1].replace(found[2], ""), found[3] or ""))
    return readings


def _minor_units(reading: _Reading, exponent: int) -> int | None:
    if len(reading.minor) > exponent:
        return None
    return int(reading.whole + reading.minor.ljust(exponent, "0"))


def _ambiguity(text: str, readings: list[_Reading], currency: str) -> str:
    """Say how to write what was meant."""
    exponent = EXPONENTS[currency]
    exact = [_Reading(whole, minor.rstrip("0")) for whole, minor in readings]
    meant = [_minor_units(reading, exponent) for reading in exact]
    ways = [write_amount(amount, currency) for amount in meant if amount is not None]
    told = _("“%(text)s” can be read in two ways.") % {"text": text.strip()}
    if len(ways) == 1:
        hint = _("If you mean %(way)s, write it so.") % {"way": ways[0]}
    else:
        hint = _("Write %(first)s or %(second)s.") % {"first": ways[0], "second": ways[1]}
    return f"{told} {hint}"


def _too_fine(currency: str, exponent: int) -> str:
    if exponent == 0:
        return _("%(currency)s has no decimals.") % {"currency": currency}
    told = ngettext(
        "%(currency)s has %(places)d decimal.", "%(currency)s has %(places)d decimals.", exponent
    )
    return told % {"currency": currency, "places": exponent}
