"""What a client without a network and a device say to each other over the near-field link.

docs/protocol.md section 21; what is signed in it is :mod:`protocol.offline`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from protocol import cbor
from protocol.errors import ProtocolError
from protocol.fields import ID_BYTES, check_bytes, check_enum, check_list
from protocol.offline import MAX_CODE, MAX_TITLE, Money, read_money, to_cbor
from protocol.text import check_ascii, check_text


class Asks(IntEnum):
    """What an offer asks a client for."""

    RIGHT = 1
    PAYMENT = 2
    STEP = 3


class Kind(IntEnum):
    """What is said over the near-field link; its parts are in :data:`PARTS`."""

    OFFER = 1
    APPLICATION = 2
    TO_BE_SIGNED = 3
    COUNTERSIGN = 4
    SEALED = 5
    RESULT = 6
    REFUSAL = 7
    CODE = 8


@dataclass(frozen=True, slots=True)
class Offer:
    """What a device says that it offers, unsigned: only what makes an application easy to fill in.

    Attributes:
        service: Id of the service, 8 bytes.
        title: Of the service, as the device has it; the signed one is in the tbs.
        asks: What for.
        money: What is to be paid, or ``None``.
    """

    service: bytes
    title: str
    asks: Asks
    money: Money | None = None

    def __post_init__(self) -> None:
        check_bytes("service", self.service, ID_BYTES)
        check_text("title", self.title, MAX_TITLE)
        object.__setattr__(self, "asks", check_enum("asks", self.asks, Asks))
        if not isinstance(self.money, Money):
            object.__setattr__(self, "money", read_money(self.money))
        if (self.asks is Asks.PAYMENT) != (self.money is not None):
            raise ProtocolError("value_out_of_range", "money stands in a payment's offer", "money")

    def parts(self) -> list[Any]:
        """Return the parts of the message of kind OFFER."""
        return [self.service, self.title, int(self.asks), to_cbor(self.money)]


# How many parts a message of each kind has behind its kind: a signed or sealed message each, but
# for OFFER (as in the class), TO_BE_SIGNED (the tbs; the bundle of the subject's statement, or
# null) and REFUSAL (a stable code).
PARTS = dict.fromkeys(Kind, 1) | {Kind.OFFER: 4, Kind.TO_BE_SIGNED: 2}


def pack(kind: Kind, *parts: Any) -> bytes:
    """Return a message as it goes over the near-field link: ``[kind, part…]``."""
    return cbor.encode([int(kind), *parts])


def unpack(message: bytes, *kinds: Kind) -> tuple[Kind, list[Any]]:
    """Read a message from the near-field link; whoever sent it is not trusted.

    Args:
        message: As it came.
        kinds: What is awaited now.

    Returns:
        Its kind and its parts, each of the right type, not looked into.

    Raises:
        ProtocolError: it is none, or of another kind.
    """
    whole = cbor.decode(message)
    if type(whole) is not list or not whole:
        raise ProtocolError("type_wrong", "message must be a list", "message")
    kind = check_enum("kind", whole[0], Kind)
    if kind not in kinds:
        raise ProtocolError("typ_unexpected", f"{kind.name} is not awaited now", "kind")
    parts = check_list("message", whole, PARTS[kind] + 1)[1:]
    if kind is Kind.REFUSAL:
        check_ascii("code", parts[0], MAX_CODE)
    elif kind is not Kind.OFFER:
        may_lack = kind is Kind.TO_BE_SIGNED
        for number, part in enumerate(parts):
            if type(part) is not bytes and not (number and may_lack and part is None):
                raise ProtocolError("type_wrong", "message must hold bytes", "message")
    return kind, parts
