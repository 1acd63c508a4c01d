"""Routes of the wallet's pages."""

from django.urls import path

from billing.ledger import views

urlpatterns = [
    path("wallet", views.wallet, name="wallet"),
    path("wallet/statement.csv", views.statement, name="wallet-statement"),
    path("wallet/top-up", views.top_up, name="top-up"),
    path("wallet/payout", views.pay_out, name="payout"),
    path("wallet/payment-password", views.payment_password, name="payment-password"),
]
