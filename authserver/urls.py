"""Routes."""

from collections.abc import Callable

from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from authserver import judging, metrics, pages, problems, token_app, token_pwa, transfers, views

VK = "(?P<vk>[0-9a-f]{16})"
S = "(?P<s>[0-9a-f]{64})"


def _get(pattern: str, view: Callable[..., HttpResponse]) -> URLPattern:
    return re_path(rf"^{pattern}\Z", require_safe(view))


def _post(pattern: str, view: Callable[..., HttpResponse]) -> URLPattern:
    return re_path(rf"^{pattern}\Z", require_POST(view))


urlpatterns: list[URLPattern | URLResolver] = [
    _post("v1/servers", views.pair),
    _post("v1/servers/assign", views.assign),
    _get(f"v1/servers/{VK}", views.status),
    _get(f"v1/servers/{VK}/certificate", views.certificate),
    _post(f"v1/servers/{VK}/activate", views.activate),
    _post(f"v1/servers/{VK}/(?P<action>suspend|resume|unlock|revoke|replace|release)", views.act),
    _post(f"v1/servers/{VK}/resynchronise", judging.resynchronise),
    _post(f"v1/servers/{VK}/proofs", judging.prove),
    _post(f"v1/servers/{VK}/(?P<call>verdicts|logins)", judging.answer),
    _get(f"v1/servers/{VK}/verdicts/{S}", judging.stored),
    _post(f"v1/servers/{VK}/verdicts/{S}/void", judging.void),
    _post("v1/offers", transfers.offer),
    _post(f"v1/servers/{VK}/move", transfers.move),
    _get(f"v1/servers/{VK}/package", transfers.package),
    _post("v1/servers/import", transfers.bring),
    _get("v1/verdicts", judging.journal),
    _get("v1/stock", views.stock),
    _get("v1/events", views.events),
    re_path(r"^v1/policy\Z", require_http_methods(["GET", "HEAD", "PUT"])(views.policy)),
    _post("v1/enrolments", views.enrol),
    _get("v1/keys", views.keys),
    _get(r"v1/logs/(?P<platform>[\x21-\x7e]{1,16})/checkpoint\.cbor", judging.held_checkpoint),
    _get("healthz", views.healthz),
    _get("readyz", views.readyz),
    _get("version", views.version),
    _get("metrics", metrics.metrics),
    path("e", require_http_methods(["GET", "HEAD", "POST"])(pages.enrolment)),
    _get("p", pages.stray_code),
    _get("token/", token_app.page),
    _get("token/catalog.js", token_app.catalog),
    _get("token/manifest.json", token_pwa.manifest),
    _get("token/sw.js", token_pwa.service_worker),
    _get(r"(?P<name>(?:enrolment|operator)\.(?:js|css))", pages.static_file),
    path("operator/", include("authserver.operators.urls")),
]

# What Django itself refuses has the same shape.
handler400 = problems.malformed
handler404 = problems.not_found
handler500 = problems.internal_error
