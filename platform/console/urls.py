"""Routes of console."""

from django.urls import path

from common import converters as converters  # registers hex8
from console.views import (
    approvals,
    audit,
    holders,
    hosts,
    ledger,
    overview,
    phones,
    policy,
    sales,
    stock,
    tokens,
    transactions,
    webhooks,
)

urlpatterns = [
    path("", overview.overview, name="console"),
    path("holders", holders.listed, name="console-holders"),
    path("holders/<str:account>", holders.one, name="console-holder"),
    path("tokens", tokens.listed, name="console-tokens"),
    path("tokens/<str:serial>", tokens.one, name="console-token"),
    path("stock", stock.listed, name="console-stock"),
    path("stock/<str:serial>", stock.one, name="console-assign"),
    path("hosts", hosts.listed, name="console-hosts"),
    path("hosts/<int:number>", hosts.one, name="console-host"),
    path("transactions", transactions.listed, name="console-transactions"),
    path("transactions/<hex8:tx>", transactions.one, name="console-transaction"),
    path("sales", sales.listed, name="console-sales"),
    path("sales/<hex8:uid>", sales.one, name="console-sale"),
    path("webhooks", webhooks.listed, name="console-webhooks"),
    path("webhooks/<int:endpoint>", webhooks.one, name="console-webhook"),
    path("policy", policy.policy, name="console-policy"),
    path("approvals", approvals.listed, name="console-approvals"),
    path("ledger", ledger.ledger, name="console-ledger"),
    path("ledger/<str:account>", ledger.one, name="console-wallet"),
    path("phones", phones.listed, name="console-phones"),
    path("phones/<hex8:uid>", phones.one, name="console-phone"),
    path("audit", audit.listed, name="console-audit"),
]
