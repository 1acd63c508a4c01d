"""Write notices in the caller's transaction; deliver them outside any."""

import logging
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.utils.translation import get_language, override

from notices.models import MailedReceipt, Notice, WebhookEndpoint

logger = logging.getLogger(__name__)

MAX_FAILURES = 8
FIRST_WAIT = timedelta(seconds=5)
# No mail takes so long to be handed over.
SENDING = timedelta(hours=1)


def notify(
    *,
    kind: str,
    email: str,
    now: datetime,
    transaction: str = "",
    token: str = "",
    approval: int | None = None,
    organisation: str = "",
    page: str = "",
    fragment: str = "",
    holder_id: int | None = None,
    language: str = "",
) -> None:
    """Add a notice to the inbox of a holder, or to the outbox for an e-mail address.

    Args:
        kind: One of :class:`Notice.Kind`.
        email: Where it is sent.
        now: Timezone-aware.
        transaction: Public id of what it is about; nothing of its content goes into a message.
        token: Serial of the token, where it is about one and not about a transaction.
        approval: Number of what waits for a second operator, where it is about that.
        organisation: Public id, where it is about an organisation.
        page: Path of the page that shows it, where it is about nothing of these.
        fragment: What stands behind the # of that page in the e-mail, and nowhere once it is sent.
        holder_id: Whose inbox shows it, where the person has an account.
        language: In which the person reads; that of whoever caused it where that is not known.
    """
    Notice.objects.create(
        kind=kind,
        holder_id=holder_id,
        email=email,
        language=language or get_language() or "",
        transaction=transaction,
        token=token,
        approval=approval,
        organisation=organisation,
        page=page,
        fragment=fragment,
        created_at=now,
    )


def hand_over(*, email: str, holder_id: int) -> None:
    """Put what was sent to an address into the inbox of the holder it belongs to from now on."""
    Notice.objects.filter(holder=None, email=email).update(holder_id=holder_id)


def forget_holder(*, holder_id: int, email: str) -> None:
    """Delete whatever was written to a holder, and the programs that are told of the holder."""
    Notice.objects.filter(Q(holder=holder_id) | Q(email=email)).delete()
    MailedReceipt.objects.filter(Q(sender=holder_id) | Q(email=email)).delete()
    WebhookEndpoint.objects.filter(holder=holder_id).delete()


def mark_read(*, holder_id: int, now: datetime) -> None:
    """Note that a holder has looked at everything in the inbox."""
    Notice.objects.filter(holder_id=holder_id, read_at=None).update(read_at=now)


def deliver_notices(*, now: datetime, limit: int = 100) -> int:
    """Send what was not sent yet, oldest first; return how many went out.

    A notice is claimed before it is sent, so that two workers never send it twice.
    """
    sent = 0
    _forget_fragments(now)
    # Each failure makes the wait four times as long, so that eight tries last a day.
    due = [
        Q(failures=failures, created_at__lte=now - FIRST_WAIT * (4**failures - 1))
        for failures in range(MAX_FAILURES)
    ]
    unsent = Notice.objects.filter(reduce(or_, due), sent_at=None).order_by("pk")
    for notice in unsent[:limit]:
        if Notice.objects.filter(pk=notice.pk, sent_at=None).update(sent_at=now):
            sent += _send(notice)
    return sent


def _forget_fragments(now: datetime) -> None:
    """Clear what could not be sent, and what a worker that was ended meanwhile had sent."""
    over = Q(sent_at__lt=now - SENDING) | Q(failures__gte=MAX_FAILURES)
    Notice.objects.filter(over).exclude(fragment="").update(fragment="")


def _send(notice: Notice) -> bool:
    with override(notice.language or settings.LANGUAGE_CODE):
        subject = str(notice.words.title)
        context = {"notice": notice, "origin": settings.COUNTERSIGN_ORIGIN}
        body = render_to_string("notices/email.txt", context)
    try:
        send_mail(subject, body, None, [notice.email])
    # The last: an address that no mail header can carry.
    except (OSError, SMTPException, ValueError):
        logger.warning("notice.failed", extra={"notice": notice.pk}, exc_info=True)
        Notice.objects.filter(pk=notice.pk).update(sent_at=None, failures=F("failures") + 1)
        return False
    if notice.fragment:
        Notice.objects.filter(pk=notice.pk).update(fragment="")
    return True
