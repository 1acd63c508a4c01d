"""Routes of enrolment."""

from django.urls import path

from common.pages import not_found

urlpatterns = [
    path("tokens", not_found, {"exception": Exception()}, name="tokens"),
    path("tokens/new", not_found, {"exception": Exception()}, name="new-token"),
]
