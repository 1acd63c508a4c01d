"""Endpoints of phones: called by the device itself, and by its holder."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status

from accounts.security import HOLDER_AUTH, caller
from billing.ledger.schemas import PaymentPasswordIn
from binding import selectors, services
from binding.models import Binding
from binding.schemas import (
    BindingOut,
    IdentifiersIn,
    MessageIn,
    MessageOut,
    NonceOut,
    NumberCodeIn,
    NumberIn,
    PeerOut,
    PermitIn,
    PermitOut,
    RegisteredOut,
    RegistrationIn,
    SentOut,
)
from binding.security import DeviceAuth, device, shown_permit
from common.errors import InputInvalidError
from common.numbers import normalise
from common.schemas import Hex8
from protocol.binding import Purpose
from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64

router = Router(auth=DeviceAuth(), tags=["phones"])


@router.post("/binding/challenges", response={201: NonceOut})
def create_challenge(request: HttpRequest) -> Status[NonceOut]:
    """Get 16 bytes for the chip to sign within two minutes."""
    nonce, expires_at = services.new_challenge(device=device(request), now=timezone.now())
    return Status(201, NonceOut(nonce=to_base64(nonce), expires_at=expires_at))


@router.post("/binding/register", response={201: RegisteredOut})
def register(request: HttpRequest, body: RegistrationIn) -> Status[RegisteredOut]:
    """Begin to bind this device's chip and SIM to the number that was typed."""
    registered = services.register(
        device=device(request),
        registration_number=body.registration_number,
        identifiers=body.identifiers(),
        direction=body.proof,
        chip_proof=_signed(body),
        now=timezone.now(),
    )
    return Status(201, RegisteredOut.of_registered(registered))


@router.post("/binding/{uid}/proof", response=BindingOut)
def prove(request: HttpRequest, uid: Hex8, body: NumberCodeIn) -> BindingOut:
    """Prove the number by the code that was sent to it."""
    binding = services.prove_number(
        device=device(request), uid=bytes.fromhex(uid), code=body.code, now=timezone.now()
    )
    return BindingOut.of(binding)


@router.post("/binding/{uid}/approve", response=BindingOut)
def approve_as_device(request: HttpRequest, uid: Hex8) -> BindingOut:
    """Agree, as the phone that is to be replaced."""
    binding = services.agree_by_device(
        device=device(request), uid=bytes.fromhex(uid), now=timezone.now()
    )
    return BindingOut.of(binding)


@router.get("/binding", response=list[BindingOut])
def show(request: HttpRequest) -> list[BindingOut]:
    """Return what this device is, was, or is about to be bound to, newest first."""
    found = device(request)
    mine = selectors.bindings_of(holder=found.holder).filter(device=found)
    return [BindingOut.of(binding) for binding in mine[:20]]


@router.post("/binding/permits", response={201: PermitOut})
def issue_permit(request: HttpRequest, body: PermitIn) -> Status[PermitOut]:
    """Show chip, SIM and number as they are now, and get leave for one use."""
    issued = services.issue_permit(
        device=device(request),
        purpose=Purpose(body.purpose),
        identifiers=body.identifiers(),
        chip_proof=_signed(body),
        now=timezone.now(),
    )
    return Status(201, PermitOut.of(issued))


@router.post("/binding/peers", response=PeerOut)
def find_peer(request: HttpRequest, body: NumberIn) -> PeerOut:
    """Get the keys of another bound phone's chip, to write to it."""
    number = normalise(body.number)
    found = services.find_peer(device=device(request), number=number, now=timezone.now())
    return PeerOut.of(number, found)


@router.post("/binding/messages", response={201: SentOut})
def send_message(request: HttpRequest, body: MessageIn) -> Status[SentOut]:
    """Send a message to another bound phone; needs a permit in the header ``Permit``."""
    sent = services.send_message(
        device=device(request),
        to=normalise(body.to),
        message=_bytes(body.message),
        permit=shown_permit(request),
        now=timezone.now(),
    )
    return Status(201, SentOut(id=bytes(sent.uid).hex(), sent_at=sent.sent_at))


@router.get("/binding/messages", response=list[MessageOut])
def fetch_messages(request: HttpRequest, after: Hex8 | None = None) -> list[MessageOut]:
    """Return what was written to this phone, oldest first, a hundred at most."""
    behind = bytes.fromhex(after) if after else b""
    messages = services.fetch_messages(device=device(request), after=behind, now=timezone.now())
    return [MessageOut.of(message) for message in messages]


@router.get("/bindings", response=list[BindingOut], auth=HOLDER_AUTH)
def list_bindings(request: HttpRequest) -> list[BindingOut]:
    """List the caller's phones, newest first."""
    found = selectors.bindings_of(holder=caller(request))
    return [BindingOut.of(binding) for binding in found[:100]]


@router.post("/bindings/{uid}/suspend", response=BindingOut, auth=HOLDER_AUTH)
def suspend(request: HttpRequest, uid: Hex8) -> BindingOut:
    """Stop a phone that was lost or stolen."""
    binding = _of_caller(request, uid)
    services.report_stolen(binding, now=timezone.now())
    return _described(binding)


@router.post("/bindings/{uid}/resume", response=BindingOut, auth=HOLDER_AUTH)
def resume(request: HttpRequest, uid: Hex8, body: PaymentPasswordIn) -> BindingOut:
    """Let a phone go on that its holder, or a mismatch, stopped."""
    binding = _of_caller(request, uid)
    services.resume_by_holder(binding, password=body.payment_password, now=timezone.now())
    return _described(binding)


@router.post("/bindings/{uid}/approve", response=BindingOut, auth=HOLDER_AUTH)
def approve_as_holder(request: HttpRequest, uid: Hex8, body: PaymentPasswordIn) -> BindingOut:
    """Agree, after 24 hours, that a new phone takes the place of an old one."""
    binding = services.agree_by_holder(
        holder=caller(request),
        uid=bytes.fromhex(uid),
        password=body.payment_password,
        now=timezone.now(),
    )
    return BindingOut.of(binding)


@router.post("/bindings/{uid}/revoke", response=BindingOut, auth=HOLDER_AUTH)
def revoke(request: HttpRequest, uid: Hex8) -> BindingOut:
    """End a phone's binding for good, or refuse one that waits."""
    binding = _of_caller(request, uid)
    services.end_by_holder(binding, now=timezone.now())
    return _described(binding)


def _of_caller(request: HttpRequest, uid: str) -> Binding:
    return selectors.binding_of(holder=caller(request), uid=bytes.fromhex(uid))


def _described(binding: Binding) -> BindingOut:
    binding.refresh_from_db()
    return BindingOut.of(binding)


def _signed(body: IdentifiersIn) -> bytes:
    return _bytes(body.chip_proof)


def _bytes(text: str) -> bytes:
    try:
        return from_base64(text)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
