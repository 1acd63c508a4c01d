"""Who calls the API: a session with its CSRF token, or a bearer API key."""

from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer, SessionAuth

from accounts.models import Holder
from accounts.selectors import holder_by_api_key
from accounts.services import holder_for


class ApiKeyAuth(HttpBearer):
    """``Authorization: Bearer cs_…``."""

    def authenticate(self, request: HttpRequest, token: str) -> Holder | None:
        """Return the holder the key acts for."""
        return holder_by_api_key(token)


class HolderSessionAuth(SessionAuth):
    """A signed-in browser; unsafe methods need the CSRF token."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        """Return the signed-in holder."""
        return holder_for(request.user) if request.user.is_authenticated else None


HOLDER_AUTH = [ApiKeyAuth(), HolderSessionAuth()]


def caller_name(request: HttpRequest) -> str:
    """Name who calls, for what must know it before the API does; empty for nobody known."""
    holder: Holder | None = HOLDER_AUTH[0](request)
    if holder is not None:
        return holder.actor
    return f"user:{request.user.pk}" if request.user.is_authenticated else ""


def caller(request: HttpRequest) -> Holder:
    """Return the holder that authentication found."""
    holder: Holder = request.auth  # type: ignore[attr-defined]  # set by django-ninja
    return holder
