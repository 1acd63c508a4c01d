"""What every request passes: a trace id, the bound on its body, headers, errors in one shape."""

import logging
import secrets
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError

from authserver.errors import AuthserverError, Code
from authserver.logs import trace_id
from authserver.problems import problem

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
_HSTS = "max-age=31536000"


class Boundary:
    """The one middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        trace_id.set(secrets.token_hex(8))
        response = problem(Code.TOO_LARGE) if _is_too_large(request) else self._answer(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.AUTHSERVER_ORIGIN.startswith("https://"):
            response["Strict-Transport-Security"] = _HSTS
        response["X-Trace-Id"] = trace_id.get()
        response["Content-Length"] = str(len(response.content))
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        shaped = response["Content-Type"] == "application/problem+json"
        if response.status_code < HTTPStatus.BAD_REQUEST or shaped:
            return response
        return _as_problem(response)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Turn what a view raised into a problem; ``None`` leaves it to Django, as a 500."""
        match error:
            case AuthserverError():
                return problem(error.code, error.detail, **error.extra)
            case OperationalError() | InterfaceError():
                logger.error("database.unavailable", exc_info=error)
                return problem(Code.UNAVAILABLE)
            case UnreadablePostError():
                return problem(Code.REQUEST_MALFORMED)
        return None


def _is_too_large(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or "0"
    # Nothing but digits is a length; what claims another one is read as empty by Django.
    return length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def _as_problem(response: HttpResponse) -> HttpResponse:
    """Give Django's own error pages the shape of ours."""
    by_status = {
        HTTPStatus.NOT_FOUND: Code.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED: Code.METHOD_NOT_ALLOWED,
        HTTPStatus.INTERNAL_SERVER_ERROR: Code.INTERNAL_ERROR,
    }
    shaped = problem(by_status.get(HTTPStatus(response.status_code), Code.REQUEST_MALFORMED))
    if "Allow" in response.headers:
        shaped["Allow"] = response["Allow"]
    return shaped
