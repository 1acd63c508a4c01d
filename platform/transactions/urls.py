"""Routes of transactions."""

from django.urls import path

from common.pages import not_found

urlpatterns = [
    path("transactions", not_found, {"exception": Exception()}, name="transactions"),
    path("transactions/new", not_found, {"exception": Exception()}, name="new-transaction"),
]
