"""The landing page, and what monitoring asks."""

import time
from http import HTTPStatus

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from common.errors import DomainError
from enrolment.selectors import hosts
from enrolment.services import clock_offset
from protocol.errors import ProtocolError
from protocol.keys import Purpose
from signing.services import signing_key

MAX_DRIFT_SECONDS = 5


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this is and where to go."""
    return render(request, "landing.html")


@require_safe
def waiting(request: HttpRequest) -> JsonResponse:
    """Count what waits for the signed-in holder, for the mark in the navigation."""
    return JsonResponse({"unread": 0})


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Tell that the process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Tell whether the platform can do its work: database, keys, hosts, clocks."""
    failing = []
    try:
        signing_key(Purpose.STATEMENT, now=timezone.now())
        for host in hosts():
            try:
                # Put so that a time that is no number fails.
                if not abs(clock_offset(host, now=time.time())) <= MAX_DRIFT_SECONDS:
                    failing.append(f"clock:{host.name}")
            except DomainError:
                failing.append(f"host:{host.name}")
    except DomainError as error:
        failing.append(error.code)
    except ProtocolError:
        # Sealed under another key-encryption key than the one that is set.
        failing.append("keys_unreadable")
    except DatabaseError:
        failing.append("database")
    status = HTTPStatus.SERVICE_UNAVAILABLE if failing else HTTPStatus.OK
    body = {"status": "failing" if failing else "ready", "failing": failing}
    return JsonResponse(body, status=status)


@require_safe
def version(request: HttpRequest) -> JsonResponse:
    """Name the release."""
    return JsonResponse({"version": settings.VERSION})
