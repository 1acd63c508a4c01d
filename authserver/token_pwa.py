"""What makes the token app one to keep: how it is installed, and the worker that holds its files.

The worker is the one of the site's own apps, taken by its place on the disk, as the modules are.
"""

import hashlib
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import Context, Engine
from django.templatetags.static import static
from django.utils.translation import gettext as _

from authserver.pages import in_readers_language
from authserver.token_app import catalog, page

if TYPE_CHECKING:
    from django.core.files.storage import Storage

_PAGE = "/token/"
_CATALOG, _MANIFEST = f"{_PAGE}catalog.js", f"{_PAGE}manifest.json"
_WORKER = settings.BASE_DIR / "templates" / "sw.js"
# What the page loads, sooner or later; all of it is kept.
_LOADED = (
    *("app/*.js", "app/*/*.js", "app/app.css", "app/icon*", "site/site.css", "site/icons.svg"),
    *("receipts/*.js", "protocol/*.json", "vendor/cborg/*.js", "vendor/sm-crypto/sm4.js"),
    *(f"offline/{name}.js" for name in ("base64", "frames", "link_qr")),
    *(f"vendor/hash-wasm/{name}.umd.min.js" for name in ("argon2", "sm3")),
    *("vendor/zxing-wasm/share.js", "vendor/zxing-wasm/reader/*.js"),
    *("vendor/zxing-wasm/reader/*.wasm", "vendor/zxing-wasm/writer/*.js"),
    "vendor/zxing-wasm/writer/*.wasm",
)


@in_readers_language
def manifest(request: HttpRequest) -> HttpResponse:
    """GET /token/manifest.json: how it is installed (W3C Web Application Manifest)."""
    drawing = {"src": static("app/icon.svg"), "sizes": "any", "type": "image/svg+xml"}
    picture = {"src": static("app/icon-512.png"), "sizes": "512x512", "type": "image/png"}
    return JsonResponse(
        {
            "id": _PAGE,
            "name": _("Countersign token"),
            "short_name": _("Token"),
            "start_url": _PAGE,
            "scope": _PAGE,
            "display": "standalone",
            "background_color": "#faf9f6",
            "theme_color": "#14524b",
            "icons": [drawing, picture, {**picture, "purpose": "maskable"}],
        },
        content_type="application/manifest+json",
    )


def service_worker(request: HttpRequest) -> HttpResponse:
    """GET /token/sw.js: keeps the app in the browser (W3C Service Workers)."""
    kept = {
        "app": "token",
        "version": _version(request),
        "pages": {_PAGE: _PAGE},
        "files": [_CATALOG, _MANIFEST, *(static(path) for path, _storage in _files())],
    }
    # As JSON and nothing else, hence not escaped.
    script = Engine().from_string(_worker()).render(Context({"kept": json.dumps(kept)}))
    return HttpResponse(script, content_type="text/javascript")


@cache
def _worker() -> str:
    text: str = _WORKER.read_text("utf-8")
    return text


def _version(request: HttpRequest) -> str:
    """Return what changes whenever anything does that is kept.

    The page's policy names the platforms, which come and go while the host runs.
    """
    digest = hashlib.sha256(_digest_of_files())
    for view in (page, catalog, manifest):
        answer = view(request)
        policy = answer.headers.get("Content-Security-Policy", "")
        digest.update(hashlib.sha256(answer.content + policy.encode()).digest())
    return digest.hexdigest()[:16]


@cache
def _digest_of_files() -> bytes:
    digest = hashlib.sha256()
    for path, storage in _files():
        with storage.open(path.removeprefix(f"{getattr(storage, 'prefix', '')}/")) as file:
            digest.update(path.encode() + hashlib.sha256(file.read()).digest())
    return digest.digest()


def _files() -> Iterator[tuple[str, "Storage"]]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            whole = f"{getattr(storage, 'prefix', '')}/{path}"
            if any(_is_like(whole, pattern) for pattern in _LOADED):
                yield whole, storage


def _is_like(path: str, pattern: str) -> bool:
    # For fnmatch a star stands for what is in the folders below, too.
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)
