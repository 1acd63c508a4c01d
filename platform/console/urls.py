"""Routes of console."""

from django.urls import path

from common.pages import not_found

urlpatterns = [
    path("", not_found, {"exception": Exception()}, name="console"),
]
