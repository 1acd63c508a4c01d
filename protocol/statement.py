"""The statement: what one party is asked to approve (docs/protocol.md section 3)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from protocol import cbor
from protocol.currency import EXPONENTS
from protocol.digests import statement_digest
from protocol.errors import ProtocolError
from protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    MAX_TIME,
    NONCE_BYTES,
    VERSION,
    check_bytes,
    check_enum,
    check_list,
    check_map,
    check_uint,
    versioned,
)
from protocol.text import check_ascii, check_origin, check_text

MIN_TTL_SECONDS = 30
DEFAULT_TTL_SECONDS = 180
MAX_TTL_SECONDS = 600
# Seconds by which two honest clocks may differ.
CLOCK_LEEWAY_SECONDS = 60
MAX_DUE_DAYS = 3650
# Bytes that the words of a step may have.
CAPS = {
    "account": 34,
    "name": 40,
    "remark": 120,
    "payee_account": 34,
    "payee_name": 70,
    "text": 120,
    "reference": 35,
}
# What others have to type or compare is written in letters that every keyboard has.
_PLAIN = {"account", "payee_account"}


class Kind(IntEnum):
    """What a statement is about; each kind has its own words on the token's display."""

    PAYMENT = 1
    TRANSFER = 2
    ORDER = 3
    APPROVAL = 4
    OTHER = 5
    ACTIVATION = 6
    LOGIN = 7
    UNLOCK = 8
    TEST = 9
    BILLING = 10
    OFFLINE = 11

    @property
    def is_business(self) -> bool:
        """Whether a step of this kind may be a step of a chain."""
        return self <= Kind.OTHER

    @property
    def needs(self) -> tuple[str, ...]:
        """Which fields of a demand of this kind may not be left out."""
        return ("amount", "payee_account") if self in (Kind.PAYMENT, Kind.TRANSFER) else ()


class Sight(IntEnum):
    """What the holder saw on the token itself."""

    NONE = 0
    TYPED = 1
    SHOWN = 2

    @property
    def words(self) -> str:
        """What every scanner prints beside a step."""
        return (
            "the token has no display",
            "digits were typed; the token showed no text",
            "the token showed the statement",
        )[self]


@dataclass(frozen=True, slots=True)
class Platform:
    """Platform information: ``[id, name, origin]``."""

    id: str
    name: str
    origin: str

    def __post_init__(self) -> None:
        check_ascii("platform id", self.id, 16)
        check_text("platform name", self.name, 40)
        check_origin("platform origin", self.origin)

    def to_cbor(self) -> list[Any]:
        """Return the array that stands in messages."""
        return [self.id, self.name, self.origin]

    @classmethod
    def from_cbor(cls, value: object) -> Self:
        """Read the array; errors as the constructor and :func:`check_list`."""
        return cls(*check_list("platform", value, 3))


@dataclass(frozen=True, slots=True)
class Party:
    """User information: public account number, remark on the demand, and an optional name."""

    account: str
    remark: str
    name: str | None = None

    def __post_init__(self) -> None:
        check_words("account", self.account)
        check_words("remark", self.remark)
        if self.name is not None:
            check_words("name", self.name)

    def to_cbor(self) -> dict[int, Any]:
        """Return the map ``{1: account, ? 2: name, 3: remark}``."""
        return _present({1: self.account, 2: self.name, 3: self.remark})

    @classmethod
    def from_cbor(cls, value: object) -> Self:
        """Read the map; errors as the constructor and :func:`check_map`."""
        fields = check_map("party", value, 3, required=(1, 3))
        return cls(account=fields[1], name=fields.get(2), remark=fields[3])


