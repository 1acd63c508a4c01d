"""What pages and API show of the shop, of purchases and of sales."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db.models import Count, F, Max, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from billing.entitlements.models import (
    DeviceSlot,
    Entitlement,
    Offer,
    Purchase,
    Resource,
    StatusCode,
    Version,
)
from common.errors import NotFoundError
from common.sealing import sealer

if TYPE_CHECKING:
    from accounts.models import Holder

_FINGERPRINT_BYTES = 8
# Whose holder has paid, or is about to, and has not had the money back.
LIVING = (
    Entitlement.State.PENDING_PAYMENT,
    Entitlement.State.ACTIVE,
    Entitlement.State.SUSPENDED,
)
# Nobody has answered yet.
_REFUND_ASKED = Q(state=Purchase.State.PAID, refund_asked_at__isnull=False, refund_refused_at=None)


def shelf(*, q: str = "", kind: str = "") -> QuerySet[Resource]:
    """Return what is in the shop, newest first, each with its ``current_offers``.

    Args:
        q: Words, all of which stand in the title, the summary or the developer's name.
        kind: One of the five; anything else finds nothing, empty all.
    """
    found = _shown().filter(state=Resource.State.LISTED, developer__leaving_at=None)
    if kind:
        found = found.filter(kind=kind)
    for word in q.replace("\x00", "").split()[:8]:
        found = found.filter(
            Q(title__icontains=word)
            | Q(summary__icontains=word)
            | Q(developer__name__icontains=word)
        )
    return found


def resources_of(*, developer: "Holder") -> QuerySet[Resource]:
    """Return a developer's resources, newest first, each with its ``current_offers``."""
    return _shown().filter(developer=developer)


def resource(uid: bytes) -> Resource:
    """Return a resource in whatever state, with its ``current_offers``.

    Raises:
        NotFoundError: there is none of this public id.
    """
    found = _shown().filter(uid=uid).first()
    if found is None:
        raise NotFoundError("There is no such resource.")
    return found


def visible_resource(*, uid: bytes, holder: "Holder | None") -> Resource:
    """Return a resource that is sold; or that the holder sells, or has bought.

    Raises:
        NotFoundError: there is none for the holder to see.
    """
    found = resource(uid)
    if found.state == Resource.State.LISTED and found.developer.leaving_at is None:
        return found
    is_own = holder is not None and (
        found.developer_id == holder.pk
        or Entitlement.objects.filter(holder=holder, resource=found).exists()
    )
    if not is_own:
        raise NotFoundError("There is no such resource.")
    return found


def own_resource(*, developer: "Holder", uid: bytes) -> Resource:
    """Return a developer's resource.

    Raises:
        NotFoundError: the developer has none of this public id.
    """
    found = resource(uid)
    if found.developer_id != developer.pk:
        raise NotFoundError("There is no such resource of yours.")
    return found


def versions_of(resource: Resource) -> QuerySet[Version]:
    """Return all versions of a resource, newest first."""
    return resource.versions.order_by("-number")


def version_of(resource: Resource, number: int | None = None) -> Version:
    """Return a version that is not withdrawn: the newest, unless one is named.

    Raises:
        NotFoundError: there is none.
    """
    found = versions_of(resource).filter(withdrawn_at=None)
    version = found.first() if number is None else found.filter(number=number).first()
    if version is None:
        raise NotFoundError("There is no such version.")
    return version


def content_key(version: Version) -> bytes:
    """Return the content key of a version, opened.

    Raises:
        ProtocolError: ``sealed_invalid``: the row was changed.
    """
    return sealer().open(bytes(version.sealed_key), bytes(version.build_digest))


def key_fingerprint(version: Version) -> str:
    """Return what tells content keys apart and gives none away: 16 hex digits of a hash."""
    digest = hashlib.sha256(b"countersign/content-key\x00" + content_key(version)).digest()
    return digest[:_FINGERPRINT_BYTES].hex()


def offer_by_uid(uid: bytes) -> Offer:
    """Return an offer with its resource, ended or not.

    Raises:
        NotFoundError: there is none of this public id.
    """
    found = Offer.objects.select_related("resource__developer__user").filter(uid=uid).first()
    if found is None:
        raise NotFoundError("There is no such offer.")
    return found


def own_offer(*, developer: "Holder", uid: bytes) -> Offer:
    """Return a developer's offer.

    Raises:
        NotFoundError: the developer has none of this public id.
    """
    found = offer_by_uid(uid)
    if found.resource.developer_id != developer.pk:
        raise NotFoundError("There is no such offer of yours.")
    return found


def entitlements_of(*, holder: "Holder") -> QuerySet[Entitlement]:
    """Return whatever a holder has bought, newest first."""
    return _entitlements().filter(holder=holder)


def entitlement_of(*, purchase: Purchase) -> Entitlement:
    """Return what a purchase gives."""
    return _entitlements().get(purchase=purchase)


def owned(
    *, holder: "Holder", resources: Iterable[Resource], now: datetime
) -> dict[int, Entitlement]:
    """Return by which entitlement a holder may use each of some resources, by its key.

    What is not among them is locked.
    """
    usable = _usable(now).filter(holder=holder, resource__in=list(resources))
    return {entitlement.resource_id: entitlement for entitlement in usable.order_by("pk")}


