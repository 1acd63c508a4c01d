"""Routes of console."""

from django.urls import path

from common import converters as converters  # registers hex8
from console.views import audit, holders, hosts, overview, tokens, transactions

urlpatterns = [
    path("", overview.overview, name="console"),
    path("holders", holders.listed, name="console-holders"),
    path("holders/<str:account>", holders.one, name="console-holder"),
    path("tokens", tokens.listed, name="console-tokens"),
    path("tokens/<str:serial>", tokens.one, name="console-token"),
    path("hosts", hosts.listed, name="console-hosts"),
    path("hosts/<int:number>", hosts.one, name="console-host"),
    path("transactions", transactions.listed, name="console-transactions"),
    path("transactions/<hex8:tx>", transactions.one, name="console-transaction"),
    path("audit", audit.listed, name="console-audit"),
]
