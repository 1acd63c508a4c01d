"""Routes of console."""

from django.urls import path, re_path

from console.views import audit, holders, hosts, overview, tokens, transactions

urlpatterns = [
    path("", overview.overview, name="console"),
    path("holders", holders.listed, name="console-holders"),
    re_path(r"^holders/(?P<account>[0-9]{12})\Z", holders.one, name="console-holder"),
    path("tokens", tokens.listed, name="console-tokens"),
    # PostgreSQL does not even compare a text that holds NUL.
    re_path(r"^tokens/(?P<serial>[^\0]+)\Z", tokens.one, name="console-token"),
    path("hosts", hosts.listed, name="console-hosts"),
    re_path(r"^hosts/(?P<number>[0-9]{1,9})\Z", hosts.one, name="console-host"),
    path("transactions", transactions.listed, name="console-transactions"),
    re_path(r"^transactions/(?P<tx>[0-9a-f]{16})\Z", transactions.one, name="console-transaction"),
    path("audit", audit.listed, name="console-audit"),
]
