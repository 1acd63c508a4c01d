"""What a client without a network and the platform sign for each other, through a relay.

docs/protocol.md section 21; :mod:`protocol.near_field` carries it to the relay and back.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, ClassVar, Self

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import cbor, cose, hpke
from protocol.charge import Side
from protocol.cose import Typ
from protocol.currency import EXPONENTS
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    MAX_TIME,
    VERSION,
    check_bytes,
    check_enum,
    check_list,
    check_uint,
    versioned,
)
from protocol.text import check_ascii, check_text

CLIENT_BYTES = 4
SERIAL_BYTES = 16
NONCE_BYTES = 16
SALT_BYTES = 16
MAX_COUNTER = 2**32 - 1
MAX_TITLE = 60
MAX_CODE = 32
# Of a token, in the field ``response`` of a countersign.
MAX_RESPONSE = 64
APPROVED = "approved"
# RFC 9106 with the memory and time of OWASP's password storage cheat sheet.
_ARGON2_MEMORY_KIB, _ARGON2_TIME, _ARGON2_LANES = 19_456, 2, 1
_SEALED = b"countersign/offline/1"


class Level(IntEnum):
    """What is asked of a client: its signature, or proof of the offline password as well."""

    ORDINARY = 1
    HIGH = 2


class Outcome(IntEnum):
    """What became of an authorization."""

    APPROVED = 1
    REJECTED = 2


@dataclass(frozen=True, slots=True)
class Serial:
    """The number of one application: ``client (4) ‖ counter (4) ‖ random (8)``."""

    client: bytes
    counter: int
    random: bytes

    def __post_init__(self) -> None:
        check_bytes("client", self.client, CLIENT_BYTES)
        check_uint("counter", self.counter, low=1, high=MAX_COUNTER)
        check_bytes("random", self.random, 8)

    @classmethod
    def draw(cls, client: bytes, counter: int) -> Self:
        """Return a fresh one, for a counter that was persisted before."""
        return cls(client, counter, secrets.token_bytes(8))

    def __bytes__(self) -> bytes:
        return self.client + self.counter.to_bytes(4) + self.random

    @classmethod
    def from_bytes(cls, value: object) -> Self:
        """Read the 16 bytes; errors as the constructor."""
        check_bytes("serial", value, SERIAL_BYTES)
        whole = bytes(value)  # type: ignore[call-overload]  # checked above
        return cls(whole[:4], int.from_bytes(whole[4:8]), whole[8:])


@dataclass(frozen=True, slots=True)
class Money:
    """An amount above zero, in minor units, with its ISO 4217 code: ``[amount, currency]``."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        check_uint("amount", self.amount, low=1)
        if type(self.currency) is not str or self.currency not in EXPONENTS:
            raise ProtocolError("currency_unknown", "currency is not in ISO 4217", "currency")


class _Signed:
    """A signed array: the version, then the fields in their order."""

    TYP: ClassVar[Typ]
    NAME: ClassVar[str]

    def sign(self, key: SigningKey) -> bytes:
        """Return the message as COSE_Sign1."""
        parts = [to_cbor(getattr(self, field.name)) for field in fields(self)]  # type: ignore[arg-type]
        return cose.sign(key, self.TYP, cbor.encode([VERSION, *parts]))

    @classmethod
    def from_signed(cls, signed: cose.Sign1) -> Self:
        """Read a parsed message, strictly; its signature is not checked here.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        cose.require_typ(signed, cls.TYP)
        count = len(fields(cls))  # type: ignore[arg-type]
        return cls(*versioned(cls.NAME, cbor.decode(signed.payload), count + 1))

    @classmethod
    def open(cls, message: bytes, *, key: bytes) -> Self:
        """Read a message that this key signed.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        cose.open_signed(message, typ=cls.TYP, key=key)
        return cls.from_signed(cose.parse(message))


