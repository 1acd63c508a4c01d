"""What the frame of every page shows."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.services import holder_for
from notices.selectors import unread_count


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Count what is unread; asked for only by pages that show it."""
    return {"nav": {"unread": SimpleLazyObject(lambda: _unread(request))}}


def _unread(request: HttpRequest) -> int:
    return unread_count(holder_id=holder_for(request.user).pk)
