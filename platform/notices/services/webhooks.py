"""Tell programs of events: Standard Webhooks (github.com/standard-webhooks), version 1.

An event is written with the change it tells of, one message for each endpoint, and sent after it
until it arrives.  A message may arrive twice, and not in order; its ``webhook-id`` tells which is
which.
"""

import base64
import hmac
import json
import logging
import secrets
import time
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from common.errors import NotFoundError
from common.sealing import sealer
from notices.errors import TooManyWebhooksError, WebhookKnownError
from notices.models import WebhookEndpoint, WebhookMessage
from notices.outgoing import NotReachedError, check_url, post

logger = logging.getLogger(__name__)

MAX_ENDPOINTS = 10
# How long after each try that came to nothing the next one is made; after the last, no more.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
KEPT = timedelta(days=30)
_SECRET_BYTES = 32
# Longer than a try can take: whoever claimed a message and died loses it after this.
_LEASE = timedelta(minutes=1)
_AT_ONCE = 8
# An endpoint is told of what happens from this many seconds after it was made.
_LOOK_AGAIN_SECONDS = 5.0

_looked = {"at": -_LOOK_AGAIN_SECONDS, "any": 0.0}


def publish(event: str, data: dict[str, Any], *, holders: Collection[int], now: datetime) -> None:
    """Write an event for every endpoint of these holders, and those told of everything.

    In the caller's transaction.  Where there are no endpoints at all it costs nothing.

    Args:
        event: Dotted name, such as ``step.signed``.
        data: Public ids and states; JSON.
        holders: Whom it concerns.
        now: Timezone-aware.
    """
    if not _are_there_any():
        return
    told = WebhookEndpoint.objects.filter(Q(holder=None) | Q(holder__in=holders), stopped_at=None)
    _write(told, event, data, now)


def add_endpoint(*, holder_id: int | None, url: str, now: datetime) -> tuple[WebhookEndpoint, str]:
    """Begin to tell an address of events.

    Args:
        holder_id: Whose events; ``None`` for everybody's.
        url: An https address of a named host.
        now: Timezone-aware.

    Returns:
        The endpoint, and its secret ``whsec_…``, which is shown this once.

    Raises:
        WebhookUrlInvalidError, WebhookKnownError, TooManyWebhooksError: it is refused.
    """
    check_url(url)
    if WebhookEndpoint.objects.filter(holder=holder_id).count() >= MAX_ENDPOINTS:
        raise TooManyWebhooksError
    secret = secrets.token_bytes(_SECRET_BYTES)
    try:
        with transaction.atomic():
            endpoint = WebhookEndpoint.objects.create(
                holder_id=holder_id, url=url, sealed_secret=_sealed(secret, url), created_at=now
            )
    except IntegrityError as error:
        raise WebhookKnownError from error
    _looked["at"] = -_LOOK_AGAIN_SECONDS
    return endpoint, _shown(secret)


def remove_endpoint(*, holder_id: int | None, endpoint_id: int) -> None:
    """Forget an endpoint and what it was to be told.

    Raises:
        NotFoundError: the holder has no such endpoint.
    """
    endpoint_of(holder_id, endpoint_id).delete()


def renew_secret(*, holder_id: int | None, endpoint_id: int) -> str:
    """Give an endpoint a new secret, and return it; the old one ends at once.

    Raises:
        NotFoundError: the holder has no such endpoint.
    """
    endpoint = endpoint_of(holder_id, endpoint_id)
    secret = secrets.token_bytes(_SECRET_BYTES)
    endpoint.sealed_secret = _sealed(secret, endpoint.url)
    endpoint.save(update_fields=["sealed_secret"])
    return _shown(secret)


def resume_endpoint(*, holder_id: int | None, endpoint_id: int, now: datetime) -> None:
    """Go on with an endpoint that was stopped; what waited for it is sent now.

    Raises:
        NotFoundError: the holder has no such endpoint.
    """
    endpoint = endpoint_of(holder_id, endpoint_id)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(stopped_at=None)
    endpoint.messages.filter(due_at__isnull=False).update(due_at=now, tries=0)


def send_test(*, holder_id: int | None, endpoint_id: int, now: datetime) -> None:
    """Send an endpoint an event of type ``webhook.test``.

    Raises:
        NotFoundError: the holder has no such endpoint.
    """
    _write([endpoint_of(holder_id, endpoint_id)], "webhook.test", {"test": True}, now)


