"""Hand a receipt out, whatever it is of: drawn, or its link by e-mail."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpResponse

from audit.services import record
from common.errors import NotFoundError
from common.paper import Paper
from common.qrcodes import RECEIPT_FORMS, answer
from notices.services import mail_receipt
from protocol.qrtext import Link
from protocol.receipt import identity
from signing.services import link_to
from transactions.selectors import visible_receipt

if TYPE_CHECKING:
    from accounts.models import Holder


def share_receipt(*, holder: "Holder", receipt_id: bytes, email: str, now: datetime) -> None:
    """Send the link of a receipt to an e-mail address, for one of its parties.

    Raises:
        NotFoundError: there is none for the holder to see.
        RateLimitedError: as :func:`notices.services.mail_receipt`.
    """
    step = visible_receipt(holder=holder, receipt_id=receipt_id)
    share_message(holder=holder, receipt=step.receipt, email=email, now=now)


def share_message(
    *, holder: "Holder", receipt: bytes | memoryview | None, email: str, now: datetime
) -> None:
    """Send the link of a receipt that the holder may see, whatever it is of.

    Raises:
        NotFoundError: there is none.
        RateLimitedError: as :func:`notices.services.mail_receipt`.
    """
    receipt = _made(receipt)
    link, subject = link_to(Link.RECEIPT, receipt), identity(receipt).hex()
    with transaction.atomic():
        mail_receipt(sender_id=holder.pk, email=email, link=link, now=now)
        record(action="receipt.mailed", actor=holder.actor, subject=subject, now=now)


def draw_message(
    receipt: bytes | memoryview | None, form: str, name: str, *, reader: str, paper: Paper = "a4"
) -> HttpResponse:
    """Return a receipt that the reader may see in one of ``RECEIPT_FORMS``, whatever it is of.

    Args:
        receipt: The signed message; None where nothing came of what was asked for.
        form: Which.
        name: Of the file, without its ending.
        reader: Account of who asks.
        paper: Size of a PDF.

    Raises:
        NotFoundError: there is no receipt, or no such form.
        And as :func:`common.qrcodes.answer`.
    """
    receipt = _made(receipt)
    if form not in RECEIPT_FORMS:
        raise NotFoundError("There is no such receipt.")
    text = link_to(Link.RECEIPT, receipt)
    return answer(text, receipt, form, name, reader=reader, paper=paper)


def _made(receipt: bytes | memoryview | None) -> bytes:
    if receipt is None:
        raise NotFoundError("There is no such receipt.")
    return bytes(receipt)
