"""All routes of the site."""

from django.templatetags.static import static
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from django.views.i18n import JavaScriptCatalog

from console.views.styleguide import styleguide
from countersign import guide, home, metrics, views
from countersign.api import api
from receipts import views as receipts_views

handler400 = "common.pages.malformed"
handler403 = "common.pages.forbidden"
handler404 = "common.pages.not_found"
# allauth's, for whoever tries too often.
handler429 = "common.pages.too_many_requests"
handler500 = "common.pages.internal_error"

urlpatterns = [
    path("", home.home, name="home"),
    path("waiting", home.waiting, name="waiting"),
    path("guide", guide.guide, name="guide"),
    path("guide/ca.crt", guide.authority, name="guide-authority"),
    path("", include("transactions.urls")),
    path("", include("enrolment.urls")),
    path("", include("accounts.urls")),
    path("", include("receipts.urls")),
    path("", include("billing.ledger.urls")),
    path("", include("binding.urls")),
    path("", include("notices.urls")),
    path("", include("billing.entitlements.urls")),
    path("", include("billing.packages.urls")),
    path("", include("offline.urls")),
    path("console/", include("console.urls")),
    path("styleguide", styleguide, name="styleguide"),
    path("api/v1/", api.urls),
    path("accounts/", include("allauth.urls")),
    path("i18n/catalog.js", JavaScriptCatalog.as_view(), name="catalog"),
    path(".well-known/countersign/keys", receipts_views.directory, name="directory"),
    re_path(
        r"^\.well-known/countersign/servers/(?P<prefix>[0-9a-f]{3})\.cbor$",
        receipts_views.bucket,
        name="bucket",
    ),
    # Asked for by browsers that show an answer without a page, such as a picture.
    path("favicon.ico", RedirectView.as_view(url=static("countersign/icon.svg"))),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("version", views.version),
    path("metrics", metrics.metrics),
]
