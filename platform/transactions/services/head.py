"""The head of a chain: the signed step, shown by its receipt, behind which the next one stands."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone

from protocol import cose, qrtext
from protocol.errors import ProtocolError
from protocol.jwk import from_base64
from protocol.keys import Purpose, find_signer
from protocol.qrtext import Link
from protocol.receipt import Receipt, identity
from protocol.statement import Kind
from signing.selectors import certificates
from signing.services import platform_information
from transactions.errors import (
    ChainHeadMovedError,
    NotToBeContinuedError,
    NotYourTurnError,
    PreviousStepUnsignedError,
    ReceiptNotOursError,
    ReceiptSignatureInvalidError,
)
from transactions.models import Step
from transactions.selectors import step_by_digest, step_by_receipt
from transactions.services.recover import recover_head
from transactions.services.withdraw import expire_step
from transactions.standing import MAX_UNSUCCESSFUL_PER_HEAD, refusal_of_turn

if TYPE_CHECKING:
    from accounts.models import Holder


def receipt_bytes(text: str) -> bytes:
    """Return the COSE bytes of a receipt given as QR text or as base64url without padding.

    Raises:
        ReceiptNotOursError: it is neither.
    """
    text = text.strip()
    try:
        if text.startswith("http"):
            return qrtext.decode(text, Link.RECEIPT)[1]
        return from_base64(text)
    except ProtocolError as error:
        raise ReceiptNotOursError("This is not the text of a receipt.") from error


def head_of(receipt: bytes) -> Step:
    """Return the signed step that a receipt belongs to, or say what is wrong with the receipt.

    Raises:
        ReceiptNotOursError, ReceiptSignatureInvalidError, PreviousStepUnsignedError,
        PreviousContentChangedError, PreviousStepForgottenError, ChainHeadMovedError,
        NotToBeContinuedError: the receipt is no base for a step.
    """
    step = stored_head(identity(receipt))
    if step is not None:
        return step
    _require_ours(receipt)
    # Ours, and not stored: this database was restored from a backup that is older.
    return _as_head(recover_head(receipt, now=timezone.now()))


def stored_head(receipt_id: bytes) -> Step | None:
    """Return the signed step whose stored receipt has this identity.

    Raises:
        PreviousStepUnsignedError, NotToBeContinuedError: the step is there, but it is no base for
            another one.
    """
    step = step_by_receipt(receipt_id)
    return step and _as_head(step)


def require_turn(head: Step, holder: "Holder") -> None:
    """Refuse a holder who may not continue, as far as the head itself tells.

    Raises:
        NotYourTurnError, TransactionClosedError: the holder may not continue, or nobody may.
    """
    refusal = refusal_of_turn(head, holder)
    if refusal is not None:
        raise refusal


def clear_way(head: Step, holder: "Holder", now: datetime) -> None:
    """Make sure that nobody holds the place behind the head; an expired step does not.

    Raises:
        ChainHeadMovedError: somebody does.
        NotYourTurnError: the holder has left too many steps there unsigned.
    """
    unsuccessful = 0
    for step in Step.objects.filter(
        transaction_id=head.transaction_id, position=head.position + 1
    ).only("s", "state", "holder_id", "expires_at"):
        if step.is_overdue(now):
            late = step_by_digest(bytes(step.s))
            expire_step(late, now=now)
            step.state = late.state
        if step.state in Step.HOLDS:
            raise ChainHeadMovedError
        unsuccessful += step.holder_id == holder.pk
    if unsuccessful >= MAX_UNSUCCESSFUL_PER_HEAD:
        raise NotYourTurnError(
            "You have left two steps here unsigned; somebody else may continue."
        )


def _as_head(step: Step) -> Step:
    if not step.is_signed:
        raise PreviousStepUnsignedError
    if not Kind(step.kind).is_business:
        raise NotToBeContinuedError
    return step


def _require_ours(receipt: bytes) -> None:
    """Refuse what is no receipt of a signed step that we signed ourselves."""
    try:
        signed = cose.parse(receipt)
        read = Receipt.from_signed(signed)
    except ProtocolError as error:
        raise ReceiptNotOursError from error
    if read.platform.id != platform_information().id:
        raise ReceiptNotOursError
    if find_signer(signed, certificates(Purpose.RECEIPT)) is None:
        raise ReceiptSignatureInvalidError
    if not read.is_accepted:
        raise PreviousStepUnsignedError
