"""Errors as problem documents (RFC 9457)."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from authserver.errors import Code
from authserver.logs import trace_id

RETRY_AFTER_SECONDS = 2


def problem(code: Code, detail: str = "", **extra: object) -> JsonResponse:
    """Return the one error shape every endpoint uses.

    Args:
        code: Why; sets the status.
        detail: One sentence for people; the code's own when empty.
        extra: Further members.
    """
    name = code.name.lower()
    response = JsonResponse(
        {
            "type": f"urn:countersign:error:{name}",
            "title": code.status.phrase,
            "status": code.status,
            "code": name,
            "detail": detail or code.sentence,
            "trace_id": trace_id.get(),
            **extra,
        },
        status=code.status,
        content_type="application/problem+json",
    )
    if code.status == Code.NOT_AUTHENTICATED.status:
        response["WWW-Authenticate"] = "Bearer"
    if code.status == Code.UNAVAILABLE.status:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django found suspicious, such as a form of a thousand fields."""
    return problem(Code.REQUEST_MALFORMED)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that is none."""
    return problem(Code.NOT_FOUND)


def internal_error(request: HttpRequest) -> HttpResponse:
    """Answer what nobody foresaw; the log has the traceback, the answer nothing of it."""
    return problem(Code.INTERNAL_ERROR)
