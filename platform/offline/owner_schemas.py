"""The JSON of holders' phones and owners' services, in and out."""

from datetime import datetime
from typing import Annotated, Literal

from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from billing.ledger.schemas import Password, PaymentPasswordIn
from common.schemas import Account, Currency, Hex8, Input
from offline.models import Authorization, Client
from offline.selectors import code_of

# Wider than the caps of the services; narrower than a flood.
Words = Annotated[str, Field(max_length=4000)]


class OfflinePasswordIn(PaymentPasswordIn):
    """The new offline password."""

    password: Password


class LimitsIn(PaymentPasswordIn):
    """What a phone may pay at most, in minor units of a currency."""

    currency: Currency
    day: StrictInt
    month: StrictInt


class CodesIn(PaymentPasswordIn):
    """What a one-way code may be worth at most; 0 lets there be none."""

    amount: StrictInt
    currency: Currency


class LimitsOut(Schema):
    """What holds now; ``next_…`` is what holds from ``next_from`` on, where it was raised."""

    currency: str
    day: int
    month: int
    next_day: int | None
    next_month: int | None
    next_from: datetime | None


class OwnedClientOut(Schema):
    """A phone that authorizes without a network; ``reason`` says why it is suspended."""

    id: str = Field(validation_alias="public_id")
    device: str = Field(validation_alias="device.public_id")
    name: str = Field(validation_alias="device.name")
    state: str
    reason: str
    has_password: bool
    is_locked: bool
    code_limit: int
    code_currency: str
    created_at: datetime
    synced_at: datetime | None

    @staticmethod
    def resolve_has_password(client: Client) -> bool:
        """Tell whether the offline password is set."""
        return bool(client.sealed_password)

    @staticmethod
    def resolve_is_locked(client: Client) -> bool:
        """Tell whether the offline password was wrong too often."""
        return client.locked_at is not None


class ServiceIn(Input):
    """A service to offer; ``currency`` is for a checkout."""

    title: Words
    kind: Literal["gate", "checkout", "approval"]
    currency: Currency | Literal[""] = ""


class ServiceEditIn(Input):
    """What holds at a service; all of it, each time."""

    title: Words
    is_open: StrictBool
    is_high: StrictBool
    high_from: StrictInt | None
    takes_codes: StrictBool


class ServiceOut(Schema):
    """A service: what offers and applications name, and what holds there."""

    id: str = Field(validation_alias="public_id")
    title: str
    kind: str
    currency: str
    is_open: bool
    is_high: bool
    high_from: int | None
    takes_codes: bool
    created_at: datetime
    suspended_at: datetime | None
    ended_at: datetime | None


class GrantIn(Input):
    """For whom a service is to be there."""

    account: Account


class GrantOut(Schema):
    """For whom a service is there."""

    account: str = Field(validation_alias="holder.account")
    created_at: datetime


class RelayIn(Input):
    """Which of the owner's devices is to stand at a service."""

    device: Hex8


class OwnedRelayOut(Schema):
    """A device that stands at a service."""

    device: str = Field(validation_alias="device.public_id")
    name: str = Field(validation_alias="device.name")
    service: str = Field(validation_alias="service.public_id")
    created_at: datetime
    ended_at: datetime | None


class _Asked(Schema):
    """What was asked for, and what became of it; ``amount`` in minor units, null for a right.

    ``code`` is what the result says: ``approved``, or why not; null without a result.
    """

    id: str = Field(validation_alias="public_id")
    device: str = Field(validation_alias="relay.device.public_id")
    service: str = Field(validation_alias="service.public_id")
    service_title: str = Field(validation_alias="service.title")
    payee: str = Field(validation_alias="service.owner.account")
    way: str
    amount: int | None
    currency: str
    subject: str | None
    state: str
    code: str | None
    payment: str | None
    receipt_id: str | None
    applied_at: datetime
    decided_at: datetime | None

    @staticmethod
    def resolve_subject(authorization: Authorization) -> str | None:
        """Return the id of the step that a token signed."""
        return bytes(authorization.subject).hex() if authorization.subject else None

    @staticmethod
    def resolve_code(authorization: Authorization) -> str | None:
        """Return the code of the result."""
        return code_of(authorization) or None

    @staticmethod
    def resolve_payment(authorization: Authorization) -> str | None:
        """Return the id of the payment, by which its payee pays it back."""
        return bytes(authorization.payment).hex() if authorization.payment else None

    @staticmethod
    def resolve_receipt_id(authorization: Authorization) -> str | None:
        """Return the id of the receipt, as the result has it."""
        return bytes(authorization.receipt_id).hex() if authorization.receipt_id else None


class AuthorizationOut(_Asked):
    """What one of the holder's phones asked for."""

    client: str = Field(validation_alias="client.public_id")


class TakingOut(_Asked):
    """What was asked for at a service; who asked is told to its owner once it is approved."""

    payer: str | None

    @staticmethod
    def resolve_payer(authorization: Authorization) -> str | None:
        """Return the account of who was served."""
        if authorization.state != Authorization.State.APPROVED:
            return None
        return authorization.client.device.holder.account
