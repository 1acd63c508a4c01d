"""Routes of receipts."""

from django.urls import path

from receipts import log_page, views

urlpatterns = [
    path("scan", views.scan, name="scan"),
    # Where the text of every receipt's QR code leads.
    path("r", views.scan, name="phone-scan"),
    path("scan/manifest.json", views.manifest, name="scan-manifest"),
    # At the top: it keeps pages of whatever path.
    path("scan-worker.js", views.service_worker, name="scan-worker"),
    # Where the text of a key's QR code leads.
    path("k", views.key, name="key"),
    path("k.svg", views.key_code, name="key-code"),
    path("log", log_page.log, name="log"),
    # Here and not with its page, since pictures are drawn here.
    path("sign-in/token/challenge.<str:form>", views.sign_in_challenge, name="sign-in-challenge"),
]
