"""Read notices."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, QuerySet

from notices.models import Notice, SmsMessage, WebhookEndpoint, WebhookMessage


def inbox(*, holder_id: int) -> QuerySet[Notice]:
    """Return a holder's notices, newest first."""
    return Notice.objects.filter(holder_id=holder_id).order_by("-pk")


def unread_count(*, holder_id: int) -> int:
    """Return how many notices a holder has not looked at."""
    return Notice.objects.filter(holder_id=holder_id, read_at=None).count()


def notices_about(transaction: str) -> QuerySet[Notice]:
    """Return the notices on a transaction, oldest first."""
    return Notice.objects.filter(transaction=transaction).order_by("pk")


def notices_about_token(serial: str) -> QuerySet[Notice]:
    """Return the notices on a token, newest first."""
    # Said in the words of the index on tokens, or SQLite would not use it.
    return Notice.objects.filter(token=serial).exclude(token="").order_by("-pk")


def unsent_count() -> int:
    """Return how many notices have not gone out by e-mail yet."""
    return Notice.objects.filter(sent_at=None).count()


def endpoints_of(holder_id: int | None) -> QuerySet[WebhookEndpoint]:
    """Return the webhook endpoints of a holder, or those of the operators, newest first."""
    return WebhookEndpoint.objects.filter(holder=holder_id).order_by("-pk")


def messages_of(endpoint: WebhookEndpoint) -> QuerySet[WebhookMessage]:
    """Return what an endpoint was or is to be told, newest first."""
    return endpoint.messages.order_by("-pk")


@dataclass(frozen=True, slots=True)
class Due:
    """Messages that are to be sent: how many, and since when the oldest is."""

    count: int
    since: datetime | None


def messages_due(*, now: datetime) -> dict[str, Due]:
    """Return what is due of webhooks and of SMS."""
    webhooks = WebhookMessage.objects.filter(due_at__lte=now, endpoint__stopped_at=None)
    queues = {"webhook": webhooks, "sms": SmsMessage.objects.filter(due_at__lte=now)}
    return {
        kind: Due(rows.count(), rows.aggregate(since=Min("due_at"))["since"])
        for kind, rows in queues.items()
    }
