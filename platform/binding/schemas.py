"""The JSON of phones, in and out."""

from datetime import datetime
from typing import Annotated, Literal, Self

from django.conf import settings
from ninja import Schema
from pydantic import Field, StringConstraints

from binding.identifiers import Identifiers
from binding.models import Binding, Message
from binding.services.messages import content_of
from binding.services.permits import Issued
from binding.services.register import Registered
from common.schemas import Input
from protocol.jwk import to_base64

# Wider than anything a phone reads; what it may be is looked at behind it.
Code = Annotated[str, Field(max_length=64)]
Signed = Annotated[str, Field(max_length=6000)]


class IdentifiersIn(Input):
    """What the phone reads from its hardware in this moment."""

    chip_serial: Code
    sim_code: Code
    comm_number: Code
    chip_proof: Signed

    def identifiers(self) -> Identifiers:
        """Return them, checked.

        Raises:
            NoSimError, NumberInvalidError, InputInvalidError: they cannot be right.
        """
        return Identifiers.read(
            chip_serial=self.chip_serial,
            sim_code=self.sim_code,
            comm_number=self.comm_number,
        )


class RegistrationIn(IdentifiersIn):
    """A registration; the registration number is what somebody typed."""

    registration_number: Code
    proof: Literal["to_phone", "from_phone"]


class PermitIn(IdentifiersIn):
    """What a permit is wanted for."""

    purpose: Literal["billing", "step", "countersign", "offline", "message"]


class NumberCodeIn(Input):
    """The six digits that came by SMS."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class NumberIn(Input):
    """A phone number."""

    number: Code


class MessageIn(Input):
    """A message: the recipient's number, and what the sender's chip signed, as base64url."""

    to: Code
    message: Signed


class NonceOut(Schema):
    """16 bytes as base64url, for the chip to sign once."""

    nonce: str
    expires_at: datetime


class BindingOut(Schema):
    """A phone, and how it stands."""

    binding: str
    device: str
    number: str
    state: str
    reason: str
    replaces: str | None
    waits_for_consent: bool
    may_bind_at: datetime | None
    created_at: datetime
    bound_at: datetime | None

    @classmethod
    def of(cls, binding: Binding) -> "BindingOut":
        """Describe a phone; of its number, the last digits."""
        return cls(
            binding=binding.public_id,
            device=binding.device.public_id,
            number=f"…{binding.number_tail}",
            state=binding.state,
            reason=binding.reason,
            replaces=binding.replaces.public_id if binding.replaces else None,
            waits_for_consent=binding.waits_for_consent,
            may_bind_at=binding.may_bind_at,
            created_at=binding.created_at,
            bound_at=binding.bound_at,
        )


class RegisteredOut(BindingOut):
    """A registration, and what the phone has to send to which number, if it has to."""

    send_to: str | None
    text: str | None

    @classmethod
    def of_registered(cls, registered: Registered) -> Self:
        """Describe a registration."""
        sends = bool(registered.text)
        return cls(
            **BindingOut.of(registered.binding).dict(),
            send_to=settings.SMS_NUMBER if sends else None,
            text=registered.text if sends else None,
        )


class PermitOut(Schema):
    """A permit: for the header ``Permit``, and as the platform signed it; base64url."""

    permit: str
    signed: str
    expires_at: datetime

    @classmethod
    def of(cls, issued: Issued) -> "PermitOut":
        """Describe a permit."""
        return cls(
            permit=to_base64(issued.permit),
            signed=to_base64(issued.signed),
            expires_at=issued.expires_at,
        )


class PeerOut(Schema):
    """The chip of a bound phone: its keys, as base64url."""

    number: str
    chip_key: str
    box_key: str

    @classmethod
    def of(cls, number: str, binding: Binding) -> "PeerOut":
        """Describe the chip of a phone."""
        chip = binding.chip
        return cls(
            number=number,
            chip_key=to_base64(bytes(chip.key)),
            box_key=to_base64(bytes(chip.box_key)),
        )


class SentOut(Schema):
    """A message that was taken."""

    id: str
    sent_at: datetime


class MessageOut(SentOut):
    """A message that came, and the key by which its sender's chip signed it; base64url."""

    message: str
    chip_key: str

    @classmethod
    def of(cls, message: Message) -> "MessageOut":
        """Describe a message."""
        return cls(
            id=bytes(message.uid).hex(),
            sent_at=message.sent_at,
            message=to_base64(content_of(message)),
            chip_key=to_base64(bytes(message.sender.chip.key)),
        )
