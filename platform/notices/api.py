"""Endpoints on the caller's inbox and webhooks."""

from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status

from common.schemas import Input
from notices import selectors, services
from notices.models import Notice, WebhookEndpoint

router = Router(tags=["notices"])


class NoticeOut(Schema):
    """One thing to know: of a transaction, a token, an organisation, or what waits for two."""

    id: int
    kind: str
    transaction: str
    token: str
    approval: int | None
    organisation: str
    created_at: datetime
    read_at: datetime | None


class WebhookIn(Input):
    """Where events go: an https address of a named host."""

    url: str


class WebhookOut(Schema):
    """An address that is told of events; ``stopped_at`` when nothing is sent any more."""

    id: int
    url: str
    created_at: datetime
    stopped_at: datetime | None


class NewWebhookOut(WebhookOut):
    """A new one; ``secret`` is shown this once."""

    secret: str


@router.get("/notices", response=list[NoticeOut])
def list_notices(request: HttpRequest) -> list[Notice]:
    """List the newest hundred notices of the caller."""
    return list(selectors.inbox(holder_id=_caller(request))[:100])


@router.get("/webhooks", response=list[WebhookOut])
def list_webhooks(request: HttpRequest) -> list[WebhookEndpoint]:
    """List the caller's webhooks, newest first."""
    return list(selectors.endpoints_of(_caller(request)))


@router.post("/webhooks", response={201: NewWebhookOut})
def add_webhook(request: HttpRequest, body: WebhookIn) -> Status[dict[str, object]]:
    """Have an address told of the caller's events, signed as Standard Webhooks has it."""
    endpoint, secret = services.add_endpoint(
        holder_id=_caller(request), url=body.url, now=timezone.now()
    )
    return Status(201, {**WebhookOut.from_orm(endpoint).dict(), "secret": secret})


@router.post("/webhooks/{endpoint_id}/test", response={202: None})
def test_webhook(request: HttpRequest, endpoint_id: int) -> Status[None]:
    """Send an event of type ``webhook.test``."""
    services.send_test(holder_id=_caller(request), endpoint_id=endpoint_id, now=timezone.now())
    return Status(202, None)


@router.delete("/webhooks/{endpoint_id}", response={204: None})
def remove_webhook(request: HttpRequest, endpoint_id: int) -> Status[None]:
    """Forget one of the caller's webhooks."""
    services.remove_endpoint(holder_id=_caller(request), endpoint_id=endpoint_id)
    return Status(204, None)


def _caller(request: HttpRequest) -> int:
    caller: int = request.auth.pk  # type: ignore[attr-defined]  # set by django-ninja
    return caller
