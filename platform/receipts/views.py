"""The page that verifies receipts, and the published keys that it needs."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import conditional_page, require_safe

from common import kept
from common.errors import NotFoundError
from common.policies import allow_scanning
from common.qrcodes import FORMS, draw_svg
from common.words import KINDS
from receipts import services
from receipts.drawing import drawn_challenge
from signing.services import key_link
from transactions.sign_in import PendingSignIn, pending_sign_in

_APP = kept.KeptApp(
    page="scan",
    leads=("phone-scan",),
    made=("catalog", "scan-manifest"),
    loaded=(
        *("countersign/*", "receipts/*", "protocol/*.json", "vendor/cborg/*.js"),
        *("vendor/zxing-wasm/share.js", "vendor/zxing-wasm/reader/*.js"),
        *("vendor/zxing-wasm/reader/*.wasm", "offline/base64.js"),
    ),
)


@require_safe
def scan(request: HttpRequest) -> HttpResponse:
    """GET /scan; and /r, with a receipt's digits behind a # that only the browser sees."""
    context = {
        "kinds": {int(kind): str(words) for kind, words in KINDS.items()},
        "origin": settings.COUNTERSIGN_ORIGIN,
    }
    # Without the request, so that nothing of whoever asks gets in: every browser keeps a copy.
    response = HttpResponse(render_to_string("receipts/scan.html", context))
    allow_scanning(response)
    return response


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """GET /scan/manifest.json: how the page is installed."""
    return kept.manifest(
        _APP,
        name=_("Verify receipts"),
        short_name=_("Verify"),
        drawing="receipts/icon.svg",
        picture="receipts/icon-512.png",
    )


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """GET /scan-worker.js: keeps the page, with all that it loads."""
    return kept.service_worker(request, _APP)


@require_safe
@pending_sign_in
def sign_in_challenge(pending: PendingSignIn, form: str) -> HttpResponse:
    """GET /sign-in/token/challenge.<form>: what the token is asked, for the browser alone."""
    step = pending.step
    if step is None:
        raise NotFoundError
    return drawn_challenge(step, form)


@require_safe
def key(request: HttpRequest) -> HttpResponse:
    """GET /k: where a phone's camera leads that reads the code meant for a token."""
    return render(request, "receipts/key.html")


@require_safe
def key_code(request: HttpRequest) -> HttpResponse:
    """GET /k.svg: brings a token without a network our present statement key."""
    picture = draw_svg(key_link(now=timezone.now()))
    return HttpResponse(picture, content_type=FORMS["svg"])


@require_safe
@conditional_page
def directory(request: HttpRequest) -> HttpResponse:
    """GET /.well-known/countersign/keys: the signed directory."""
    return _published(services.directory(now=timezone.now()), seconds=300)


@require_safe
@conditional_page
def bucket(request: HttpRequest, prefix: str) -> HttpResponse:
    """GET /.well-known/countersign/servers/XXX.cbor: certificates by 12 bits of ``vk``."""
    return _published(services.bucket_file(int(prefix, 16)), seconds=300)


def _published(content: bytes, *, seconds: int) -> HttpResponse:
    response = HttpResponse(content, content_type="application/cbor")
    response["Cache-Control"] = f"public, max-age={seconds}"
    # Anybody's page may check receipts.
    response["Access-Control-Allow-Origin"] = "*"
    return response
