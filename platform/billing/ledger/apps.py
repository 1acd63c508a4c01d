"""App configuration."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Wallets, payments and refunds by double entry."""

    name = "billing.ledger"
    label = "ledger"
