"""The page of the token app, and the words its scripts say (docs/tokens.md "The token app").

The page is the same for everybody who reads its language, since every browser keeps a copy.
"""

from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.i18n import JavaScriptCatalog

from authserver import selectors
from authserver.pages import in_readers_language

# Seeds are on this page: it loads nothing but what this host serves, and calls nobody but this
# host and the platforms that its tokens may be enrolled with (W3C Content Security Policy 3).
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data:; connect-src {connect}; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@in_readers_language
def page(request: HttpRequest) -> HttpResponse:
    """GET /token/: the app; what is behind a # in its address never reaches this host."""
    languages = [(code, name) for code, name in settings.LANGUAGES]
    response = render(request, "authserver/token/app.html", {"languages": languages})
    connect = " ".join(["'self'", *selectors.platform_origins()])
    response["Content-Security-Policy"] = _POLICY.format(connect=connect)
    response["Permissions-Policy"] = "camera=(self), geolocation=(), microphone=()"
    return _of_language(response)


class _Catalog(JavaScriptCatalog):
    """The app's own words, and those of the modules that it shares with the scanning app."""

    packages = ["authserver"]

    def get_paths(self, packages: Sequence[str]) -> list[str]:
        """Return the folders of translations; the later one wins."""
        return [str(path) for path in (settings.BASE_DIR / "locale", *settings.LOCALE_PATHS)]


@in_readers_language
def catalog(request: HttpRequest) -> HttpResponse:
    """GET /token/catalog.js: sentences in the reader's language."""
    return _of_language(_Catalog().get(request))


def _of_language(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response