@dataclass(frozen=True, slots=True)
class Application(_Signed):
    """What a client asks for, typ cs-offline-application, by the client's key.

    Attributes:
        serial: Of this application alone.
        service: Id of the service, 8 bytes.
        money: What is to be paid, or ``None`` for a right.
        level: The least that the client wants.
        time: When it was made, Unix seconds by the client's clock.
        subject: Id of the step to be signed by a token, 8 bytes, or ``None``.
    """

    serial: Serial
    service: bytes
    money: Money | None
    level: Level
    time: int
    subject: bytes | None = None
    TYP: ClassVar[Typ] = Typ.OFFLINE_APPLICATION
    NAME: ClassVar[str] = "application"

    def __post_init__(self) -> None:
        _read_common(self)
        check_uint("time", self.time, high=MAX_TIME)


@dataclass(frozen=True, slots=True)
class ToBeSigned(_Signed):
    """What the platform asks a client to sign, typ cs-offline-tbs, by an offline key.

    Attributes:
        serial, service, money, time, subject: As in the application.
        level: What is due, at least what the application wanted.
        device: Id of the relay, 8 bytes.
        title: Of the service.
        payee: Whose service it is.
        nonce: 16 random bytes.
        issued, expires: Unix seconds; from ``expires`` on it is worth nothing.
    """

    serial: Serial
    service: bytes
    money: Money | None
    level: Level
    time: int
    subject: bytes | None
    device: bytes
    title: str
    payee: Side
    nonce: bytes
    issued: int
    expires: int
    TYP: ClassVar[Typ] = Typ.OFFLINE_TBS
    NAME: ClassVar[str] = "tbs"

    def __post_init__(self) -> None:
        _read_common(self)
        check_uint("time", self.time, high=MAX_TIME)
        check_bytes("device", self.device, ID_BYTES)
        check_text("title", self.title, MAX_TITLE)
        _read(self, "payee", lambda value: Side.from_cbor("payee", value), Side)
        check_bytes("nonce", self.nonce, NONCE_BYTES)
        check_uint("issued", self.issued, high=MAX_TIME)
        check_uint("expires", self.expires, low=self.issued + 1, high=MAX_TIME)

    def answers(self, application: Application) -> bool:
        """Whether it says what was asked for; the level may be higher, never lower."""
        return (
            self.serial,
            self.service,
            self.money,
            self.time,
            self.subject,
        ) == (
            application.serial,
            application.service,
            application.money,
            application.time,
            application.subject,
        ) and self.level >= application.level


@dataclass(frozen=True, slots=True)
class Countersign(_Signed):
    """A client's word for a tbs, typ cs-offline-countersign, by the client's key.

    Attributes:
        digest: SHA-256 of the tbs as it was signed, 32 bytes.
        response: Of the holder's token to the subject's statement, or ``None``.
    """

    digest: bytes
    response: str | None = None
    TYP: ClassVar[Typ] = Typ.OFFLINE_COUNTERSIGN
    NAME: ClassVar[str] = "countersign"

    def __post_init__(self) -> None:
        check_bytes("digest", self.digest, DIGEST_BYTES)
        if self.response is not None:
            check_ascii("response", self.response, MAX_RESPONSE)


@dataclass(frozen=True, slots=True)
class Result(_Signed):
    """What the platform decided, typ cs-offline-result, by an offline key.

    Attributes:
        serial: Of the application, or of the one-way code.
        device: Id of the relay, 8 bytes.
        service: Id of the service, 8 bytes.
        outcome: Approved or rejected.
        code: ``approved``, or why not: a stable code.
        money: What was paid, or ``None``.
        decided: Unix seconds.
        receipt: Id of the receipt, 8 bytes, or ``None``.
    """

    serial: Serial
    device: bytes
    service: bytes
    outcome: Outcome
    code: str
    money: Money | None
    decided: int
    receipt: bytes | None = None
    TYP: ClassVar[Typ] = Typ.OFFLINE_RESULT
    NAME: ClassVar[str] = "result"

    def __post_init__(self) -> None:
        _read(self, "serial", Serial.from_bytes, Serial)
        check_bytes("device", self.device, ID_BYTES)
        check_bytes("service", self.service, ID_BYTES)
        _read(self, "outcome", lambda value: check_enum("outcome", value, Outcome), Outcome)
        check_ascii("code", self.code, MAX_CODE)
        _read(self, "money", read_money, Money)
        check_uint("decided", self.decided, high=MAX_TIME)
        if self.receipt is not None:
            check_bytes("receipt", self.receipt, ID_BYTES)
        if (self.outcome is Outcome.APPROVED) != (self.code == APPROVED):
            raise ProtocolError("value_out_of_range", "outcome and code differ", "code")

    @property
    def is_approved(self) -> bool:
        """Whether the application was approved."""
        return self.outcome is Outcome.APPROVED


