"""What a security chip signs, the permit the platform gives for it, and words between two chips.

docs/protocol.md section 16.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import cbor, cose, hpke
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.fields import (
    DIGEST_BYTES,
    MAX_TIME,
    VERSION,
    check_bytes,
    check_uint,
    check_word,
    versioned,
)
from protocol.text import check_text

NONCE_BYTES = 16
PERMIT_BYTES = 16
MAX_TEXT_BYTES = 2000
# ITU-T E.164: at most fifteen digits.
NUMBER = r"\+[1-9][0-9]{6,14}"
# ITU-T E.118 (ICCID, up to twenty digits) or 3GPP TS 23.003 (IMSI, up to fifteen).
SIM = r"[0-9]{14,20}"
_DOMAIN = b"countersign/message/1"
# What HPKE adds: the encapsulated share and the tag (RFC 9180 section 7).
_OVERHEAD_BYTES = 32 + 16


class Purpose(StrEnum):
    """What a chip proof, and then a permit, is for, and nothing else."""

    REGISTER = "register"
    BILLING = "billing"
    STEP = "step"
    COUNTERSIGN = "countersign"
    OFFLINE = "offline"
    MESSAGE = "message"


# Uses for which a policy may demand a permit; to register is how to get one, and a message between
# two phones always needs one.
PERMITTED = (Purpose.BILLING, Purpose.STEP, Purpose.COUNTERSIGN, Purpose.OFFLINE)


@dataclass(frozen=True, slots=True, repr=False)
class ChipProof:
    """A chip's word for what it sees in the phone now, typ cs-chip-proof.

    ``[1, nonce, purpose, sim, number, device, counter]``.  It has no repr that shows anything.

    Attributes:
        nonce: The server's challenge, 16 bytes.
        purpose: What is to be done with it.
        sim: ICCID or IMSI of the SIM in the phone, digits.
        number: Its number, E.164.
        device: Thumbprint of the device's key, 32 bytes.
        counter: Rises with every signature of this chip.
    """

    nonce: bytes
    purpose: Purpose
    sim: str
    number: str
    device: bytes
    counter: int

    def __post_init__(self) -> None:
        check_bytes("nonce", self.nonce, NONCE_BYTES)
        object.__setattr__(self, "purpose", check_word("purpose", self.purpose, Purpose))
        check_sim("sim", self.sim)
        check_number("number", self.number)
        check_bytes("device", self.device, DIGEST_BYTES)
        check_uint("counter", self.counter, low=1)

    def sign(self, chip: SigningKey) -> bytes:
        """Return the proof as COSE_Sign1."""
        fields = [self.nonce, str(self.purpose), self.sim, self.number, self.device, self.counter]
        return cose.sign(chip, Typ.CHIP_PROOF, cbor.encode([VERSION, *fields]))

    @classmethod
    def open(cls, message: bytes, *, key: bytes) -> Self:
        """Read a proof that this chip signed.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        payload = cose.open_signed(message, typ=Typ.CHIP_PROOF, key=key)
        return cls(*versioned("chip proof", cbor.decode(payload), 7))


