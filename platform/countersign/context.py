"""What the frame of every page shows."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.services import holder_for
from enrolment.selectors import waiting_approvals
from notices.selectors import unread_count
from transactions.selectors_lists import waiting_count


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Give the numbers at the navigation; counted only for pages that show them."""
    return {
        "nav": SimpleLazyObject(lambda: counts(request)),
        "approvals": SimpleLazyObject(lambda: waiting_approvals().count()),
    }


def counts(request: HttpRequest) -> dict[str, int]:
    """Count what waits for the signed-in holder, and the notices that were not read."""
    if not request.user.is_authenticated:
        return {"waits": 0, "unread": 0}
    holder = getattr(request, "holder", None) or holder_for(request.user)
    return {
        "waits": waiting_count(holder=holder, now=timezone.now()),
        "unread": unread_count(holder_id=holder.pk),
    }
