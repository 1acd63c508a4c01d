"""The JSON of clients and relays, in and out; bytes are base64url without padding, ids hex."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from ninja import Schema
from pydantic import Field, StrictInt, field_validator

from billing.ledger.schemas import PaymentPasswordIn
from binding.device_schemas import PlatformOut
from common.errors import InputInvalidError
from common.schemas import Hex16, Hex32, Input
from offline.models import Authorization, Client, Relay
from offline.owner_schemas import LimitsOut
from offline.services.apply import Applied
from offline.services.reconcile import Reconciled
from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64
from protocol.keys import Purpose
from protocol.offline import MAX_COUNTER, Money, Serial
from signing.selectors import root_key
from signing.services import platform_information, signing_key

if TYPE_CHECKING:
    from billing.ledger.selectors_caps import Caps

# Base64url; far more than any of these messages has.
_Message = Annotated[str, Field(min_length=1, max_length=2048)]
# A client that lists more was off-line for years.
_MOST_ENTRIES = 2000


def _bytes(text: str) -> bytes:
    try:
        return from_base64(text)
    except ProtocolError as error:
        raise InputInvalidError(error) from error


def _read_serial(text: str) -> Serial:
    try:
        return Serial.from_bytes(bytes.fromhex(text))
    except ProtocolError as error:
        raise ValueError(error.detail) from error


class RegisterIn(PaymentPasswordIn):
    """The holder's word that a device may authorize without a network."""

    permit: Annotated[str, Field(max_length=64)] | None = None


class EntryIn(Input):
    """One entry of a client's journal: what it signed, SHA-256 of it, or null if nothing."""

    serial: Hex16
    digest: Hex32 | None = None

    @field_validator("serial")
    @classmethod
    def _is_serial(cls, text: str) -> str:
        _read_serial(text)
        return text


class JournalIn(Input):
    """What a client was not told the end of, and the highest counter that it ever drew."""

    counter: Annotated[StrictInt, Field(ge=0, le=MAX_COUNTER)]
    entries: Annotated[list[EntryIn], Field(max_length=_MOST_ENTRIES)]

    def pairs(self) -> list[tuple[Serial, bytes | None]]:
        """Return serials and digests."""
        return [
            (_read_serial(entry.serial), bytes.fromhex(entry.digest) if entry.digest else None)
            for entry in self.entries
        ]


class ApplyIn(Input):
    """An application, as the client signed it."""

    application: _Message

    def content(self) -> bytes:
        """Return the message.

        Raises:
            InputInvalidError: it is no base64url.
        """
        return _bytes(self.application)


class CountersignIn(Input):
    """A countersign, or what it is sealed in; just one of the two."""

    serial: Hex16
    countersign: _Message | None = None
    sealed: _Message | None = None

    def content(self) -> tuple[bytes, bool]:
        """Return the message, and whether it is sealed.

        Raises:
            InputInvalidError: it is no base64url, or there is none, or there are both.
        """
        if (self.countersign is None) == (self.sealed is None):
            raise InputInvalidError(
                ProtocolError("field_missing", "countersign or sealed is due", "countersign")
            )
        return _bytes(self.countersign or self.sealed or ""), self.sealed is not None


class CodeIn(Input):
    """A one-way code, as the client signed it, and what is taken by it."""

    code: _Message
    amount: StrictInt
    currency: Annotated[str, Field(max_length=3)]

    def content(self) -> tuple[bytes, Money]:
        """Return the code and the money.

        Raises:
            InputInvalidError: it is no base64url, or that is no amount.
        """
        try:
            return from_base64(self.code), Money(self.amount, self.currency)
        except ProtocolError as error:
            raise InputInvalidError(error) from error


class PinnedOut(Schema):
    """Whom to believe: the platform, its root, and what this certified."""

    root: str
    platform: PlatformOut
    certificates: dict[str, str]


def _pinned(now: datetime) -> dict[str, Any]:
    platform = platform_information()
    return {
        "root": to_base64(root_key()),
        "platform": PlatformOut(id=platform.id, name=platform.name, origin=platform.origin),
        "certificates": {
            str(purpose): to_base64(signing_key(purpose, now=now).certificate)
            for purpose in (Purpose.OFFLINE, Purpose.RECEIPT)
        },
    }


class ClientOut(PinnedOut):
    """What a client has to know to authorize without a network."""

    client: str
    state: str
    is_locked: bool
    counter: int
    salt: str
    box_key: str
    has_password: bool
    limits: list[LimitsOut]
    code_limit: int
    code_currency: str

    @classmethod
    def of(cls, client: Client, limits: "list[Caps]", now: datetime) -> "ClientOut":
        """Write a client."""
        return cls(
            client=client.public_id,
            state=client.state,
            is_locked=client.locked_at is not None,
            counter=client.counter,
            salt=to_base64(bytes(client.salt)),
            box_key=to_base64(bytes(client.box_key)),
            has_password=bool(client.sealed_password),
            limits=[LimitsOut.from_orm(caps) for caps in limits],
            code_limit=client.code_limit,
            code_currency=client.code_currency,
            **_pinned(now),
        )


class OutcomeOut(Schema):
    """What became of an entry; ``receipt`` is the id of the receipt."""

    serial: str
    state: str
    code: str
    receipt: str | None

    @classmethod
    def of(cls, found: Reconciled) -> "OutcomeOut":
        """Write an outcome."""
        return cls(
            serial=found.serial.hex(),
            state=found.state,
            code=found.code,
            receipt=None if found.receipt is None else found.receipt.hex(),
        )


class JournalOut(Schema):
    """What became of all entries, and how the client stands now."""

    state: str
    entries: list[OutcomeOut]


class RelayOut(PinnedOut):
    """What a relay offers, and whom it believes."""

    device: str
    service: str
    title: str
    kind: str
    currency: str
    takes_codes: bool

    @classmethod
    def of(cls, relay: Relay, now: datetime) -> "RelayOut":
        """Write a relay."""
        service = relay.service
        return cls(
            device=relay.device.public_id,
            service=service.public_id,
            title=service.title,
            kind=service.kind,
            currency=service.currency,
            takes_codes=service.takes_codes,
            **_pinned(now),
        )


class AppliedOut(Schema):
    """What the client has to sign; ``bundle`` is for its holder's token."""

    tbs: str
    bundle: str | None
    expires_at: datetime

    @classmethod
    def of(cls, applied: Applied) -> "AppliedOut":
        """Write what is to be signed."""
        return cls(
            tbs=to_base64(applied.tbs),
            bundle=None if applied.bundle is None else to_base64(applied.bundle),
            expires_at=applied.authorization.expires_at,
        )


class DecidedOut(Schema):
    """What was approved: the signed result, and the receipt."""

    result: str
    outcome: str
    receipt: str | None

    @classmethod
    def of(cls, found: Authorization) -> "DecidedOut":
        """Write what was approved."""
        return cls(
            result=to_base64(bytes(found.result or b"")),
            outcome=found.state,
            receipt=None if found.receipt is None else to_base64(bytes(found.receipt)),
        )
