"""Figures of what was authorized without a network, and what operators look through."""

from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDay

from offline.models import Authorization, Client, Service

if TYPE_CHECKING:
    from django.db.models import QuerySet

_State = Authorization.State


def by_day(
    authorizations: "QuerySet[Authorization]", currency: str = "", *, since: datetime
) -> dict[date, int]:
    """Return what was paid by day (UTC) in a currency, in minor units; how many without one."""
    rows = authorizations.filter(state=_State.APPROVED, decided_at__gte=since).order_by()
    if currency:
        rows = rows.filter(currency=currency)
    total = Sum("amount") if currency else Count("pk")
    days = rows.annotate(day=TruncDay("decided_at")).values("day").annotate(total=total)
    return {row["day"].date(): row["total"] for row in days}


def currencies_in(authorizations: "QuerySet[Authorization]") -> list[str]:
    """Return the currencies in which something was paid, in order."""
    paid = authorizations.filter(state=_State.APPROVED).exclude(currency="")
    return list(paid.order_by("currency").values_list("currency", flat=True).distinct())


def approved_since(authorizations: "QuerySet[Authorization]", since: datetime) -> int:
    """Return how many were approved."""
    return authorizations.filter(state=_State.APPROVED, decided_at__gte=since).count()


def all_authorizations() -> "QuerySet[Authorization]":
    """Return everybody's, for the console, newest first."""
    return Authorization.objects.select_related(
        "client__device__holder", "service__owner", "relay__device"
    ).order_by("-pk")


def all_services() -> "QuerySet[Service]":
    """Return everybody's services, for the console, newest first."""
    return Service.objects.select_related("owner").order_by("-pk")


def all_clients(*, standing: str = "") -> "QuerySet[Client]":
    """Return everybody's clients, for the console, newest first.

    Args:
        standing: One of :data:`STANDINGS`; all but those that were removed when empty.
    """
    found = Client.objects.select_related("device__holder").order_by("-pk")
    return found.filter(STANDINGS.get(standing, ~Q(state=Client.State.REMOVED)))


def clients_named(text: str) -> "QuerySet[Client]":
    """Return the clients of this id, or that asked for something under this number."""
    found = Client.objects.select_related("device").order_by("-pk")
    named = Q(uid=_octets(text)) | Q(authorizations__serial=_octets(text))
    return found.filter(named).distinct()


def services_named(text: str) -> "QuerySet[Service]":
    """Return the services of this id, or whose name has this in it."""
    return all_services().filter(Q(uid=_octets(text)) | Q(title__icontains=text))


def _octets(text: str) -> bytes:
    """Read hexadecimal digits; what is none is nobody's."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


# How clients stand, for who looks through them.
STANDINGS: dict[str, Q] = {
    "active": Q(state=Client.State.ACTIVE, locked_at=None),
    "locked": Q(state=Client.State.ACTIVE, locked_at__isnull=False),
    "suspended": Q(state=Client.State.SUSPENDED),
    "cloned": Q(state=Client.State.SUSPENDED, reason=Client.Reason.CLONED),
    "removed": Q(state=Client.State.REMOVED),
}


def standings() -> dict[str, int]:
    """Return how many clients stand in each way."""
    counted = {name: Count("pk", filter=condition) for name, condition in STANDINGS.items()}
    return Client.objects.aggregate(**counted)


def outcomes(*, since: datetime) -> dict[str, int]:
    """Return how many applications ended in each way."""
    ended = Authorization.objects.filter(applied_at__gte=since).order_by()
    rows = ended.values_list("state").annotate(count=Count("pk"))
    found = dict(rows)
    return {state: found.get(state, 0) for state in ("approved", "rejected", "expired")}
