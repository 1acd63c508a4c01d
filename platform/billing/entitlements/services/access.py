"""Who has paid for what, judged at one moment."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings

from billing.entitlements.errors import (
    EntitlementClosedError,
    EntitlementExpiredError,
    EntitlementRefundedError,
    NotPaidError,
)
from billing.entitlements.models import Entitlement, Offer, Resource
from common.compiled import Compiled
from common.errors import DomainError

if TYPE_CHECKING:
    from accounts.models import Holder

_State = Entitlement.State
_REFUSALS: dict[str, type[DomainError]] = {
    _State.PENDING_PAYMENT: NotPaidError,
    _State.ACTIVE: EntitlementExpiredError,
    _State.SUSPENDED: EntitlementClosedError,
    _State.EXPIRED: EntitlementExpiredError,
    _State.REFUNDED: EntitlementRefundedError,
    _State.REVOKED: EntitlementClosedError,
}
_OF_HOLDER = Compiled(
    lambda: Entitlement.objects.filter(holder=0).filter(resource=0).order_by("-pk")
)
# What costs nothing to use goes first: uses are counted only where nothing else is left.
_ORDER = [Offer.Term.PERMANENT, Offer.Term.UNTIL, Offer.Term.METERED]


def usable_entitlement(*, holder: "Holder", resource: Resource, now: datetime) -> Entitlement:
    """Return by what a holder may use a resource now.

    Raises:
        NotPaidError, EntitlementExpiredError, EntitlementRefundedError, EntitlementClosedError:
            the holder may not; the newest purchase says why.
    """
    found = list(_OF_HOLDER.rows(holder.pk, resource.pk))
    usable = [entitlement for entitlement in found if gives_access(entitlement, now)]
    if not usable:
        raise refusal_of(found[0] if found else None, resource)
    return min(usable, key=lambda one: _ORDER.index(Offer.Term(one.term)))


def gives_access(entitlement: Entitlement, now: datetime) -> bool:
    """Tell whether an entitlement is active, in its time, and not used up."""
    return (
        entitlement.state == _State.ACTIVE
        and (entitlement.expires_at is None or now < entitlement.expires_at)
        and entitlement.uses_left != 0
    )


def refusal_of(entitlement: Entitlement | None, resource: Resource) -> DomainError:
    """Return why something gives no access; with the price where paying would help."""
    kind = _REFUSALS[entitlement.state] if entitlement else NotPaidError
    return kind() if kind is EntitlementClosedError else kind(**_price(resource))


def _price(resource: Resource) -> dict[str, Any]:
    """Return the cheapest way to pay, and the page on which to."""
    page = {"order_url": f"{settings.COUNTERSIGN_ORIGIN}/shop/{resource}"}
    offer = resource.offers.filter(ended_at=None).order_by("amount", "pk").first()
    if offer is None:
        return page
    return {"price": offer.amount, "currency": offer.currency, **page}
