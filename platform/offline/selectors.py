"""Queries on clients, services, relays and what was authorized."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q

from billing.ledger.selectors import money_of
from billing.ledger.selectors_caps import Budget, Caps, caps_of_each
from common.errors import NotFoundError
from offline.errors import (
    ClientUnknownError,
    DeviceNotTrustedError,
    ServiceUnknownError,
    UnknownClientError,
)
from offline.models import Authorization, Client, Grant, Relay, Service
from protocol import cose
from protocol.offline import Result

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import Holder
    from binding.models import Device


def kept_receipts() -> "QuerySet[Authorization, Any]":
    """Return serial and receipt of everything that was approved."""
    return Authorization.objects.filter(receipt__isnull=False).values_list("serial", "receipt")


def client_of(device: "Device") -> Client:
    """Return the client that a device is, suspended or not.

    Raises:
        UnknownClientError: it is none, or it was removed.
    """
    return _one_client(_clients().filter(device=device))


def client_by_uid(uid: bytes) -> Client:
    """Return the client whose id stands in a serial, whatever its state.

    Raises:
        UnknownClientError: there is none.
    """
    found = _clients().filter(uid=uid).first()
    if found is None:
        raise UnknownClientError("client_none")
    return found


def clients_of(holder: "Holder") -> "QuerySet[Client]":
    """Return a holder's clients, newest first; without those that were removed."""
    mine = _clients().filter(device__holder=holder).exclude(state=Client.State.REMOVED)
    return mine.order_by("-pk")


def own_client(holder: "Holder", uid: bytes) -> Client:
    """Return one of a holder's clients, suspended or not.

    Raises:
        ClientUnknownError: there is none of that id, or it was removed.
    """
    found = clients_of(holder).filter(uid=uid).first()
    if found is None:
        raise ClientUnknownError
    return found


def any_client(uid: bytes) -> Client:
    """Return somebody's client, whatever its state, for operators.

    Raises:
        ClientUnknownError: there is none of that id.
    """
    found = _clients().filter(uid=uid).first()
    if found is None:
        raise ClientUnknownError
    return found


def may_resume(client: Client) -> bool:
    """Tell whether a client's holder, and not an operator alone, may let it go on."""
    return client.state == Client.State.SUSPENDED and client.reason == Client.Reason.HOLDER


def budget(client: Client, currency: str) -> Budget:
    """Return what counts together: what one phone pays in one currency."""
    return Budget(
        client.device.holder,
        f"offline:{client.public_id}",
        currency,
        settings.OFFLINE_DAY_CAP,
        settings.OFFLINE_MONTH_CAP,
    )


def all_limits_of(client: Client, *, now: datetime) -> list[Caps]:
    """Return what a client may pay, in each currency of which its holder has had money."""
    owned = money_of(client.device.holder_id)
    return caps_of_each([budget(client, money.currency) for money in owned], now=now)


def relay_of(device: "Device") -> Relay:
    """Return the relay that a device is, with its service and the service's owner.

    Raises:
        DeviceNotTrustedError: it stands at no service, or no more.
    """
    found = _relays().filter(device=device, ended_at=None, device__removed_at=None).first()
    if found is None:
        raise DeviceNotTrustedError
    return found


def relays_of(service: Service) -> "QuerySet[Relay]":
    """Return the devices that stand at a service, newest first."""
    return _relays().filter(service=service, ended_at=None).order_by("-created_at", "-pk")


def relayed_devices(owner: "Holder") -> set[int]:
    """Return the numbers of an owner's devices that stand at a service."""
    standing = Relay.objects.filter(service__owner=owner, ended_at=None)
    return set(standing.values_list("device", flat=True))


def own_relay(owner: "Holder", device_uid: bytes) -> Relay:
    """Return one of an owner's relays, by the id of its device.

    Raises:
        NotFoundError: the owner has none of that id, or it was taken away.
    """
    mine = _relays().filter(service__owner=owner, ended_at=None)
    found = mine.filter(device__uid=device_uid).first()
    if found is None:
        raise NotFoundError
    return found


def is_served(service: Service, holder: "Holder") -> bool:
    """Tell whether a service is there for a holder now."""
    if service.ended_at is not None or service.suspended_at is not None:
        return False
    if service.is_open or service.owner_id == holder.pk:
        return True
    return Grant.objects.filter(service=service, holder=holder).exists()


def service_by_uid(uid: bytes) -> Service:
    """Return somebody's service, whatever its state, for operators.

    Raises:
        ServiceUnknownError: there is none of that id.
    """
    return _one_service(_services().filter(uid=uid))


def services_of(owner: "Holder") -> "QuerySet[Service]":
    """Return an owner's services, newest first; those that ended last."""
    return _services().filter(owner=owner).order_by("ended_at", "-pk")


def own_service(owner: "Holder", uid: bytes) -> Service:
    """Return one of an owner's services, whatever its state.

    Raises:
        ServiceUnknownError: the owner has none of that id.
    """
    return _one_service(services_of(owner).filter(uid=uid))


def grants_of(service: Service) -> "QuerySet[Grant]":
    """Return the holders for whom a service is there, newest first."""
    return Grant.objects.filter(service=service).select_related("holder").order_by("-pk")


def history_of(holder: "Holder") -> "QuerySet[Authorization]":
    """Return what a holder's clients asked for, newest first, whatever came of it."""
    return _authorizations().filter(client__device__holder=holder).order_by("-pk")


def visible_authorization(holder: "Holder", serial: bytes) -> Authorization:
    """Return what was asked for to whose phone asked, and, once approved, to the service's owner.

    Raises:
        NotFoundError: there is none of that number for this holder.
    """
    theirs = Q(client__device__holder=holder) | Q(
        service__owner=holder, state=Authorization.State.APPROVED
    )
    found = _authorizations().filter(theirs, serial=serial).first()
    if found is None:
        raise NotFoundError
    return found


def own_authorization(holder: "Holder", serial: bytes) -> Authorization:
    """Return what one of a holder's clients asked for.

    Raises:
        NotFoundError: none of them asked for this.
    """
    found = history_of(holder).filter(serial=serial).first()
    if found is None:
        raise NotFoundError
    return found


def authorizations_of(service: Service) -> "QuerySet[Authorization]":
    """Return what was asked for at a service, newest first, whatever came of it."""
    return _authorizations().filter(service=service).order_by("-pk")


def code_of(authorization: Authorization) -> str:
    """Return what was said outside of how it ended; empty while it is open, or when it expired."""
    if authorization.result is None:
        return ""
    return Result.from_signed(cose.parse(bytes(authorization.result))).code


def _clients() -> "QuerySet[Client]":
    return Client.objects.select_related("device__holder__user")


def _services() -> "QuerySet[Service]":
    return Service.objects.select_related("owner__user")


def _relays() -> "QuerySet[Relay]":
    return Relay.objects.select_related("device", "service__owner__user")


def _authorizations() -> "QuerySet[Authorization]":
    return Authorization.objects.select_related(
        "client__device__holder", "service__owner", "relay__device"
    )


def _one_client(rows: "QuerySet[Client]") -> Client:
    found = rows.exclude(state=Client.State.REMOVED).first()
    if found is None:
        raise UnknownClientError
    return found


def _one_service(rows: "QuerySet[Service]") -> Service:
    found = rows.first()
    if found is None:
        raise ServiceUnknownError
    return found
