"""Routes."""

from collections.abc import Callable

from django.http import HttpResponse
from django.urls import URLPattern, path, re_path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from authserver import pages, problems, views

VK = "(?P<vk>[0-9a-f]{16})"
S = "(?P<s>[0-9a-f]{64})"


def _get(pattern: str, view: Callable[..., HttpResponse]) -> URLPattern:
    return re_path(rf"^{pattern}\Z", require_safe(view))


def _post(pattern: str, view: Callable[..., HttpResponse]) -> URLPattern:
    return re_path(rf"^{pattern}\Z", require_POST(view))


urlpatterns = [
    _post("v1/servers", views.pair),
    _get(f"v1/servers/{VK}", views.status),
    _post(f"v1/servers/{VK}/activate", views.activate),
    _post(f"v1/servers/{VK}/(?P<action>suspend|resume|unlock|revoke)", views.act),
    _post(f"v1/servers/{VK}/verdicts", views.answer),
    _get(f"v1/servers/{VK}/verdicts/{S}", views.stored),
    _post(f"v1/servers/{VK}/verdicts/{S}/void", views.void),
    _get("v1/verdicts", views.journal),
    _post("v1/enrolments", views.enrol),
    _get("v1/keys", views.keys),
    _get("healthz", views.healthz),
    _get("readyz", views.readyz),
    _get("version", views.version),
    path("e", require_http_methods(["GET", "HEAD", "POST"])(pages.enrolment)),
    _get(r"(?P<name>enrolment\.(?:js|css))", pages.static_file),
]

# What Django itself refuses has the same shape.
handler400 = problems.malformed
handler404 = problems.not_found
handler500 = problems.internal_error
