"""The suites a holder may choose from, and kinds of token in plain words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from protocol.statement import Sight

DEFAULT_SUITE = "OCRA-1:HOTP-SHA256-8:QH64-T1M"
# What a holder may choose from; any other suite comes with imported hardware.
OFFERED: dict[str, tuple[Promise, Promise]] = {
    DEFAULT_SUITE: (
        _("Scanning app or token with a clock"),
        _("Right for most. It scans the code and shows you every word before it gives digits."),
    ),
    "OCRA-1:HOTP-SHA256-8:QH64": (
        _("Scanning token without a clock"),
        _("Shows you every word too. Choose it if your token keeps no time."),
    ),
    "OCRA-1:HOTP-SHA256-8:QN10-T1M": (
        _("Token with a keypad"),
        _("You type ten digits into it. It shows no words, and every receipt will say so."),
    ),
}
_BY_SIGHT = {
    Sight.SHOWN: _("Scanning token"),
    Sight.TYPED: _("Token with a keypad"),
    Sight.NONE: _("Card that signs you in"),
}


def kind_of_token(suite: str, sight: int) -> Promise:
    """Say what kind of token has this suite."""
    return OFFERED[suite][0] if suite in OFFERED else _BY_SIGHT[Sight(sight)]
