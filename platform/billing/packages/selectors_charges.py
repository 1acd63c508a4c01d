"""Queries on charges, their limits and disputes."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import TruncDay

from billing.ledger.selectors_caps import Budget
from billing.packages.models import BillingRequest, Dispute, Item
from billing.packages.selectors_requests import requests_with_all
from common.errors import NotFoundError

if TYPE_CHECKING:
    from accounts.models import Holder

_State = BillingRequest.State
# Scope of what all applications charge.
APPS = "apps"
CHARGED = (_State.CAPTURED, _State.REFUNDED)
# What waits for the payer, each in the state of its strategy.
WAITING = tuple(state for state in _State if state.startswith("awaiting_"))
DISPUTE_DAYS = 60


def kept_receipts() -> QuerySet[BillingRequest, Any]:
    """Return id and receipt of every charge."""
    return BillingRequest.objects.filter(receipt__isnull=False).values_list("uid", "receipt")


def budget(holder: "Holder", currency: str) -> Budget:
    """Return what applications may charge a payer."""
    return Budget(holder, APPS, currency, settings.CHARGE_DAY_CAP, settings.CHARGE_MONTH_CAP)


def item_scope(item: Item) -> str:
    """Return how spending on one item, in whatever build, is called."""
    return f"{item.build.package.public_id}{item.number:08x}"


def charges_of(*, payer: "Holder") -> "QuerySet[BillingRequest]":
    """Return what applications asked a payer for, newest first, whatever came of it."""
    return _with_all().filter(payer=payer).order_by("-pk")


def waiting_for(*, payer: "Holder", now: datetime) -> "QuerySet[BillingRequest]":
    """Return what waits for a payer to confirm, oldest first."""
    waiting = charges_of(payer=payer).filter(state__in=WAITING, expires_at__gt=now)
    return waiting.order_by("pk")


def charge_of(*, payer: "Holder", uid: bytes) -> BillingRequest:
    """Return one of a payer's charges.

    Raises:
        NotFoundError: the payer has no such charge.
    """
    return _one(charges_of(payer=payer), uid)


def visible_charge(*, holder: "Holder", uid: bytes, is_operator: bool = False) -> BillingRequest:
    """Return a charge to its payer, to who was paid by it, and to operators.

    Raises:
        NotFoundError: there is no such charge for this holder.
    """
    everything = _with_all()
    theirs = Q(payer=holder) | Q(item__build__package__developer=holder, state__in=CHARGED)
    return _one(everything if is_operator else everything.filter(theirs), uid)


def answerable_charge(*, holder: "Holder", uid: bytes, is_operator: bool) -> BillingRequest:
    """Return a charge whose dispute a holder may answer: its developer, or an operator.

    Nobody judges a charge of their own.

    Raises:
        NotFoundError: there is no such charge for this holder.
    """
    rows = _with_all().exclude(payer=holder)
    return _one(rows if is_operator else rows.filter(item__build__package__developer=holder), uid)


def earned(*, developer: "Holder") -> "QuerySet[BillingRequest]":
    """Return what a developer's applications charged, newest first."""
    theirs = _with_all().filter(item__build__package__developer=developer)
    return theirs.filter(state__in=CHARGED).order_by("-pk")


def disputed(*, developer: "Holder | None" = None) -> "QuerySet[BillingRequest]":
    """Return the charges whose dispute waits for an answer: a developer's, or all."""
    rows = _with_all().filter(dispute__state=Dispute.State.OPEN).order_by("-pk")
    return rows if developer is None else rows.filter(item__build__package__developer=developer)


def refused_disputes() -> "QuerySet[BillingRequest]":
    """Return the charges that developers refused to pay back, newest first."""
    refused = _with_all().filter(dispute__state=Dispute.State.REJECTED, state=_State.CAPTURED)
    return refused.order_by("-dispute__ended_at")


def dispute_of(request: BillingRequest) -> Dispute | None:
    """Return what the payer said against a charge, or ``None``."""
    return getattr(request, "dispute", None)


def may_dispute(request: BillingRequest, *, now: datetime) -> bool:
    """Tell whether the payer may still say something against a charge."""
    return (
        request.state == _State.CAPTURED
        and request.captured_at is not None
        and now <= request.captured_at + timedelta(days=DISPUTE_DAYS)
        and dispute_of(request) is None
    )


def by_day(
    charges: "QuerySet[BillingRequest]", currency: str, *, since: datetime
) -> dict[date, int]:
    """Return what was charged by day (UTC), in minor units; what was paid back is left out."""
    rows = (
        charges.filter(currency=currency, state=_State.CAPTURED, captured_at__gte=since)
        .order_by()
        .annotate(day=TruncDay("captured_at"))
        .values("day")
        .annotate(total=Sum("amount"))
    )
    return {row["day"].date(): row["total"] for row in rows}


def currencies_in(charges: "QuerySet[BillingRequest]") -> list[str]:
    """Return the currencies of charges, in order."""
    rows = charges.order_by("currency")
    return list(rows.values_list("currency", flat=True).distinct())


def _with_all() -> "QuerySet[BillingRequest]":
    return requests_with_all().select_related("dispute")


def _one(rows: "QuerySet[BillingRequest]", uid: bytes) -> BillingRequest:
    found = rows.filter(uid=uid).first()
    if found is None:
        raise NotFoundError("There is no such charge.")
    return found
