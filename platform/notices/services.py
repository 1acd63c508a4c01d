"""Write notices in the caller's transaction; deliver them outside any."""

import logging
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import F, Q

from notices.models import Notice

logger = logging.getLogger(__name__)

MAX_FAILURES = 8
FIRST_WAIT = timedelta(seconds=5)
_SUBJECTS = {
    Notice.Kind.STEP_WAITS: "A transaction waits for you",
    Notice.Kind.CONTINUED: "Your transaction was continued",
    Notice.Kind.REFUSED: "A step was refused",
    Notice.Kind.EXPIRED: "A step expired",
}
_BODY = """{subject}.

Transaction {transaction}
{origin}/transactions/{transaction}

Sign in to see what it is about. We never ask for a code by e-mail.
"""


def notify(
    *, kind: str, email: str, transaction: str, now: datetime, holder_id: int | None = None
) -> None:
    """Add a notice to the inbox of a holder, or to the outbox for an e-mail address.

    Args:
        kind: One of :class:`Notice.Kind`.
        email: Where it is sent.
        transaction: Public id; nothing of its content goes into a message.
        now: Timezone-aware.
        holder_id: Whose inbox shows it, where the person has an account.
    """
    Notice.objects.create(
        kind=kind, holder_id=holder_id, email=email, transaction=transaction, created_at=now
    )


def deliver_notices(*, now: datetime, limit: int = 100) -> int:
    """Send what was not sent yet, oldest first; return how many went out.

    A notice is claimed before it is sent, so that two workers never send it twice.
    """
    sent = 0
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


def _send(notice: Notice) -> bool:
    subject = _SUBJECTS[Notice.Kind(notice.kind)]
    body = _BODY.format(
        subject=subject, transaction=notice.transaction, origin=settings.COUNTERSIGN_ORIGIN
    )
    try:
        send_mail(subject, body, None, [notice.email])
    # The last: an address that no mail header can carry.
    except (OSError, SMTPException, ValueError):
        logger.warning("notice.failed", extra={"notice": notice.pk}, exc_info=True)
        Notice.objects.filter(pk=notice.pk).update(sent_at=None, failures=F("failures") + 1)
        return False
    return True
