"""Endpoints on the caller's inbox."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from notices import selectors
from notices.models import Notice

router = Router(tags=["notices"])


class NoticeOut(Schema):
    """One thing the caller should know."""

    id: int
    kind: str
    transaction: str
    created_at: datetime
    read_at: datetime | None


@router.get("/notices", response=list[NoticeOut])
def list_notices(request: HttpRequest) -> list[Notice]:
    """List the newest hundred notices of the caller."""
    return list(selectors.inbox(holder_id=request.auth.pk)[:100])  # type: ignore[attr-defined]  # by django-ninja
