"""The page that verifies receipts, and the published keys that it needs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from common.errors import NotFoundError
from common.policies import allow_scanning
from common.words import KINDS
from receipts import services
from receipts.drawing import drawn_challenge
from transactions.sign_in import PendingSignIn, pending_sign_in


@require_safe
def scan(request: HttpRequest) -> HttpResponse:
    """GET /scan; and /r, with a receipt's digits behind a # that only the browser sees."""
    kinds = {int(kind): str(words) for kind, words in KINDS.items()}
    response = render(request, "receipts/scan.html", {"kinds": kinds})
    allow_scanning(response)
    return response


@require_safe
@pending_sign_in
def sign_in_challenge(pending: PendingSignIn, form: str) -> HttpResponse:
    """GET /sign-in/token/challenge.<form>: what the token is asked, for the browser alone."""
    step = pending.step
    if step is None:
        raise NotFoundError
    return drawn_challenge(step, form)


@require_safe
def directory(request: HttpRequest) -> HttpResponse:
    """GET /.well-known/countersign/keys: the signed directory."""
    return _published(services.directory(now=timezone.now()), seconds=300)


@require_safe
def bucket(request: HttpRequest, prefix: str) -> HttpResponse:
    """GET /.well-known/countersign/servers/XXX.cbor: certificates by 12 bits of ``vk``."""
    return _published(services.bucket_file(int(prefix, 16)), seconds=300)


def _published(content: bytes, *, seconds: int) -> HttpResponse:
    response = HttpResponse(content, content_type="application/cbor")
    response["Cache-Control"] = f"public, max-age={seconds}"
    # Anybody's page may check receipts.
    response["Access-Control-Allow-Origin"] = "*"
    return response
