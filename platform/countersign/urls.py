"""All routes of the site."""

from django.urls import include, path, re_path
from django.views.i18n import JavaScriptCatalog

from countersign import views
from countersign.api import api
from receipts import views as receipts_views

handler400 = "common.pages.malformed"
handler403 = "common.pages.forbidden"
handler404 = "common.pages.not_found"
handler500 = "common.pages.internal_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("waiting", views.waiting, name="waiting"),
    path("", include("transactions.urls")),
    path("", include("enrolment.urls")),
    path("", include("accounts.urls")),
    path("", include("notices.urls")),
    path("", include("receipts.urls")),
    path("console/", include("console.urls")),
    path("api/v1/", api.urls),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("i18n/catalog.js", JavaScriptCatalog.as_view(), name="catalog"),
    path(".well-known/countersign/keys", receipts_views.directory, name="directory"),
    re_path(
        r"^\.well-known/countersign/servers/(?P<prefix>[0-9a-f]{3})\.cbor$",
        receipts_views.bucket,
        name="bucket",
    ),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("version", views.version),
]
