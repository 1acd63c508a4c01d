"""Errors as RFC 9457 problem documents."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, JsonResponse


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
