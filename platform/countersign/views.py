"""What monitoring asks."""

from http import HTTPStatus

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from enrolment.live import condition


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Tell that the process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Tell whether the platform can do its work: database, keys, hosts, clocks."""
    try:
        failing = condition(now=timezone.now()).failing
    except DatabaseError:
        failing = ["database"]
    status = HTTPStatus.SERVICE_UNAVAILABLE if failing else HTTPStatus.OK
    body = {"status": "failing" if failing else "ready", "failing": failing}
    return JsonResponse(body, status=status)


@require_safe
def version(request: HttpRequest) -> JsonResponse:
    """Name the release."""
    return JsonResponse({"version": settings.VERSION})
