"""Send SMS, written with the change and sent after it; and take those that come in, once each."""

import logging
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.module_loading import import_string

from common.errors import RateLimitedError
from common.numbers import NumberInvalidError, normalise
from common.sealing import sealer
from notices.models import SmsMessage, SmsReceived
from notices.sms import backend
from notices.sms.backends import SmsRefusedError, SmsUnavailableError
from protocol.errors import ProtocolError

logger = logging.getLogger(__name__)

# To one number: more would flood whoever has it, and cost.
MAX_AN_HOUR = 10
# How long after each try that came to nothing the next one is made; after the last, no more.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 20, 60, 300, 900, 3600))
KEPT = timedelta(days=30)
# Longer than a try can take: whoever claimed a message and died loses it after this.
LEASE = timedelta(minutes=2)
_HOUR = timedelta(hours=1)


def send_sms(
    *, number: str, text: str, purpose: str, expires_at: datetime, now: datetime
) -> SmsMessage:
    """Write an SMS, to be sent once the caller's transaction is committed.

    Args:
        number: E.164.
        text: Short; it may hold a code.
        purpose: Such as ``number_proof``.
        expires_at: It is of no use, and not sent, after this.
        now: Timezone-aware.

    Raises:
        NumberInvalidError: it is no phone number.
        RateLimitedError: the number was written to ten times within the hour.
    """
    number = normalise(number)
    number_hash = _hash_of(number)
    lately = SmsMessage.objects.filter(number_hash=number_hash, created_at__gt=now - _HOUR)
    if lately.count() >= MAX_AN_HOUR:
        raise RateLimitedError(int(_HOUR.total_seconds()))
    public_id = f"sms_{secrets.token_hex(16)}"
    seal = sealer().seal
    return SmsMessage.objects.create(
        public_id=public_id,
        purpose=purpose,
        number_hash=number_hash,
        sealed_number=seal(number.encode(), sms_context(public_id, "number")),
        sealed_text=seal(text.encode(), sms_context(public_id, "text")),
        created_at=now,
        due_at=now,
        expires_at=expires_at,
    )


def deliver_sms(*, now: datetime, limit: int = 50) -> int:
    """Send what is due, oldest first; return how many went out.

    Each is claimed before it is sent, so that two workers do not send it at once.  One that was
    sent while its answer got lost is sent again: it may arrive twice.
    """
    began = time.monotonic()
    SmsMessage.objects.filter(due_at__lte=now, expires_at__lte=now).update(
        due_at=None, sealed_text=b""
    )
    sent = 0
    for message in SmsMessage.objects.filter(due_at__lte=now).order_by("due_at")[:limit]:
        # Those before it took their time.
        at = now + timedelta(seconds=time.monotonic() - began)
        if not _claim(message, at):
            continue
        try:
            sent += _send(message, at)
        except SmsUnavailableError:
            _try_later(message, at)
            # What is behind it would wait for the same answer, one after the other.
            break
    return sent


def take_sms(*, provider: str, provider_id: str, sender: str, text: str, now: datetime) -> bool:
    """Hand an SMS that came in to whoever waits for one.

    Args:
        provider: How it came, such as ``webhook``.
        provider_id: Its id there, at most 64 characters.
        sender: The number that it is from, as the provider writes it.
        text: What it says.
        now: Timezone-aware.

    Returns:
        Whether it is new; one that was taken before changes nothing.
    """
    try:
        number = normalise(sender)
    except NumberInvalidError:
        # A name or a short code: nobody here waits for these.
        number = ""
    with transaction.atomic():
        try:
            with transaction.atomic():
                row = SmsReceived.objects.create(
                    provider=provider,
                    provider_id=provider_id,
                    sender_hash=_hash_of(number or sender),
                    received_at=now,
                )
        except IntegrityError:
            return False
        if number:
            row.handler = _handled_by(number, text, now)
            row.save(update_fields=["handler"])
    return True


def forget_old_sms(*, now: datetime) -> None:
    """Forget after 30 days to whom an SMS went, and that one came."""
    SmsMessage.objects.filter(due_at=None, created_at__lt=now - KEPT).delete()
    SmsReceived.objects.filter(received_at__lt=now - KEPT).delete()


def sms_context(public_id: str, field: str) -> bytes:
    """Return what the ``number`` or the ``text`` of an SMS is sealed with."""
    return f"sms {public_id} {field}".encode()


def _handled_by(number: str, text: str, now: datetime) -> str:
    """Ask each of SMS_HANDLERS; return the first that says it was for it."""
    for path in settings.SMS_HANDLERS:
        take: Callable[[str, str, datetime], bool] = import_string(path)
        if take(number, text, now):
            return str(path)
    return ""


def _claim(message: SmsMessage, at: datetime) -> bool:
    """Take a message for this worker alone, for a while."""
    unclaimed = SmsMessage.objects.filter(pk=message.pk, due_at=message.due_at)
    return unclaimed.update(due_at=at + LEASE, tries=F("tries") + 1) == 1


def _send(message: SmsMessage, at: datetime) -> bool:
    rows = SmsMessage.objects.filter(pk=message.pk)
    try:
        provider_id = backend().send(_opened(message, "number"), _opened(message, "text"))
    # The last: sealed under a key that is no more.
    except (SmsRefusedError, ProtocolError):
        logger.warning("sms.refused", extra={"sms": message.public_id})
        rows.update(due_at=None, sealed_text=b"")
        return False
    rows.update(due_at=None, sealed_text=b"", sent_at=at, provider_id=provider_id)
    return True


def _try_later(message: SmsMessage, at: datetime) -> None:
    logger.warning("sms.failed", extra={"sms": message.public_id})
    rows = SmsMessage.objects.filter(pk=message.pk)
    if message.tries < len(WAITS):
        rows.update(due_at=at + WAITS[message.tries])
    else:
        rows.update(due_at=None, sealed_text=b"")


def _opened(message: SmsMessage, field: str) -> str:
    sealed = message.sealed_number if field == "number" else message.sealed_text
    return sealer().open(bytes(sealed), sms_context(message.public_id, field)).decode()


def _hash_of(number: str) -> bytes:
    return sealer().keyed_hash("sms-number", number.encode())
