"""Routes of transactions."""

from django.urls import path

from common import converters as converters  # registers hex8 and hex32
from transactions.views import activate, chain, compose, step

urlpatterns = [
    path("transactions", chain.transactions, name="transactions"),
    path("tokens/<str:serial>/activate", activate.activate_token, name="activate-token"),
    path("transactions/new", compose.new, name="new-transaction"),
    path("transactions/<hex8:tx>", chain.transaction, name="transaction"),
    path("continue", compose.scan_first, name="continue"),
    path("continue/<hex32:receipt_id>", compose.follow, name="continue-transaction"),
    path("steps/<hex32:s>", step.step, name="step"),
    path("steps/<hex32:s>/state", step.step_state, name="step-state"),
]