@dataclass(frozen=True, slots=True, repr=False)
class Permit:
    """Leave for one use: ``[1, permit, device, purpose, issued, expires]``, typ cs-permit.

    Attributes:
        permit: What is shown when it is used, 16 bytes.
        device: Thumbprint of the device's key, 32 bytes.
        purpose: What it permits.
        issued: Unix seconds.
        expires: Unix seconds; from then on it permits nothing.
    """

    permit: bytes
    device: bytes
    purpose: Purpose
    issued: int
    expires: int

    def __post_init__(self) -> None:
        check_bytes("permit", self.permit, PERMIT_BYTES)
        check_bytes("device", self.device, DIGEST_BYTES)
        object.__setattr__(self, "purpose", check_word("purpose", self.purpose, Purpose))
        check_uint("issued", self.issued, high=MAX_TIME)
        check_uint("expires", self.expires, low=self.issued + 1, high=MAX_TIME)

    def sign(self, key: SigningKey) -> bytes:
        """Return the permit as COSE_Sign1; the key's certificate has the purpose ``permit``."""
        fields = [self.permit, self.device, str(self.purpose), self.issued, self.expires]
        return cose.sign(key, Typ.PERMIT, cbor.encode([VERSION, *fields]))

    @classmethod
    def open(cls, message: bytes, *, key: bytes) -> Self:
        """Read a permit that this key signed; whether it is still good is the reader's to ask.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        payload = cose.open_signed(message, typ=Typ.PERMIT, key=key)
        return cls(*versioned("permit", cbor.decode(payload), 6))


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """Words of one chip to another: ``[1, sender, recipient, counter, sealed]``, typ cs-message.

    Attributes:
        sender: Number of the phone it comes from, E.164.
        recipient: Number of the phone it goes to, E.164.
        counter: Of the sending chip, as in :class:`ChipProof`.
        sealed: The text, for the recipient's chip alone.
    """

    sender: str
    recipient: str
    counter: int
    sealed: bytes

    def __post_init__(self) -> None:
        check_number("sender", self.sender)
        check_number("recipient", self.recipient)
        check_uint("counter", self.counter, low=1)
        size = len(self.sealed) if type(self.sealed) is bytes else 0
        if not _OVERHEAD_BYTES < size <= _OVERHEAD_BYTES + MAX_TEXT_BYTES:
            raise ProtocolError("value_out_of_range", "the sealed text has a wrong size", "sealed")

    @classmethod
    def seal(cls, text: str, *, sender: str, recipient: str, counter: int, box_key: bytes) -> Self:
        """Return a message with this text in it.

        Args:
            text: 1 to 2000 bytes of UTF-8, as :func:`protocol.text.check_text` has it.
            sender: E.164.
            recipient: E.164.
            counter: The next of the sending chip.
            box_key: X25519 key of the recipient's chip, 32 bytes.

        Raises:
            ProtocolError: as :func:`check_text`, or ``key_invalid``.
        """
        check_text("text", text, MAX_TEXT_BYTES)
        sealed = hpke.seal(text.encode(), box_key, _context(sender, recipient, counter))
        return cls(sender, recipient, counter, sealed)

    def read(self, key: X25519PrivateKey) -> str:
        """Return the text, with the secret key of the recipient's chip.

        Raises:
            ProtocolError: ``sealed_invalid``: for another chip, or other numbers; or as
                :func:`check_text`.
        """
        content = hpke.unseal(
            self.sealed, key, _context(self.sender, self.recipient, self.counter)
        )
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise ProtocolError("text_refused", "the text is not valid Unicode") from error
        check_text("text", text, MAX_TEXT_BYTES)
        return text

    def sign(self, chip: SigningKey) -> bytes:
        """Return the message as COSE_Sign1."""
        fields = [self.sender, self.recipient, self.counter, self.sealed]
        return cose.sign(chip, Typ.MESSAGE, cbor.encode([VERSION, *fields]))

    @classmethod
    def open(cls, message: bytes, *, key: bytes) -> Self:
        """Read a message that this chip signed.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        payload = cose.open_signed(message, typ=Typ.MESSAGE, key=key)
        return cls(*versioned("message", cbor.decode(payload), 5))


def check_number(field: str, value: object) -> None:
    """Refuse anything but a number in the form of E.164.

    Raises:
        ProtocolError: ``type_wrong`` or ``value_out_of_range``.
    """
    _check_pattern(field, value, NUMBER)


def check_sim(field: str, value: object) -> None:
    """Refuse anything but the digits of an ICCID or IMSI.

    Raises:
        ProtocolError: ``type_wrong`` or ``value_out_of_range``.
    """
    _check_pattern(field, value, SIM)


def _check_pattern(field: str, value: object, pattern: str) -> None:
    if type(value) is not str:
        raise ProtocolError("type_wrong", f"{field} must be text", field)
    if not re.fullmatch(pattern, value):
        raise ProtocolError("value_out_of_range", f"{field} has a wrong form", field)


def _context(sender: str, recipient: str, counter: int) -> bytes:
    # What was sealed for one message never opens in another.
    return _DOMAIN + b"\x00" + cbor.encode([sender, recipient, counter])
