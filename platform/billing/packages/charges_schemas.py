"""The JSON of charges, limits and disputes."""

from datetime import datetime
from typing import Annotated, Literal

from ninja import Field, Schema
from pydantic import StrictInt

from billing.packages.models import BillingRequest
from billing.packages.selectors_charges import dispute_of
from common.schemas import Input

# Wider than the cap of the service, which answers with the count; narrower than a flood.
Words = Annotated[str, Field(max_length=4000)]


class DisputeIn(Input):
    """What is wrong with a charge."""

    words: Words


class AnswerIn(Input):
    """Whether the money goes back; a refusal says why not."""

    answer: Literal["refund", "reject"]
    words: Words = ""


class CapsIn(Input):
    """What applications may charge at most, in minor units of a currency."""

    currency: Annotated[str, Field(max_length=3)]
    day: StrictInt
    month: StrictInt


class CapsOut(Schema):
    """What holds now; ``next_…`` is what holds from ``next_from`` on, where it was raised."""

    currency: str
    day: int
    month: int
    next_day: int | None
    next_month: int | None
    next_from: datetime | None


class DisputeOut(Schema):
    """What the payer says against a charge, and what came of it."""

    state: str
    words: str
    answer: str
    opened_at: datetime
    ended_at: datetime | None


class ChargeOut(Schema):
    """What an application asked for, and what became of it; ``amount`` in minor units.

    ``receipt_id`` is null until it is charged.
    """

    id: str = Field(validation_alias="public_id")
    application: str = Field(validation_alias="item.build.package.public_id")
    application_title: str = Field(validation_alias="item.build.package.title")
    build: int = Field(validation_alias="item.build.number")
    item: int = Field(validation_alias="item.number")
    item_title: str = Field(validation_alias="item.title")
    payer: str = Field(validation_alias="payer.account")
    payee: str = Field(validation_alias="item.build.package.developer.account")
    payee_name: str = Field(validation_alias="item.build.package.developer.name")
    amount: int
    currency: str
    state: str
    strategy: str
    channel: str
    created_at: datetime
    expires_at: datetime
    captured_at: datetime | None
    ended_at: datetime | None
    receipt_id: str | None
    dispute: DisputeOut | None

    @staticmethod
    def resolve_receipt_id(charge: BillingRequest) -> str | None:
        """Return SHA-256 of the receipt in hex."""
        return bytes(charge.receipt_id).hex() if charge.receipt_id else None

    @staticmethod
    def resolve_dispute(charge: BillingRequest) -> object:
        """Return the dispute, if there is one."""
        return dispute_of(charge)
