"""Endpoints on the caller's tokens."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status

from accounts.security import HOLDER_AUTH, caller
from enrolment import selectors, services
from enrolment.models import Token
from enrolment.schemas import Action, AssignIn, PairingOut, Serial, TokenIn, TokenOut

router = Router(auth=HOLDER_AUTH, tags=["tokens"])


@router.post("/tokens", response={201: PairingOut})
def enrol(request: HttpRequest, body: TokenIn) -> Status[PairingOut]:
    """Pair an authentication server with a new token, and get the link to enrol it with."""
    pairing = services.start_enrolment(
        holder=caller(request),
        name=body.name,
        suite=body.suite,
        replaces=body.replaces or "",
        now=timezone.now(),
    )
    token = TokenOut.from_orm(pairing.token)
    return Status(201, PairingOut(**token.dict(), invitation=pairing.invitation))


@router.post("/tokens/assign", response={201: TokenOut})
def assign(request: HttpRequest, body: AssignIn) -> Status[Token]:
    """Take a token from stock that the caller has in hand; it waits for its activation then."""
    token = services.assign_token(
        holder=caller(request),
        serial=body.serial,
        name=body.name,
        replaces=body.replaces or "",
        now=timezone.now(),
    )
    return Status(201, token)


@router.get("/tokens", response=list[TokenOut])
def list_tokens(request: HttpRequest) -> list[Token]:
    """List the caller's tokens, newest first."""
    return list(selectors.tokens_of(holder=caller(request)))


@router.get("/tokens/{serial}", response=TokenOut)
def show_token(request: HttpRequest, serial: Serial) -> Token:
    """Return one of the caller's tokens."""
    return selectors.token_of(holder=caller(request), serial=serial)


@router.post("/tokens/{serial}/{action}", response=TokenOut)
def change_state(request: HttpRequest, serial: Serial, action: Action) -> Token:
    """Suspend, resume or revoke one of the caller's tokens; or give back one from stock."""
    return services.change_state(
        holder=caller(request), serial=serial, action=action, now=timezone.now()
    )
