"""What every request goes through first: a trace id, bounds, headers, and errors in one shape."""

import logging
import secrets
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from common.errors import DomainError
from common.pages import error_page, unavailable_page
from common.policies import confine
from common.problems import DATABASE_GONE, problem

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 1_000_000
_MACHINE_PATHS = ("/api/", "/.well-known/")


class RequestMiddleware:
    """Sets ``request.trace_id``, refuses large bodies, and shapes errors of the API."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; its trace id goes into the answer and into every problem."""
        request.trace_id = secrets.token_hex(8)  # type: ignore[attr-defined]  # set here
        response = self._refused(request) or self.get_response(request)
        is_api = request.path.startswith("/api/")
        if is_api and response.status_code >= HTTPStatus.BAD_REQUEST:
            response = _as_problem(request, response)
        confine(response)
        # Pages are about whoever looks, and nobody else may be handed a copy.
        kept = "no-store" if is_api else "private, no-cache"
        response.headers.setdefault("Cache-Control", kept)
        response["X-Trace-Id"] = request.trace_id  # type: ignore[attr-defined]  # see above
        return response

    @staticmethod
    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a refusal that no view has answered: for people as a page, else as a problem."""
        is_page = not request.path.startswith(_MACHINE_PATHS)
        if isinstance(error, DATABASE_GONE) and is_page:
            logger.error("database.unavailable", exc_info=error)
            return unavailable_page(request)
        if not isinstance(error, DomainError):
            return None
        if is_page:
            return error_page(request, code=error.code, status=error.status)
        return problem(
            request, code=error.code, status=error.status, detail=error.detail, **error.extra
        )

    @staticmethod
    def _refused(request: HttpRequest) -> HttpResponse | None:
        """Answer what is too large, or holds what PostgreSQL cannot even be asked for."""
        is_page = not request.path.startswith(_MACHINE_PATHS)
        length = request.headers.get("Content-Length") or "0"
        most = _most_bytes(request)
        if not length.isdecimal() or len(length) > 12 or int(length) > most:
            code, status = "too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            if not is_page:
                detail = f"A request may hold {most} bytes."
                return problem(request, code=code, status=status, detail=detail)
            return error_page(request, code=code, status=status)
        # The API judges its own paths.
        if "\x00" in request.path and is_page:
            return error_page(request, code="not_found", status=HTTPStatus.NOT_FOUND)
        # Between quotes a cookie can hold it, too; without a session's name there is no session.
        if "\x00" in request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""):
            del request.COOKIES[settings.SESSION_COOKIE_NAME]
        return None


def _most_bytes(request: HttpRequest) -> int:
    """Return how large a body may be: files are taken at few addresses, and go to the disk."""
    is_upload = request.content_type == "multipart/form-data"
    if is_upload and settings.UPLOAD_PATHS.fullmatch(request.path):
        return int(settings.RESOURCE_MAX_BYTES) + MAX_BODY_BYTES
    return MAX_BODY_BYTES


def _as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Give Django's own error pages the API's shape."""
    if response.headers["Content-Type"].startswith("application/problem+json"):
        return response
    status = HTTPStatus(response.status_code)
    shaped = problem(
        request,
        code={
            HTTPStatus.NOT_FOUND: "not_found",
            HTTPStatus.FORBIDDEN: "forbidden",
            HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
            HTTPStatus.BAD_REQUEST: "request_malformed",
        }.get(status, "internal_error" if status >= 500 else "request_malformed"),
        status=status,
        detail=status.description or status.phrase,
    )
    if "Allow" in response.headers:
        shaped["Allow"] = response["Allow"]
    return shaped
