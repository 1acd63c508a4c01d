"""Routes of accounts."""

from django.urls import path

from common.pages import not_found

urlpatterns = [
    path("account", not_found, {"exception": Exception()}, name="account"),
]
