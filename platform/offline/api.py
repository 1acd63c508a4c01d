"""Endpoints of clients, while they are on-line, and of the relays beside them."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from binding.security import DeviceAuth, device
from binding.services import require_slow
from common.idempotency import request_key
from common.schemas import sent
from offline.models import Client
from offline.owner_schemas import OfflinePasswordIn
from offline.schemas import (
    AppliedOut,
    ApplyIn,
    ClientOut,
    CodeIn,
    CountersignIn,
    DecidedOut,
    JournalIn,
    JournalOut,
    OutcomeOut,
    RegisterIn,
    RelayOut,
)
from offline.selectors import all_limits_of, client_of, relay_of
from offline.services.apply import apply
from offline.services.clients import note_synced, register_client, set_offline_password
from offline.services.codes import take_code
from offline.services.countersign import countersign
from offline.services.reconcile import reconcile

router = Router(auth=DeviceAuth(), tags=["offline"])


@router.post("/offline/client", response=ClientOut)
def register(request: HttpRequest, body: RegisterIn) -> HttpResponse:
    """Let the calling device authorize without a network; again answers the same."""
    client = register_client(
        device=device(request),
        payment_password=body.payment_password,
        permit=body.permit,
        now=timezone.now(),
    )
    return _introduced(client)


@router.get("/offline/client", response=ClientOut)
def show(request: HttpRequest) -> HttpResponse:
    """Return how the calling client stands, and whom it has to believe."""
    client = client_of(device(request))
    note_synced(client, timezone.now())
    return _introduced(client)


@router.post("/offline/client/password", response=ClientOut)
def set_password(request: HttpRequest, body: OfflinePasswordIn) -> HttpResponse:
    """Set the offline password; it opens a locked one."""
    asking, now = device(request), timezone.now()
    # Its refusal tells whether something is the password of the sign-in.
    require_slow(asking, now=now)
    client = client_of(asking)
    set_offline_password(
        client=client,
        payment_password=body.payment_password,
        password=body.password,
        now=now,
    )
    return _introduced(client)


@router.post("/offline/reconcile", response=JournalOut)
def compare(request: HttpRequest, body: JournalIn) -> JournalOut:
    """Tell the calling client what became of all that it was not told the end of."""
    asking = device(request)
    found = reconcile(
        device=asking, entries=body.pairs(), counter=body.counter, now=timezone.now()
    )
    entries = [OutcomeOut.of(outcome) for outcome in found]
    return JournalOut(state=client_of(asking).state, entries=entries)


@router.get("/offline/relay", response=RelayOut)
def show_relay(request: HttpRequest) -> RelayOut:
    """Return at which service the calling device stands."""
    return RelayOut.of(relay_of(device(request)), timezone.now())


@router.post("/offline/apply", response=AppliedOut)
def ask(request: HttpRequest, body: ApplyIn) -> HttpResponse:
    """Bring a client's application; get what the client has to sign."""
    applied = apply(device=device(request), application=body.content(), now=timezone.now())
    return sent(AppliedOut.of(applied))


@router.post("/offline/countersign", response=DecidedOut)
def decide(request: HttpRequest, body: CountersignIn) -> HttpResponse:
    """Bring a client's countersign; get the signed result, be it refused or not."""
    message, is_sealed = body.content()
    decided = countersign(
        device=device(request),
        serial=bytes.fromhex(body.serial),
        message=message,
        is_sealed=is_sealed,
        now=timezone.now(),
    )
    return sent(DecidedOut.of(decided))


@router.post("/offline/code", response=DecidedOut)
def take(request: HttpRequest, body: CodeIn) -> HttpResponse:
    """Bring a client's one-way code; get the signed result."""
    code, money = body.content()
    taken = take_code(
        device=device(request),
        code=code,
        money=money,
        request=request_key(request),
        now=timezone.now(),
    )
    return sent(DecidedOut.of(taken))


def _introduced(client: Client) -> HttpResponse:
    now = timezone.now()
    return sent(ClientOut.of(client, all_limits_of(client, now=now), now))
