"""Routes of receipts."""

from django.urls import path

from common.pages import not_found

urlpatterns = [
    path("scan", not_found, {"exception": Exception()}, name="scan"),
]
