"""Routes of notices."""

from django.urls import path

from common.pages import not_found

urlpatterns = [
    path("inbox", not_found, {"exception": Exception()}, name="inbox"),
]
