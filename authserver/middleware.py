"""What every request passes: a trace id, the bound on its body, headers, errors in one shape."""

import logging
import secrets
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    UnreadablePostError,
)

from authserver.errors import AuthserverError, Code, KeyProviderError
from authserver.logs import trace_id
from authserver.problems import problem
from authserver.services.datakeys import KeyNotAtHandError, can_repeat, fetch

logger = logging.getLogger(__name__)

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Boundary:
    """The one middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        trace_id.set(secrets.token_hex(8))
        response = _refused_unread(request) or self._answer(request)
        if isinstance(response, HttpResponseNotAllowed):
            response = _not_allowed(response)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        seconds = settings.AUTHSERVER_HSTS_SECONDS
        if seconds and settings.AUTHSERVER_ORIGIN.startswith("https://"):
            response["Strict-Transport-Security"] = f"max-age={seconds}"
        response["X-Trace-Id"] = trace_id.get()
        # A file handed out says its own length.
        if not response.streaming:
            response["Content-Length"] = str(len(response.content))
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        before = can_repeat.set(True)
        try:
            return self.get_response(request)
        finally:
            can_repeat.reset(before)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Turn what a view raised into a problem; ``None`` leaves it to Django, as a 500."""
        match error:
            case AuthserverError():
                return problem(error.code, error.detail, **error.extra)
            case KeyNotAtHandError():
                return self._repeat(request, error)
            case KeyProviderError():
                logger.error("key.unavailable", extra={"why": str(error)})
                return problem(Code.NOT_READY, "The keys of this host cannot be had now.")
            case OperationalError() | InterfaceError():
                logger.error("database.unavailable", exc_info=error)
                return problem(Code.UNAVAILABLE)
            case UnreadablePostError():
                return problem(Code.REQUEST_MALFORMED)
        return None

    def _repeat(self, request: HttpRequest, error: KeyNotAtHandError) -> HttpResponse | None:
        """Fetch a key, now that what was begun without it is rolled back, and begin anew."""
        view = request.resolver_match
        if view is None:
            return None
        try:
            fetch(error.key_id)
            answer: HttpResponse = view.func(request, *view.args, **view.kwargs)
        except Exception as again:  # noqa: BLE001  # as Django does with what a view raises
            return self.process_exception(request, again)
        return answer


def _refused_unread(request: HttpRequest) -> HttpResponse | None:
    """Refuse by its announced length what must not be read into memory."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal():
        return problem(Code.REQUEST_MALFORMED)
    most = settings.UPLOADS.get(request.path, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    if int(length) > most:
        return problem(Code.TOO_LARGE)
    return None


def _not_allowed(response: HttpResponseNotAllowed) -> HttpResponse:
    shaped = problem(Code.METHOD_NOT_ALLOWED)
    shaped["Allow"] = response["Allow"]
    return shaped
