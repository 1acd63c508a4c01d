"""Endpoints for holders, on their phones, and for owners, on their services."""

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router, Status
from ninja.pagination import CursorPagination, paginate

from accounts.security import HOLDER_AUTH, caller
from billing.ledger.schemas import PaymentPasswordIn
from binding.selectors import device_of
from common.paper import Paper
from common.schemas import Account, Currency, Hex4, Hex8, Hex16, ShareIn
from offline import selectors
from offline.owner_schemas import (
    AuthorizationOut,
    CodesIn,
    GrantIn,
    GrantOut,
    LimitsIn,
    LimitsOut,
    OfflinePasswordIn,
    OwnedClientOut,
    OwnedRelayOut,
    RelayIn,
    ServiceEditIn,
    ServiceIn,
    ServiceOut,
    TakingOut,
)
from offline.services import clients, holding, limits, relays, services
from transactions.services import draw_message

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from billing.ledger.selectors_caps import Caps
    from offline.models import Authorization, Client, Grant, Relay, Service

router = Router(auth=HOLDER_AUTH, tags=["offline"])


@router.get("/offline/clients", response=list[OwnedClientOut])
def list_clients(request: HttpRequest) -> "QuerySet[Client]":
    """List the caller's phones that authorize without a network, newest first."""
    return selectors.clients_of(caller(request))


@router.post("/offline/clients/{uid}/suspend", response=OwnedClientOut)
def suspend(request: HttpRequest, uid: Hex4) -> "Client":
    """Stop a phone: whatever it signs is refused from now on."""
    client = _client(request, uid)
    clients.suspend_client(client=client, actor=caller(request).actor, now=timezone.now())
    return _client(request, uid)


@router.post("/offline/clients/{uid}/resume", response=OwnedClientOut)
def resume(request: HttpRequest, uid: Hex4, body: PaymentPasswordIn) -> "Client":
    """Let a phone that the caller stopped go on."""
    holding.resume_by_holder(client=_client(request, uid), now=timezone.now(), **body.model_dump())
    return _client(request, uid)


@router.post("/offline/clients/{uid}/unlock", response=OwnedClientOut)
def unlock(request: HttpRequest, uid: Hex4, body: PaymentPasswordIn) -> "Client":
    """Let the offline password, which was wrong too often, be tried again."""
    clients.unlock(client=_client(request, uid), now=timezone.now(), **body.model_dump())
    return _client(request, uid)


@router.post("/offline/clients/{uid}/password", response=OwnedClientOut)
def set_password(request: HttpRequest, uid: Hex4, body: OfflinePasswordIn) -> "Client":
    """Set or change the offline password; it opens a locked one."""
    clients.set_offline_password(
        client=_client(request, uid), now=timezone.now(), **body.model_dump()
    )
    return _client(request, uid)


@router.post("/offline/clients/{uid}/remove", response={204: None})
def remove(request: HttpRequest, uid: Hex4) -> Status[None]:
    """End a phone's leave for good; the device stays."""
    client = _client(request, uid)
    clients.remove_client(client=client, actor=caller(request).actor, now=timezone.now())
    return Status(204, None)


@router.get("/offline/clients/{uid}/limits", response=LimitsOut)
def show_limits(request: HttpRequest, uid: Hex4, currency: Currency) -> "Caps":
    """Return what a phone may pay in a currency at most."""
    client = _client(request, uid)
    return limits.limits_of(client=client, currency=currency, now=timezone.now())


@router.put("/offline/clients/{uid}/limits", response=LimitsOut)
def put_limits(request: HttpRequest, uid: Hex4, body: LimitsIn) -> "Caps":
    """Set a phone's limits: lower ones hold at once, higher ones after 24 hours."""
    client = _client(request, uid)
    return limits.set_limits(client=client, now=timezone.now(), **body.model_dump())


@router.put("/offline/clients/{uid}/codes", response=OwnedClientOut)
def put_codes(request: HttpRequest, uid: Hex4, body: CodesIn) -> "Client":
    """Say what a one-way code of a phone may be worth at most; 0 lets there be none."""
    clients.set_code_limit(client=_client(request, uid), now=timezone.now(), **body.model_dump())
    return _client(request, uid)


@router.get("/offline/authorizations", response=list[AuthorizationOut])
@paginate(CursorPagination, ordering=("-id",))
def list_authorizations(request: HttpRequest) -> "QuerySet[Authorization]":
    """List what the caller's phones asked for, newest first, whatever came of it."""
    return selectors.history_of(caller(request))