def devices_in_use(*, holder: "Holder", resource: Resource) -> QuerySet[DeviceSlot]:
    """Return the devices on which a holder uses a resource, by slot."""
    slots = DeviceSlot.objects.filter(holder=holder, resource=resource)
    return slots.select_related("device").order_by("slot")


def is_used(purchase: Purchase) -> bool:
    """Tell whether a content key was ever released on a purchase."""
    return StatusCode.objects.filter(
        entitlement__purchase=purchase, state=StatusCode.State.CONSUMED
    ).exists()


def purchase_by_uid(uid: bytes) -> Purchase:
    """Return a purchase with all that a page shows of it.

    Raises:
        NotFoundError: there is none of this public id.
    """
    found = _purchases().filter(uid=uid).first()
    if found is None:
        raise NotFoundError("There is no such purchase.")
    return found


def purchase_of(*, buyer: "Holder", uid: bytes) -> Purchase:
    """Return a buyer's purchase.

    Raises:
        NotFoundError: the buyer has none of this public id.
    """
    found = purchase_by_uid(uid)
    if found.buyer_id != buyer.pk:
        raise NotFoundError("There is no such purchase of yours.")
    return found


def sale_of(*, developer: "Holder", uid: bytes) -> Purchase:
    """Return a purchase of a developer's resource.

    Raises:
        NotFoundError: the developer has sold none of this public id.
    """
    found = purchase_by_uid(uid)
    if found.offer.resource.developer_id != developer.pk:
        raise NotFoundError("There is no such sale of yours.")
    return found


def purchases_of(*, buyer: "Holder") -> QuerySet[Purchase]:
    """Return what a holder bought, or tried to, newest first."""
    return _purchases().filter(buyer=buyer)


def sales(*, developer: "Holder") -> QuerySet[Purchase]:
    """Return what was paid for a developer's resources, refunded or not, newest first."""
    sold = (Purchase.State.PAID, Purchase.State.REFUNDED)
    return _purchases().filter(offer__resource__developer=developer, state__in=sold)


def refunds_asked(*, developer: "Holder") -> QuerySet[Purchase]:
    """Return the purchases whose money is asked back and not answered yet, oldest first."""
    return sales(developer=developer).filter(_REFUND_ASKED).order_by("refund_asked_at")


@dataclass(frozen=True, slots=True)
class Day:
    """What was sold on one day (UTC) in one currency, refunds left out.

    Attributes:
        on: The day.
        currency: ISO 4217.
        count: How many purchases.
        amount: Minor units.
    """

    on: date
    currency: str
    count: int
    amount: int


def sales_by_day(*, developer: "Holder | None", since: datetime) -> list[Day]:
    """Return what was sold and not refunded, by day and currency, oldest first.

    Args:
        developer: Whose sales; everybody's when ``None``.
        since: Purchases from then on.
    """
    paid = Purchase.objects.filter(state=Purchase.State.PAID, created_at__gte=since)
    if developer is not None:
        paid = paid.filter(offer__resource__developer=developer)
    rows = (
        paid.annotate(on=TruncDate("created_at"))
        .values("on", currency=F("offer__currency"))
        .annotate(count=Count("pk"), amount=Sum("offer__amount"))
        .order_by("on", "currency")
    )
    return [Day(**row) for row in rows]


# What operators narrow purchases by: how the money stands, or the right.
STANDINGS = {
    **{state.value: Q(state=state) for state in Purchase.State},
    "asked": _REFUND_ASKED,
    "suspended": Q(entitlement__state=Entitlement.State.SUSPENDED),
    "revoked": Q(entitlement__state=Entitlement.State.REVOKED),
}


def all_purchases(*, q: str = "", standing: str = "") -> QuerySet[Purchase]:
    """Return everybody's purchases for operators, newest first.

    Args:
        q: Public id of a purchase or resource, or a buyer's or developer's account; all if empty.
        standing: One of ``STANDINGS``; all if empty.
    """
    found = _purchases().filter(STANDINGS[standing]) if standing else _purchases()
    if not q:
        return found
    try:
        uid = bytes.fromhex(q)
    except ValueError:
        return found.none()
    by_account = Q(buyer__account=q) | Q(offer__resource__developer__account=q)
    return found.filter(by_account | Q(uid=uid) | Q(offer__resource__uid=uid))


def _shown() -> QuerySet[Resource]:
    current = Offer.objects.filter(ended_at=None).order_by("amount", "pk")
    return (
        Resource.objects.select_related("developer__user")
        .annotate(newest=Max("versions__number", filter=Q(versions__withdrawn_at=None)))
        .prefetch_related(Prefetch("offers", queryset=current, to_attr="current_offers"))
        .order_by("-pk")
    )


def _entitlements() -> QuerySet[Entitlement]:
    return Entitlement.objects.select_related(
        "holder", "resource__developer", "purchase__offer"
    ).order_by("-pk")


def _purchases() -> QuerySet[Purchase]:
    return Purchase.objects.select_related(
        "buyer__user", "offer__resource__developer__user", "entitlement"
    ).order_by("-pk")


def _usable(now: datetime) -> QuerySet[Entitlement]:
    """Return the entitlements that give access now."""
    return _entitlements().filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        Q(uses_left=None) | Q(uses_left__gt=0),
        ~Q(resource__state=Resource.State.WITHDRAWN),
        state=Entitlement.State.ACTIVE,
    )
