"""A message from one bound phone to another: only with a fresh permit, and only chips read it."""

from datetime import datetime, timedelta

from django.db import transaction

from audit.services import record
from binding.errors import (
    BindingSuspendedError,
    MessageInvalidError,
    NotBoundError,
    TooManyTriesError,
)
from binding.identifiers import number_hash
from binding.models import Binding, Device, Message
from binding.selectors import binding_of_device, inbox, peer, proofs_since
from binding.services.chips import raise_counter
from binding.services.permits import require_permit
from common.sealing import sealer
from protocol import binding as protocol
from protocol.binding import Purpose
from protocol.errors import ProtocolError

KEPT = timedelta(days=30)
MOST = 100
MAX_ASKED, ASKED_WITHIN = 60, timedelta(minutes=1)


def require_bound(device: Device) -> Binding:
    """Return what a device is bound to.

    Raises:
        NotBoundError, BindingSuspendedError: nothing, or it is stopped.
    """
    binding = binding_of_device(device)
    if binding is None:
        raise NotBoundError
    if not binding.is_bound:
        raise BindingSuspendedError
    return binding


def find_peer(*, device: Device, number: str, now: datetime) -> Binding:
    """Return the bound phone of a number, with its chip, for another bound phone to write to.

    Raises:
        NotBoundError, BindingSuspendedError: whoever asks is not bound.
        RecipientNotBoundError: nobody's bound phone has that number.
        TooManyTriesError: sixty requests within a minute: whoever has a bound phone could
            else find out which numbers have one.
    """
    require_bound(device)
    asked, _ = proofs_since(bytes(device.thumbprint), now - ASKED_WITHIN)
    if asked > MAX_ASKED:
        raise TooManyTriesError(retry_after=int(ASKED_WITHIN.total_seconds()))
    return peer(number=number)


def send_message(
    *, device: Device, to: str, message: bytes, permit: str | None, now: datetime
) -> Message:
    """Take a message for the bound phone of another number.

    Args:
        device: Of the sender.
        to: E.164.
        message: COSE cs-message, signed by the sender's chip; the platform cannot read it.
        permit: As the header ``Permit`` has it; ``None`` for any fresh one of this phone.
        now: Timezone-aware.

    Raises:
        NotBoundError, BindingSuspendedError: the sender may not.
        RecipientNotBoundError: nobody's bound phone has that number.
        MessageInvalidError: the chip did not sign it, for these two numbers.
        PermitRequiredError: there is no fresh permit.
        ChipCounterReplayError: it was sent before, or is older than the chip's last word.
    """
    sender = require_bound(device)
    recipient = peer(number=to)
    counter = _checked(sender, recipient, to, message)
    with transaction.atomic():
        require_permit(
            holder=device.holder, purpose=Purpose.MESSAGE, permit=permit, now=now, device=device
        )
        raise_counter(sender.chip, counter)
        sent = Message(sender=sender, recipient=recipient, sent_at=now)
        sent.sealed_content = sealer().seal(message, message_context(sent))
        sent.save()
        record(action="message.sent", actor=device.actor, subject=bytes(sent.uid).hex(), now=now)
    return sent


def fetch_messages(*, device: Device, after: bytes = b"", now: datetime) -> list[Message]:
    """Return what was written to a device's phone, oldest first, a hundred at most.

    Args:
        device: Of the recipient.
        after: Id of the last one that it has; empty for all.
        now: Timezone-aware.

    Raises:
        NotBoundError, BindingSuspendedError: it may not read.
    """
    messages = list(inbox(require_bound(device), after=after)[:MOST])
    fetched = [message.pk for message in messages if message.fetched_at is None]
    Message.objects.filter(pk__in=fetched).update(fetched_at=now)
    return messages


def content_of(message: Message) -> bytes:
    """Return a message as its sender's chip signed it."""
    return sealer().open(bytes(message.sealed_content), message_context(message))


def forget_old_messages(*, now: datetime) -> None:
    """Delete messages thirty days after they were sent."""
    Message.objects.filter(sent_at__lt=now - KEPT).delete()


def message_context(message: Message) -> bytes:
    """Return what a message is sealed with."""
    return b"message " + bytes(message.uid)


def _checked(sender: Binding, recipient: Binding, to: str, message: bytes) -> int:
    """Return the counter of a message that is this phone's to that number."""
    try:
        said = protocol.Message.open(message, key=bytes(sender.chip.key))
    except ProtocolError as error:
        raise MessageInvalidError from error
    is_own = number_hash(said.sender) == bytes(sender.number_hash)
    if not is_own or said.recipient != to or sender.pk == recipient.pk:
        raise MessageInvalidError
    return said.counter
