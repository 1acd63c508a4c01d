"""Error pages: the same codes as the API, in words."""

import sys
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from common.problems import DATABASE_GONE
from common.sentences import sentence


def error_page(request: HttpRequest, *, code: str, status: int) -> HttpResponse:
    """Say on a page what a code means and what to do next."""
    return render(request, "error.html", _context(code, status), status=status)


def malformed(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that cannot be read."""
    return error_page(request, code="request_malformed", status=HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that this person may not make."""
    return error_page(request, code="forbidden", status=HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request for what is not there."""
    return error_page(request, code="not_found", status=HTTPStatus.NOT_FOUND)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Answer somebody who tries too often in a short time."""
    return error_page(request, code="too_many_requests", status=HTTPStatus.TOO_MANY_REQUESTS)


def internal_error(request: HttpRequest) -> HttpResponse:
    """Answer a request that broke something here, or that found no database."""
    if isinstance(sys.exc_info()[1], DATABASE_GONE):
        return unavailable_page(request)
    return _bare_page(request, "internal_error", HTTPStatus.INTERNAL_SERVER_ERROR)


def unavailable_page(request: HttpRequest) -> HttpResponse:
    """Say that the database cannot be reached."""
    response = _bare_page(request, "database_unavailable", HTTPStatus.SERVICE_UNAVAILABLE)
    response["Retry-After"] = "2"
    return response


def csrf_failed(request: HttpRequest, reason: str = "", **_kwargs: Any) -> HttpResponse:
    """Answer a form that came without its token: the session was lost, or cookies are off."""
    return error_page(request, code="session_lost", status=HTTPStatus.FORBIDDEN)


def _bare_page(request: HttpRequest, code: str, status: HTTPStatus) -> HttpResponse:
    # Without the request's own context: who is signed in would be a question to the database.
    context = {**_context(code, status), "trace_id": getattr(request, "trace_id", "")}
    return HttpResponse(render_to_string("error.html", context), status=status)


def _context(code: str, status: int) -> dict[str, str]:
    heading = {
        HTTPStatus.NOT_FOUND: _("Nothing here"),
        HTTPStatus.FORBIDDEN: _("Not for you"),
        HTTPStatus.SERVICE_UNAVAILABLE: _("Not just now"),
        HTTPStatus.INTERNAL_SERVER_ERROR: _("Something went wrong"),
    }.get(HTTPStatus(status), _("This did not work"))
    return {"heading": heading, "sentence": sentence(code)}
