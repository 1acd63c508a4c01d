"""Errors as RFC 9457 problem documents."""

import logging
from http import HTTPStatus
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse

logger = logging.getLogger(__name__)

DATABASE_GONE = (OperationalError, InterfaceError)


def problem(
    request: HttpRequest, *, code: str, status: int, detail: str, **extra: Any
) -> JsonResponse:
    """Return the one error shape every endpoint uses.

    Args:
        request: Its ``trace_id`` is named, so that logs can be found.
        code: Stable, lower_snake_case.
        status: HTTP status.
        detail: One sentence for people.
        extra: Further members.
    """
    response = JsonResponse(
        {
            "type": f"urn:countersign:error:{code}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": detail,
            "trace_id": getattr(request, "trace_id", ""),
            **extra,
        },
        status=status,
        content_type="application/problem+json",
    )
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = "2"
    return response


def database_unavailable(request: HttpRequest, error: Exception) -> JsonResponse:
    """Answer that the database cannot be used now; the next request connects anew."""
    logger.error("database.unavailable", exc_info=error)
    detail = "The database cannot be reached just now. Nothing was lost: try again."
    return problem(request, code="database_unavailable", status=503, detail=detail)
