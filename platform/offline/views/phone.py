"""The phone without a network: its page, what makes that an app, and how it is set up."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.security import HolderRequest, holders_only
from billing.ledger.selectors import has_payment_password
from common import kept
from common.policies import allow_links
from offline.words import refusal_sentences

_APP = kept.KeptApp(
    page="offline",
    leads=("offline-offer",),
    made=("catalog", "offline-manifest", "sound-worker"),
    loaded=(
        *("countersign/*", "offline/*", "protocol/*.json", "receipts/*.js", "vendor/cborg/*.js"),
        *("vendor/ggwave/*.js", "vendor/hash-wasm/argon2.umd.min.js"),
        *("vendor/zxing-wasm/share.js", "vendor/zxing-wasm/reader/*.js"),
        *("vendor/zxing-wasm/reader/*.wasm", "vendor/zxing-wasm/writer/*.js"),
        "vendor/zxing-wasm/writer/*.wasm",
    ),
)


@require_safe
def phone(request: HttpRequest) -> HttpResponse:
    """GET /offline: the same for everybody; and /o, where an offer's QR code leads."""
    # Without the request, so that nothing of whoever asks gets in: name, session, messages.
    page = render_to_string("offline/phone.html", {"sentences": refusal_sentences()})
    response = HttpResponse(page)
    allow_links(response)
    return response


@ensure_csrf_cookie
@require_safe
@holders_only()
def set_up(request: HolderRequest) -> HttpResponse:
    """GET /offline/set-up: makes this browser a phone of whoever is signed in."""
    context = {
        "has_payment_password": has_payment_password(request.holder.pk),
        "sentences": refusal_sentences(),
    }
    return render(request, "offline/set_up.html", context)


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """GET /offline/manifest.json: how the page is installed."""
    return kept.manifest(
        _APP,
        name=_("Countersign without a network"),
        short_name="Countersign",
        drawing="countersign/icon.svg",
        picture="offline/icon-512.png",
    )


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """GET /sw.js: keeps the page, with all that it loads."""
    return kept.service_worker(request, _APP)
