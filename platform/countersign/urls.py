"""All routes of the site."""

from django.urls import include, path, re_path

from countersign import views
from countersign.api import api
from receipts import views as receipts_views

urlpatterns = [
    path("", views.landing, name="landing"),
    path("api/v1/", api.urls),
    path("accounts/", include("allauth.urls")),
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