@dataclass(frozen=True, slots=True)
class OneWayCode(_Signed):
    """What a client shows without hearing anything, typ cs-offline-code, by the client's key.

    Attributes:
        serial: Of this code alone; it works once.
        most: What may be taken at most.
        time: When it was made, Unix seconds by the client's clock.
    """

    serial: Serial
    most: Money
    time: int
    TYP: ClassVar[Typ] = Typ.OFFLINE_CODE
    NAME: ClassVar[str] = "code"

    def __post_init__(self) -> None:
        _read(self, "serial", Serial.from_bytes, Serial)
        _read(self, "most", read_money, Money)
        if not isinstance(self.most, Money):
            raise ProtocolError("type_wrong", "most must be an amount", "most")
        check_uint("time", self.time, high=MAX_TIME)


def digest_of(tbs: bytes) -> bytes:
    """Return what a countersign and a password proof are over: SHA-256 of the signed tbs."""
    return hashlib.sha256(tbs).digest()


def password_key(password: str, salt: bytes) -> bytes:
    """Return what both sides make of the offline password: Argon2id, 32 bytes (RFC 9106).

    Whoever has it can prove the password: the platform keeps it sealed, the client not at all.
    """
    return hash_secret_raw(
        password.encode(),
        salt,
        time_cost=_ARGON2_TIME,
        memory_cost=_ARGON2_MEMORY_KIB,
        parallelism=_ARGON2_LANES,
        hash_len=32,
        type=Type.ID,
    )


def password_proof(key: bytes, tbs: bytes) -> bytes:
    """Return HMAC-SHA-256 over the digest of a tbs, by the key of the offline password."""
    return hmac.digest(key, digest_of(tbs), "sha256")


def seal(serial: Serial, countersign: bytes, proof: bytes | None, box_key: bytes) -> bytes:
    """Seal a countersign and a password proof, so that no relay can guess at the password.

    Args:
        serial: Of the application; it opens for no other.
        countersign: As the client signed it.
        proof: Of the password, or ``None`` when it is sealed for its response alone.
        box_key: The platform's X25519 key for this client.
    """
    content = cbor.encode([VERSION, countersign, proof])
    return hpke.seal(content, box_key, _SEALED + bytes(serial))


def unseal(serial: Serial, sealed: bytes, key: X25519PrivateKey) -> tuple[bytes, bytes | None]:
    """Return the countersign and the password proof.

    Raises:
        ProtocolError: it does not open, or holds something else.
    """
    content = hpke.unseal(sealed, key, _SEALED + bytes(serial))
    countersign, proof = versioned("sealed", cbor.decode(content), 3)
    if type(countersign) is not bytes:
        raise ProtocolError("type_wrong", "countersign must be bytes", "countersign")
    if proof is not None:
        check_bytes("proof", proof, DIGEST_BYTES)
    return countersign, proof


def to_cbor(value: Any) -> Any:
    """Return a field of a message as it stands in the message's array."""
    if isinstance(value, Serial):
        return bytes(value)
    if isinstance(value, Money):
        return [value.amount, value.currency]
    if isinstance(value, Side):
        return value.to_cbor()
    return int(value) if isinstance(value, IntEnum) else value


def read_money(value: object) -> Money | None:
    """Read an amount out of a message's array, or null; errors as the constructor's."""
    return None if value is None else Money(*check_list("money", value, 2))


def _read(message: Any, name: str, reader: Any, kind: type) -> None:
    """Replace a field that came off the wire by what it stands for."""
    value = getattr(message, name)
    if not isinstance(value, kind) or isinstance(value, bool):
        object.__setattr__(message, name, reader(value))


def _read_common(message: Any) -> None:
    """Check what an application and a tbs share."""
    _read(message, "serial", Serial.from_bytes, Serial)
    check_bytes("service", message.service, ID_BYTES)
    _read(message, "money", read_money, Money)
    _read(message, "level", lambda value: check_enum("level", value, Level), Level)
    if message.subject is not None:
        check_bytes("subject", message.subject, ID_BYTES)
