"""The receipt of one captured charge, or of a right (docs/protocol.md section 19)."""

from dataclasses import dataclass
from typing import Any, Self

from protocol import cbor, cose
from protocol.cose import Typ
from protocol.currency import EXPONENTS, format_amount
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    MAX_TIME,
    VERSION,
    check_bytes,
    check_list,
    check_uint,
    versioned,
)
from protocol.statement import CAPS, Platform
from protocol.text import check_ascii, check_text

MAX_WAY = 16
# Of an item and its application; at most so long, every such receipt fits one QR code.
MAX_TEXT = 200
# How a payer confirmed, as every scanner says it; a way that is not here stands as it is written.
WAYS = {
    "direct_sms": "an SMS from the payer's own number",
    "captcha": "the graphic captcha",
    "sms_code": "a code sent to the payer's own number",
    "online": "the payer's terminal, on-line",
    "payment_password": "the payment password",
    "token": "the payer's token",
    "passkey": "the payer's passkey",
    "offline": "a phone without a network",
    "offline_high": "a phone without a network, and the offline password",
    "offline_code": "a one-way code of a phone without a network",
}


@dataclass(frozen=True, slots=True)
class Side:
    """Who pays or is paid: ``[account, name / null]``."""

    account: str
    name: str | None = None

    def __post_init__(self) -> None:
        check_ascii("account", self.account, CAPS["payee_account"])
        if self.name is not None:
            check_text("name", self.name, CAPS["payee_name"])

    def to_cbor(self) -> list[Any]:
        """Return the array that stands in the message."""
        return [self.account, self.name]

    @classmethod
    def from_cbor(cls, field: str, value: object) -> Self:
        """Read the array; errors as the constructor and :func:`check_list`."""
        return cls(*check_list(field, value, 2))


@dataclass(frozen=True, slots=True)
class Charge:
    """What the platform says was charged, once: its word alone, not a token's signature.

    Without an amount it says that a right was used, and nothing was paid.

    On the wire ``[1, platform, charge, way, payer, payee, text, amount, currency, digest,
    captured]``, typ cs-charge, by a receipt key.

    Attributes:
        platform: Who signs.
        uid: Id of the charge, 8 bytes.
        way: Name of the strategy by which the payer confirmed.
        payer: Who paid, or whose right it was.
        payee: Who was paid, or whose service it is.
        text: What for: the item and its application.
        amount: Minor units, above zero; ``None`` where nothing was paid.
        currency: ISO 4217 code; ``None`` where nothing was paid.
        digest: What the payer's proof was bound to: item, amount and payee, 32 bytes.
        captured: When it was booked, Unix seconds.
    """

    platform: Platform
    uid: bytes
    way: str
    payer: Side
    payee: Side
    text: str
    amount: int | None
    currency: str | None
    digest: bytes
    captured: int

    def __post_init__(self) -> None:
        check_bytes("charge", self.uid, ID_BYTES)
        check_ascii("way", self.way, MAX_WAY)
        check_text("text", self.text, MAX_TEXT)
        if self.amount is not None or self.currency is not None:
            check_uint("amount", self.amount, low=1)
            if type(self.currency) is not str or self.currency not in EXPONENTS:
                raise ProtocolError("currency_unknown", "currency is not in ISO 4217", "currency")
        check_bytes("digest", self.digest, DIGEST_BYTES)
        check_uint("captured", self.captured, high=MAX_TIME)

    @property
    def way_words(self) -> str:
        """How the payer confirmed, in words."""
        return WAYS.get(self.way, self.way)

    @property
    def paid(self) -> str | None:
        """What was paid, with its currency; ``None`` where nothing was."""
        if self.amount is None or self.currency is None:
            return None
        return format_amount(self.amount, self.currency)

    def payload(self) -> bytes:
        """Return the bytes the platform signs."""
        return cbor.encode(
            [
                VERSION,
                self.platform.to_cbor(),
                self.uid,
                self.way,
                self.payer.to_cbor(),
                self.payee.to_cbor(),
                self.text,
                self.amount,
                self.currency,
                self.digest,
                self.captured,
            ]
        )

    def sign(self, key: SigningKey) -> bytes:
        """Return the receipt as COSE_Sign1."""
        return cose.sign(key, Typ.CHARGE, self.payload())

    @classmethod
    def from_signed(cls, signed: cose.Sign1) -> Self:
        """Read a parsed receipt, strictly; its signature is not checked here.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        cose.require_typ(signed, Typ.CHARGE)
        parts = versioned("charge", cbor.decode(signed.payload), 11)
        platform, uid, way, payer, payee, *rest = parts
        return cls(
            Platform.from_cbor(platform),
            uid,
            way,
            Side.from_cbor("payer", payer),
            Side.from_cbor("payee", payee),
            *rest,
        )