def endpoint_of(holder_id: int | None, endpoint_id: int) -> WebhookEndpoint:
    """Return an endpoint of a holder, or of the operators.

    Raises:
        NotFoundError: there is none.
    """
    endpoint = WebhookEndpoint.objects.filter(holder=holder_id, pk=endpoint_id).first()
    if endpoint is None:
        raise NotFoundError("There is no such webhook.")
    return endpoint


def deliver_webhooks(*, now: datetime, limit: int = 100) -> int:
    """Send what is due, oldest first; return how many messages arrived.

    A message is claimed before it is sent, so that two workers do not send it at once.
    """
    due = WebhookMessage.objects.filter(due_at__lte=now, endpoint__stopped_at=None)
    claimed = [
        message
        for message in due.select_related("endpoint").order_by("due_at")[:limit]
        if WebhookMessage.objects.filter(pk=message.pk, due_at=message.due_at).update(
            due_at=now + _LEASE, tries=F("tries") + 1
        )
    ]
    # One that does not answer delays no other.
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        statuses = list(threads.map(_send, claimed))
    for message, status in zip(claimed, statuses, strict=True):
        _note(message, status, now)
    return statuses.count(HTTPStatus.OK)


def forget_old_messages(*, now: datetime) -> None:
    """Forget what arrived, or never will, after 30 days."""
    WebhookMessage.objects.filter(due_at=None, created_at__lt=now - KEPT).delete()


def sign(secret: bytes, message_id: str, timestamp: int, body: str) -> str:
    """Return the header ``webhook-signature``: HMAC-SHA256 over id, time and body."""
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()


def webhook_context(url: str) -> bytes:
    """Return what the secret of an endpoint is sealed with."""
    return b"webhook " + url.encode()


def _are_there_any() -> bool:
    """Whether there is any endpoint; asked once in a while, since every step asks."""
    at = time.monotonic()
    if at - _looked["at"] >= _LOOK_AGAIN_SECONDS:
        _looked.update(at=at, any=float(WebhookEndpoint.objects.exists()))
    return bool(_looked["any"])


def _write(
    endpoints: Iterable[WebhookEndpoint], event: str, data: dict[str, Any], now: datetime
) -> None:
    content = {"type": event, "timestamp": now.isoformat(), "data": data}
    body = json.dumps(content, separators=(",", ":"))
    WebhookMessage.objects.bulk_create(
        WebhookMessage(
            endpoint=endpoint,
            public_id=f"msg_{secrets.token_hex(16)}",
            type=event,
            body=body,
            created_at=now,
            due_at=now,
        )
        for endpoint in endpoints
    )


def _send(message: WebhookMessage) -> int | None:
    """Try once; return the status, 200 for any good one, or ``None`` when no answer came."""
    secret = sealer().open(
        bytes(message.endpoint.sealed_secret), webhook_context(message.endpoint.url)
    )
    at = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Countersign",
        "webhook-id": message.public_id,
        "webhook-timestamp": str(at),
        "webhook-signature": sign(secret, message.public_id, at, message.body),
    }
    try:
        return post(message.endpoint.url, message.body.encode(), headers)
    except NotReachedError:
        return None


def _note(message: WebhookMessage, status: int | None, now: datetime) -> None:
    """Note how a try went, and when the next one is due."""
    rows = WebhookMessage.objects.filter(pk=message.pk)
    if status == HTTPStatus.OK:
        rows.update(due_at=None, status=status, arrived_at=now)
        return
    logger.info("webhook.failed", extra={"endpoint": message.endpoint_id, "status": status})
    is_over = message.tries >= len(WAITS)
    rows.update(due_at=None if is_over else now + WAITS[message.tries], status=status)
    # 410: it wants no more.  And who has not answered for days is not asked for ever.
    if is_over or status == HTTPStatus.GONE:
        WebhookEndpoint.objects.filter(pk=message.endpoint_id).update(stopped_at=now)


def _sealed(secret: bytes, url: str) -> bytes:
    return sealer().seal(secret, webhook_context(url))


def _shown(secret: bytes) -> str:
    return "whsec_" + base64.b64encode(secret).decode()
