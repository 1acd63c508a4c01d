"""Send a receipt's link to an e-mail address, and not too many of them."""

from datetime import UTC, datetime, time, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from common.errors import RateLimitedError
from notices.models import MailedReceipt
from notices.services.letters import notify

MAX_BY_SENDER = 20
MAX_TO_ADDRESS = 5
KIND = "receipt_sent"


def mail_receipt(*, sender_id: int, email: str, link: str, now: datetime) -> None:
    """Write a mail with a receipt's link; of the receipt it says nothing else, nor who sends it.

    Args:
        sender_id: The holder who asked for it.
        email: Where it goes; nobody has to have an account there.
        link: The text of the receipt's QR code; it is kept until it was sent.
        now: Timezone-aware.

    Raises:
        RateLimitedError: the holder sent too many today (UTC), or the address got too many from
            whomever; or, of two at once, the other one goes first.
    """
    today = now.astimezone(UTC).date()
    _forget_old(now)
    mailed = MailedReceipt.objects.filter(day=today)
    by_sender = _next(mailed.filter(sender=sender_id), "number_by_sender")
    to_address = _next(mailed.filter(email=email), "number_to_address")
    if by_sender >= MAX_BY_SENDER or to_address >= MAX_TO_ADDRESS:
        tomorrow = datetime.combine(today + timedelta(days=1), time(), UTC)
        raise RateLimitedError(max(1, int((tomorrow - now).total_seconds())))
    digits = link.partition("#")[2]
    try:
        with transaction.atomic():
            # Its numbers are unique, so that two at once are never counted as one.
            MailedReceipt.objects.create(
                sender_id=sender_id,
                email=email,
                day=today,
                number_by_sender=by_sender,
                number_to_address=to_address,
            )
            notify(kind=KIND, email=email, page="/r", fragment=digits, now=now)
    except IntegrityError as error:
        raise RateLimitedError(1) from error


def _next(mailed: QuerySet[MailedReceipt], number: str) -> int:
    """Return the number behind the highest; not the count, since rows go with who leaves."""
    highest: int | None = mailed.aggregate(highest=Max(number))["highest"]
    return 0 if highest is None else highest + 1


def _forget_old(now: datetime) -> None:
    """Delete what no limit counts any more."""
    MailedReceipt.objects.filter(day__lt=(now - timedelta(days=2)).date()).delete()
