"""The guide through a first transaction: there while ``make run`` serves, and nowhere else."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from countersign.certificates import Certificate


def is_served() -> bool:
    """Return whether this site is there to be tried out."""
    path = settings.COUNTERSIGN_DEMO_FILE
    return path is not None and path.exists()


@never_cache
@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    """Lead through the first transaction."""
    demo: dict[str, Any] = json.loads(_demo_file().read_text("utf-8"))
    certificate = _certificate()
    return render(
        request,
        "countersign/guide.html",
        {**demo, "fingerprint": certificate.fingerprint if certificate else ""},
    )


@require_safe
def authority(request: HttpRequest) -> HttpResponse:
    """Give the authority of the local network's certificate, for a phone to trust."""
    _demo_file()
    certificate = _certificate()
    if certificate is None:
        raise Http404
    return HttpResponse(
        certificate.authority.read_bytes(),
        "application/x-x509-ca-cert",
        headers={"Content-Disposition": 'attachment; filename="countersign-ca.crt"'},
    )


def _demo_file() -> Path:
    path = settings.COUNTERSIGN_DEMO_FILE
    if path is None or not path.exists():
        raise Http404
    return path


def _certificate() -> Certificate | None:
    certificate = Certificate.below(_demo_file().parent / "tls")
    return certificate if certificate.authority.exists() else None
