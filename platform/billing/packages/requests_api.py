"""Endpoints by which terminals ask to be charged, and see what became of it."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router, Status

from billing.packages.requests_schemas import (
    NoncesIn,
    NoncesOut,
    RequestIn,
    RequestOut,
    TerminalOut,
)
from billing.packages.security import PartyAuth, asked_request
from billing.packages.selectors_requests import terminal_of
from billing.packages.services.receive import receive_network
from billing.packages.services.terminals import NONCE_LIFE, issue_nonces, register_terminal
from binding.security import DeviceAuth, device, shown_permit
from common.schemas import Hex8, sent

router = Router(auth=DeviceAuth(), tags=["billing"])


@router.post("/billing/terminal", response=TerminalOut)
def register(request: HttpRequest) -> TerminalOut:
    """Register the calling device for billing; again answers the same."""
    return TerminalOut.of(register_terminal(device(request), timezone.now()))


@router.post("/billing/nonces", response={201: NoncesOut})
def fetch_nonces(request: HttpRequest, body: NoncesIn) -> Status[NoncesOut]:
    """Get nonces to bill with, also while off-line; beyond twenty the oldest are void."""
    now = timezone.now()
    drawn = issue_nonces(terminal_of(device(request)), body.count, now)
    nonces = [nonce.hex() for nonce in drawn]
    return Status(201, NoncesOut(nonces=nonces, expires_at=now + NONCE_LIFE))


@router.post("/billing/request", response={200: RequestOut, 202: RequestOut})
def bill(request: HttpRequest, body: RequestIn) -> HttpResponse:
    """Ask to be charged: 200 when that is done, 202 while the payer has yet to prove it."""
    taken = receive_network(
        device(request),
        bytes.fromhex(body.package),
        body.content(),
        timezone.now(),
        permit=shown_permit(request),
    )
    answer = RequestOut.of(taken)
    return sent(answer, status=200 if answer.is_final else 202)


@router.get("/billing/requests/{uid}", response=RequestOut, auth=PartyAuth())
def show_request(request: HttpRequest, uid: Hex8) -> RequestOut:
    """Return what became of a request, to its terminal and to the payer."""
    return RequestOut.of(asked_request(request, bytes.fromhex(uid)))
