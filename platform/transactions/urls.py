"""Routes of transactions."""

from django.urls import path

from common import converters as converters  # registers hex8 and hex32
from transactions.views import activate, care, chain, compose, leave, sign_in, step

urlpatterns = [
    path("transactions", chain.transactions, name="transactions"),
    path("tokens/<str:serial>/activate", activate.activate_token, name="activate-token"),
    path("transactions/new", compose.new, name="new-transaction"),
    path("transactions/<hex8:tx>", chain.transaction, name="transaction"),
    path("tokens/<str:serial>/try", care.try_token, name="try-token"),
    path("tokens/<str:serial>/unlock", care.unlock, name="unlock-token"),
    path("tokens/<str:serial>/resynchronise", care.resynchronise, name="resynchronise-token"),
    path(
        "tokens/<str:serial>/resynchronise/<hex32:first>/<hex32:second>",
        care.answers,
        name="resynchronise-answers",
    ),
    path("continue", compose.scan_first, name="continue"),
    path("continue/<hex32:receipt_id>", compose.follow, name="continue-transaction"),
    path("steps/<hex32:s>", step.step, name="step"),
    path("account/delete", leave.leave, name="leave"),
    path("account/token", sign_in.choice, name="sign-in-choice"),
    path("sign-in/token", sign_in.sign_in, name="sign-in-token"),
    path("sign-in/token/state", sign_in.sign_in_state, name="sign-in-state"),
    path("steps/<hex32:s>/state", step.step_state, name="step-state"),
]
