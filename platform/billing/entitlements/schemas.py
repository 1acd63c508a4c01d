"""The JSON of the shop, in and out."""

from datetime import datetime
from typing import Annotated, Literal

from ninja import Schema
from pydantic import Field, StrictInt

from billing.entitlements.models import Entitlement, Offer, Purchase, Resource, Version
from billing.entitlements.selectors import key_fingerprint, version_of
from billing.ledger.schemas import Password
from common.errors import NotFoundError
from common.schemas import Hex8, Input
from enrolment.schemas import Serial

# Wider than the caps of the services, which answer with the count; narrower than a flood.
Words = Annotated[str, Field(max_length=4000)]
Kind = Literal["app", "picture", "music", "theme", "video"]


class ResourceIn(Input):
    """A resource to publish."""

    kind: Kind
    title: Words
    summary: Words = ""
    device_limit: StrictInt = 3
    refund_days: StrictInt = 14


class EditIn(Input):
    """What is said of a resource; all of it, each time."""

    title: Words
    summary: Words
    device_limit: StrictInt
    refund_days: StrictInt


class OfferIn(Input):
    """A price; ``amount`` in minor units of ``currency``."""

    term: Literal["permanent", "until", "metered"]
    amount: StrictInt
    currency: Words
    days: StrictInt | None = None
    uses: StrictInt | None = None


class PurchaseIn(Input):
    """What to buy, and how: from the wallet, or by a token."""

    offer: Hex8
    way: Literal["wallet", "token"]
    payment_password: Password = ""
    token: Serial | Literal[""] = ""
    remark: Words = ""


class RefundReasonIn(Input):
    """Why the money is asked back, or not given back; may be empty."""

    reason: Words = ""


class _Public(Schema):
    """Whatever has a public id: 8 bytes, written in hex."""

    id: str

    @staticmethod
    def resolve_id(row: Offer | Resource | Purchase) -> str:
        """Return the public id."""
        return bytes(row.uid).hex()


class OfferOut(_Public):
    """A price, and what it buys."""

    term: str
    days: int | None
    uses: int | None
    amount: int
    currency: str
    ended_at: datetime | None


class VersionOut(Schema):
    """An encrypted file: ``size`` and ``digest`` (SHA-256) are those of what is downloaded."""

    number: int
    filename: str
    media_type: str
    content_size: int = Field(validation_alias="plain_size")
    size: int
    digest: str
    created_at: datetime
    withdrawn_at: datetime | None

    @staticmethod
    def resolve_digest(version: Version) -> str:
        """Return the build digest."""
        return bytes(version.build_digest).hex()


class OwnVersionOut(VersionOut):
    """A version as its developer sees it: with what tells its content key from others."""

    key_fingerprint: str

    @staticmethod
    def resolve_key_fingerprint(version: Version) -> str:
        """Return the fingerprint of its content key."""
        return key_fingerprint(version)


class ResourceOut(_Public):
    """A resource, with the offers that stand and the number of its newest version."""

    kind: str
    title: str
    summary: str
    state: str
    developer: str = Field(validation_alias="developer.account")
    developer_name: str = Field(validation_alias="developer.name")
    device_limit: int
    refund_days: int
    created_at: datetime
    version: int | None = Field(validation_alias="newest")
    offers: list[OfferOut] = Field(validation_alias="current_offers")


class ResourceDetailOut(ResourceOut):
    """A resource with its newest file."""

    file: VersionOut | None

    @staticmethod
    def resolve_file(resource: Resource) -> Version | None:
        """Return the version that is downloaded when none is named."""
        try:
            return version_of(resource)
        except NotFoundError:
            return None


class EntitlementOut(Schema):
    """What somebody may use, and how that stands."""

    purchase: str
    resource: str
    kind: str = Field(validation_alias="resource.kind")
    title: str = Field(validation_alias="resource.title")
    term: str
    state: str
    expires_at: datetime | None
    uses_left: int | None

    @staticmethod
    def resolve_purchase(entitlement: Entitlement) -> str:
        """Return the public id of the purchase."""
        return bytes(entitlement.purchase.uid).hex()

    @staticmethod
    def resolve_resource(entitlement: Entitlement) -> str:
        """Return the public id of the resource."""
        return str(entitlement.resource)


class PurchaseOut(_Public):
    """A purchase; ``transaction`` is the one in which the token is asked, and the invoice."""

    buyer: str = Field(validation_alias="buyer.account")
    offer: OfferOut
    resource: str
    title: str = Field(validation_alias="offer.resource.title")
    way: str
    state: str
    payment: str
    transaction: str | None
    created_at: datetime
    ended_at: datetime | None
    refund_until: datetime
    refund_asked_at: datetime | None
    refund_reason: str
    refund_refused_at: datetime | None
    refund_answer: str

    @staticmethod
    def resolve_resource(purchase: Purchase) -> str:
        """Return the public id of the resource."""
        return str(purchase.offer.resource)

    @staticmethod
    def resolve_payment(purchase: Purchase) -> str:
        """Return the public id of the payment in the ledger."""
        return bytes(purchase.payment).hex()

    @staticmethod
    def resolve_transaction(purchase: Purchase) -> str | None:
        """Return the public id of the transaction."""
        return bytes(purchase.transaction).hex() if purchase.transaction else None