@dataclass(frozen=True, slots=True)
class Demand:
    """Demand information.

    Attributes:
        kind: What is asked.
        amount: Minor units, above zero; with ``currency`` or neither.
        currency: ISO 4217 code.
        payee_account: In full, since the payer must check it.
        payee_name: Who is paid.
        text: Free words.
        reference: Order or invoice number.
        due_days: Days after the day of issue (UTC) by which the demand falls due.
    """

    kind: Kind
    amount: int | None = None
    currency: str | None = None
    payee_account: str | None = None
    payee_name: str | None = None
    text: str | None = None
    reference: str | None = None
    due_days: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", check_enum("kind", self.kind, Kind))
        self._check_money()
        for field in ("payee_account", "payee_name", "text", "reference"):
            if getattr(self, field) is not None:
                check_words(field, getattr(self, field))
        if self.due_days is not None:
            check_uint("due_days", self.due_days, high=MAX_DUE_DAYS)

    def _check_money(self) -> None:
        if (self.amount is None) != (self.currency is None):
            field = "amount" if self.amount is None else "currency"
            raise ProtocolError("field_missing", "amount and currency go together", field)
        if self.amount is not None:
            check_uint("amount", self.amount, low=1)
            if not isinstance(self.currency, str) or self.currency not in EXPONENTS:
                raise ProtocolError("currency_unknown", "currency is not in ISO 4217", "currency")
        for field in self.kind.needs:
            if getattr(self, field) is None:
                raise ProtocolError(
                    "field_missing", f"a {self.kind.name.lower()} needs {field}", field
                )

    def to_cbor(self) -> dict[int, Any]:
        """Return the map with keys 1 to 8 in the order of the attributes."""
        return _present(
            {
                1: int(self.kind),
                2: self.amount,
                3: self.currency,
                4: self.payee_account,
                5: self.payee_name,
                6: self.text,
                7: self.reference,
                8: self.due_days,
            }
        )

    @classmethod
    def from_cbor(cls, value: object) -> Self:
        """Read the map; errors as the constructor and :func:`check_map`."""
        fields = check_map("demand", value, 8, required=(1,))
        return cls(*(fields.get(key) for key in range(1, 9)))  # type: ignore[arg-type]  # 1 is there


@dataclass(frozen=True, slots=True)
class Statement:
    """One step's statement.

    Attributes:
        platform: Who asks.
        tx: Transaction id, 8 bytes.
        pos: Position in the chain, from 0.
        prev: L of the step before, 32 bytes; ``None`` exactly at position 0.
        party: The signer's own information.
        demand: The signer's own demand.
        serial: Serial of the token addressed.
        vk: Id of its paired server, 8 bytes.
        sight: What the holder will have seen.
        nonce: 12 random bytes, drawn once after the content was frozen.
        issued: Unix seconds, by the platform's clock.
        ttl: Life of the challenge in seconds, 30 to 600.
    """

    platform: Platform
    tx: bytes
    pos: int
    prev: bytes | None
    party: Party
    demand: Demand
    serial: str
    vk: bytes
    sight: Sight
    nonce: bytes
    issued: int
    ttl: int = DEFAULT_TTL_SECONDS

    def __post_init__(self) -> None:
        check_bytes("tx", self.tx, ID_BYTES)
        check_uint("pos", self.pos)
        if (self.prev is None) != (self.pos == 0):
            raise ProtocolError("chain_broken", "prev is null exactly at position 0", "prev")
        if self.prev is not None:
            check_bytes("prev", self.prev, DIGEST_BYTES)
        check_bytes("vk", self.vk, ID_BYTES)
        object.__setattr__(self, "sight", check_enum("sight", self.sight, Sight))
        check_asked(serial=self.serial, nonce=self.nonce, issued=self.issued, ttl=self.ttl)

    def payload(self) -> bytes:
        """Return the bytes the platform signs and S is taken of."""
        return cbor.encode(
            [
                VERSION,
                self.platform.to_cbor(),
                self.tx,
                self.pos,
                self.prev,
                self.party.to_cbor(),
                self.demand.to_cbor(),
                self.serial,
                self.vk,
                int(self.sight),
                self.nonce,
                self.issued,
                self.ttl,
            ]
        )

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Read a statement's payload, strictly.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        platform, tx, pos, prev, party, demand, *asked = versioned(
            "statement", cbor.decode(payload), 13
        )
        return cls(
            Platform.from_cbor(platform),
            tx,
            pos,
            prev,
            Party.from_cbor(party),
            Demand.from_cbor(demand),
            *asked,
        )

    @property
    def digest(self) -> bytes:
        """S, 32 bytes."""
        return statement_digest(self.payload())

    @property
    def expires(self) -> int:
        """The last second, Unix time, at which a response may be judged."""
        return self.issued + self.ttl


def check_words(field: str, value: object) -> None:
    """Check one of the texts in a step by its name; errors as :func:`protocol.text.check_text`."""
    check = check_ascii if field in _PLAIN else check_text
    check(field, value, CAPS[field])


def check_asked(*, serial: object, nonce: object, issued: object, ttl: object) -> None:
    """Check what statement, step and context share besides party, demand and sight.

    Raises:
        ProtocolError: whatever rule one of them breaks.
    """
    check_ascii("serial", serial, 16)
    check_bytes("nonce", nonce, NONCE_BYTES)
    check_uint("issued", issued, high=MAX_TIME)
    check_uint("ttl", ttl, low=MIN_TTL_SECONDS, high=MAX_TTL_SECONDS)


def _present(fields: dict[int, Any]) -> dict[int, Any]:
    return {key: value for key, value in fields.items() if value is not None}
