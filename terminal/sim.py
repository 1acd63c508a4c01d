"""A simulated SIM: a card with an identification code and a number, put in and taken out."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from protocol.binding import check_number, check_sim
from protocol.errors import ProtocolError
from protocol.files import replace_file
from terminal.errors import TerminalError

# ITU-T E.118: 89 for telecommunication; what follows stands for no country and no issuer.
_ICCID_PREFIX = "89999"
_ICCID_DIGITS = 19


@dataclass(frozen=True, slots=True, repr=False)
class Card:
    """What a SIM says of itself.

    Attributes:
        code: ICCID or IMSI, digits.
        number: E.164.
    """

    code: str
    number: str

    def __post_init__(self) -> None:
        check_sim("sim", self.code)
        check_number("number", self.number)


@dataclass(frozen=True, slots=True)
class Sim:
    """The slot of a phone; the card in it is a file, its owner's alone.

    Attributes:
        path: The file.
    """

    path: Path

    def insert(self, number: str, *, code: str = "") -> Card:
        """Put a card in, in place of the one that was there.

        Args:
            number: E.164.
            code: ICCID or IMSI; a new ICCID when there is none.

        Raises:
            ProtocolError: they have a wrong form.
            TerminalError: ``sim_unusable``.
        """
        card = Card(code or new_iccid(), number)
        content = {"code": card.code, "number": card.number}
        try:
            replace_file(self.path, json.dumps(content).encode())
        except OSError as error:
            raise TerminalError("sim_unusable", f"{self.path} cannot be written") from error
        return card

    def remove(self) -> None:
        """Take the card out, if there is one.

        Raises:
            TerminalError: ``sim_unusable``.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise TerminalError("sim_unusable", f"{self.path} cannot be removed") from error

    def read(self) -> Card:
        """Return what the card in the slot says now.

        Raises:
            TerminalError: ``no_sim``, or ``sim_unusable``.
        """
        try:
            content = json.loads(self.path.read_text("ascii"))
            return Card(content["code"], content["number"])
        except FileNotFoundError:
            raise TerminalError("no_sim", "there is no SIM in this phone") from None
        except (OSError, ValueError, KeyError, TypeError, ProtocolError):
            # Without its cause, which might show the file.
            raise TerminalError("sim_unusable", f"{self.path} holds no SIM") from None


def new_iccid() -> str:
    """Return an ICCID that no issuer gave out: 19 digits, the last by the formula of Luhn.

    Source:
        ITU-T E.118 section 4.1; ISO/IEC 7812-1 annex B.
    """
    count = _ICCID_DIGITS - 1 - len(_ICCID_PREFIX)
    body = _ICCID_PREFIX + f"{secrets.randbelow(10**count):0{count}}"
    return body + luhn(body)


def luhn(digits: str) -> str:
    """Return the check digit of some digits.

    >>> luhn("7992739871")
    '3'
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 - place % 2)
        total += doubled - 9 * (doubled > 9)
    return str(-total % 10)
