"""Read terminals and billing requests."""

from typing import TYPE_CHECKING

from django.db.models import QuerySet

from billing.packages.errors import TerminalUnknownError
from billing.packages.models import BillingRequest, Item, Package, Terminal
from common.compiled import Compiled
from common.errors import NotFoundError

if TYPE_CHECKING:
    from accounts.models import Holder
    from binding.models import Device

_ENDED = ["captured", "refunded", "rejected", "expired", "cancelled"]


def terminal_of(device: "Device") -> Terminal:
    """Return a device as a terminal.

    Raises:
        TerminalUnknownError: it is not registered for billing.
    """
    found = _TERMINALS.first(device.pk)
    if found is None:
        raise TerminalUnknownError
    found.device = device
    return found


def terminal_in_use(uid: bytes) -> Terminal:
    """Return the terminal of a device's public id, if device and holder are in use.

    Raises:
        TerminalUnknownError: there is none.
    """
    found = _IN_USE.first(uid)
    if found is None:
        raise TerminalUnknownError
    return found


def item_on_sale(package: Package, build: int, number: int) -> Item | None:
    """Return what a build of a package sells, by both numbers; the build may be revoked."""
    found = _ITEMS.first(package.pk, build, number)
    if found is not None:
        found.build.package = package
    return found


def request_of_device(device: "Device", uid: bytes) -> BillingRequest:
    """Return one of a terminal's requests.

    Raises:
        NotFoundError: it has made no such request.
    """
    return _one(BillingRequest.objects.filter(uid=uid, terminal__device=device))


def request_of_payer(payer: "Holder", uid: bytes) -> BillingRequest:
    """Return one of a payer's requests.

    Raises:
        NotFoundError: no terminal of the payer's has made such a request.
    """
    return _one(BillingRequest.objects.filter(uid=uid, payer=payer))


def request_of_nonce(terminal: Terminal, nonce: bytes) -> BillingRequest | None:
    """Return which request a terminal used a nonce for."""
    return BillingRequest.objects.filter(terminal=terminal, nonce=nonce).first()


def open_requests() -> QuerySet[BillingRequest]:
    """Return what may still be charged, by the very condition of its index."""
    return BillingRequest.objects.exclude(state__in=_ENDED)


def requests_with_all() -> QuerySet[BillingRequest]:
    """Return all requests, each with whatever charging looks at."""
    return BillingRequest.objects.select_related(
        "terminal__device__holder__user",
        "payer__user",
        "item__build__package__developer__user",
    )


def request_with_all(pk: int) -> BillingRequest:
    """Return a request with whatever charging looks at.

    Raises:
        NotFoundError: there is none of this number.
    """
    found = _WITH_ALL.first(pk)
    if found is None:
        raise NotFoundError("There is no such billing request.")
    return found


def _one(rows: QuerySet[BillingRequest]) -> BillingRequest:
    found = rows.select_related("item__build__package__developer").first()
    if found is None:
        raise NotFoundError("There is no such billing request.")
    return found


_WITH_ALL = Compiled(
    lambda: BillingRequest.objects.filter(pk=0),
    *("payer", "payer__user"),
    *("terminal", "terminal__device", "terminal__device__holder"),
    "terminal__device__holder__user",
    *("item", "item__build", "item__build__package"),
    *("item__build__package__developer", "item__build__package__developer__user"),
)
_TERMINALS = Compiled(lambda: Terminal.objects.filter(device=0))
_IN_USE = Compiled(
    lambda: Terminal.objects.filter(
        device__holder__user__is_active=True, device__removed_at=None, device__uid=b""
    ),
    "device",
    "device__holder",
    "device__holder__user",
)
_ITEMS = Compiled(
    lambda: Item.objects.filter(build__package=0).filter(build__number=0).filter(number=0),
    "build",
)