@router.get("/offline/authorizations/{serial}/receipt.{form}", response={200: None})
def show_authorization_receipt(
    request: HttpRequest, serial: Hex16, form: str, paper: Paper = "a4"
) -> HttpResponse:
    """Return the receipt of an approval, to both sides, as cbor, txt, png, svg or pdf."""
    holder = caller(request)
    found = selectors.visible_authorization(holder, bytes.fromhex(serial))
    name = f"offline-{serial}"
    return draw_message(found.receipt, form, name, reader=holder.account, paper=paper)


@router.post("/offline/authorizations/{serial}/receipt/email", response={202: None})
def mail_authorization_receipt(request: HttpRequest, serial: Hex16, body: ShareIn) -> Status[None]:
    """Send the link of an approval's receipt to an e-mail address; for both sides."""
    holding.share_receipt(
        serial=bytes.fromhex(serial),
        holder=caller(request),
        email=body.email,
        now=timezone.now(),
    )
    return Status(202, None)


@router.get("/offline/services", response=list[ServiceOut])
def list_services(request: HttpRequest) -> "QuerySet[Service]":
    """List the caller's services, newest first."""
    return selectors.services_of(caller(request))


@router.post("/offline/services", response={201: ServiceOut})
def create_service(request: HttpRequest, body: ServiceIn) -> "Status[Service]":
    """Offer a service; it is open to everybody, at the ordinary level."""
    service = services.create_service(
        owner=caller(request), now=timezone.now(), **body.model_dump()
    )
    return Status(201, service)


@router.put("/offline/services/{uid}", response=ServiceOut)
def change_service(request: HttpRequest, uid: Hex8, body: ServiceEditIn) -> "Service":
    """Change what holds at a service from now on."""
    return services.change_service(
        service=_service(request, uid), now=timezone.now(), **body.model_dump()
    )


@router.post("/offline/services/{uid}/end", response=ServiceOut)
def end_service(request: HttpRequest, uid: Hex8) -> "Service":
    """Offer a service no more, for good; its devices relay no more."""
    return services.end_service(service=_service(request, uid), now=timezone.now())


@router.get("/offline/services/{uid}/grants", response=list[GrantOut])
def list_grants(request: HttpRequest, uid: Hex8) -> "QuerySet[Grant]":
    """List for whom a service is there that is not open to everybody, newest first."""
    return selectors.grants_of(_service(request, uid))


@router.post("/offline/services/{uid}/grants", response={201: GrantOut})
def grant(request: HttpRequest, uid: Hex8, body: GrantIn) -> "Status[Grant]":
    """Let a service be there for a holder; again changes nothing."""
    row = services.grant(service=_service(request, uid), account=body.account, now=timezone.now())
    return Status(201, row)


@router.delete("/offline/services/{uid}/grants/{account}", response={204: None})
def ungrant(request: HttpRequest, uid: Hex8, account: Account) -> Status[None]:
    """Let a service be there for a holder no more; again changes nothing."""
    services.ungrant(service=_service(request, uid), account=account, now=timezone.now())
    return Status(204, None)


@router.get("/offline/services/{uid}/relays", response=list[OwnedRelayOut])
def list_relays(request: HttpRequest, uid: Hex8) -> "QuerySet[Relay]":
    """List the devices that stand at a service, newest first."""
    return selectors.relays_of(_service(request, uid))


@router.post("/offline/services/{uid}/relays", response={201: OwnedRelayOut})
def add_relay(request: HttpRequest, uid: Hex8, body: RelayIn) -> "Status[Relay]":
    """Put one of the caller's devices up at a service; again changes nothing."""
    service = _service(request, uid)
    device = device_of(holder=caller(request), uid=bytes.fromhex(body.device))
    return Status(201, relays.add_relay(service=service, device=device, now=timezone.now()))


@router.post("/offline/relays/{device}/end", response={204: None})
def end_relay(request: HttpRequest, device: Hex8) -> Status[None]:
    """Take a device away from its service; it stays one of the caller's devices."""
    owner = caller(request)
    relay = selectors.own_relay(owner, bytes.fromhex(device))
    relays.end_relay(relay=relay, actor=owner, now=timezone.now())
    return Status(204, None)


@router.get("/offline/services/{uid}/authorizations", response=list[TakingOut])
@paginate(CursorPagination, ordering=("-id",))
def list_takings(request: HttpRequest, uid: Hex8) -> "QuerySet[Authorization]":
    """List what was asked for at a service, newest first, whatever came of it."""
    return selectors.authorizations_of(_service(request, uid))


def _client(request: HttpRequest, uid: str) -> "Client":
    return selectors.own_client(caller(request), bytes.fromhex(uid))


def _service(request: HttpRequest, uid: str) -> "Service":
    return selectors.own_service(caller(request), bytes.fromhex(uid))
