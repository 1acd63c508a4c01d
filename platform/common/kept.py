"""Apps of this site: a page that browsers keep with all that it loads, for want of a network."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from django.contrib.staticfiles.finders import get_finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import resolve, reverse
from django.utils.translation import get_language

from common.policies import confine

if TYPE_CHECKING:
    from django.core.files.storage import Storage

_POLICIES = ("Content-Security-Policy", "Permissions-Policy")


@dataclass(frozen=True, slots=True)
class KeptApp:
    """A page that works without a network, and what it takes; all by names of routes.

    Attributes:
        page: The page; the same for everybody, since every browser keeps a copy.
        leads: Further routes that lead to it.
        made: What it loads that is made for whoever asks: in their language, but of nobody in
            particular.
        loaded: What it loads of the files of apps and of npm, sooner or later, as patterns.
    """

    page: str
    leads: tuple[str, ...]
    made: tuple[str, ...]
    loaded: tuple[str, ...]


def service_worker(request: HttpRequest, app: KeptApp) -> HttpResponse:
    """Return the script that keeps an app in the browser (W3C Service Workers)."""
    page = reverse(app.page)
    kept = {
        "app": app.page,
        "version": _version(app, get_language()),
        "pages": {reverse(name): page for name in (app.page, *app.leads)},
        "files": [*map(reverse, app.made), *(static(path) for path, _storage in _files(app))],
    }
    return render(request, "sw.js", {"kept": json.dumps(kept)}, content_type="text/javascript")


def manifest(
    app: KeptApp, *, name: str, short_name: str, drawing: str, picture: str
) -> HttpResponse:
    """Return how an app is installed (W3C Web Application Manifest).

    Args:
        app: Its page is where it starts, and all there is of it.
        name: In the reader's language.
        short_name: What fits under an icon.
        drawing: Static file of its icon, an SVG.
        picture: The same as a PNG of 512 pixels, whose rim may be cut off.
    """
    start = reverse(app.page)
    drawn = {"src": static(drawing), "sizes": "any", "type": "image/svg+xml"}
    pixels = {"src": static(picture), "sizes": "512x512", "type": "image/png"}
    return JsonResponse(
        {
            "id": start,
            "name": name,
            "short_name": short_name,
            "start_url": start,
            "scope": start,
            "display": "standalone",
            "background_color": "#faf9f6",
            "theme_color": "#14524b",
            "icons": [drawn, pixels, {**pixels, "purpose": "maskable"}],
        },
        content_type="application/manifest+json",
    )


def _files(app: KeptApp) -> Iterator[tuple[str, "Storage"]]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            whole = f"{storage.prefix}/{path}" if getattr(storage, "prefix", None) else path
            if any(_is_like(whole, pattern) for pattern in app.loaded):
                yield whole, storage


def _is_like(path: str, pattern: str) -> bool:
    # For fnmatch a star stands for what is in the folders below, too.
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


@cache
def _version(app: KeptApp, language: str) -> str:
    """Return what changes whenever anything does that is kept.

    Args:
        app: Whose.
        language: In which it is read, which is the one that is active.
    """
    digest = hashlib.sha256(language.encode())
    for name in (app.page, *app.made):
        answer = _answer(reverse(name))
        policies = "".join(f"\n{answer.headers.get(policy)}" for policy in _POLICIES)
        digest.update(hashlib.sha256(answer.content + policies.encode()).digest())
    for path, storage in _files(app):
        inside = path.removeprefix(f"{getattr(storage, 'prefix', '')}/")
        with storage.open(inside) as file:
            digest.update(path.encode() + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()[:16]


def _answer(path: str) -> HttpResponse:
    request = HttpRequest()
    request.method, request.path = "GET", path
    view, args, kwargs = resolve(path)
    answer: HttpResponse = view(request, *args, **kwargs)
    confine(answer)
    return answer
