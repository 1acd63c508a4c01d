"""Suspend, resume and revoke what somebody bought; let it expire when its time is over."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from audit.services import record
from billing.entitlements.errors import EntitlementStateError
from billing.entitlements.models import Entitlement, Purchase
from billing.entitlements.selectors import entitlement_of, purchase_by_uid
from billing.entitlements.services.refund import revoke_codes

if TYPE_CHECKING:
    from accounts.models import Holder

_State = Entitlement.State


def suspend_entitlement(*, operator: "Holder", purchase_uid: bytes, now: datetime) -> Entitlement:
    """Let what a purchase gives not be used for now.

    Raises:
        NotFoundError: there is no such purchase.
        EntitlementStateError: it is not active.
    """
    return _move(operator, purchase_uid, (_State.ACTIVE,), _State.SUSPENDED, now)


def resume_entitlement(*, operator: "Holder", purchase_uid: bytes, now: datetime) -> Entitlement:
    """Let what a purchase gives be used again; its time went on meanwhile.

    Raises:
        NotFoundError: there is no such purchase.
        EntitlementStateError: it is not suspended.
    """
    return _move(operator, purchase_uid, (_State.SUSPENDED,), _State.ACTIVE, now)


def revoke_entitlement(*, operator: "Holder", purchase_uid: bytes, now: datetime) -> Entitlement:
    """Take away for good what a purchase gives; the money is another matter.

    Raises:
        NotFoundError: there is no such purchase.
        EntitlementStateError: it is neither active nor suspended.
    """
    sources = (_State.ACTIVE, _State.SUSPENDED)
    return _move(operator, purchase_uid, sources, _State.REVOKED, now)


def expire_entitlements(*, now: datetime) -> int:
    """End what is past its time, or used up; return how many were.

    Nothing depends on how soon this runs: whoever judges a use looks at time and uses as well.
    """
    over = Q(expires_at__lte=now) | Q(uses_left=0)
    living = Entitlement.objects.filter(state__in=(_State.ACTIVE, _State.SUSPENDED))
    return living.filter(over).update(state=_State.EXPIRED)


def _move(
    operator: "Holder",
    purchase_uid: bytes,
    sources: Collection[Entitlement.State],
    goal: Entitlement.State,
    now: datetime,
) -> Entitlement:
    purchase = purchase_by_uid(purchase_uid)
    if purchase.state == Purchase.State.CANCELLED:
        # It left no entitlement.
        raise EntitlementStateError
    with transaction.atomic():
        revoke_codes(purchase)
        row = Entitlement.objects.filter(purchase=purchase, state__in=sources)
        if not row.update(state=goal):
            raise EntitlementStateError
        record(
            action=f"entitlement.{goal}",
            actor=operator.operator_actor,
            subject=purchase_uid.hex(),
            now=now,
        )
    return entitlement_of(purchase=purchase)
