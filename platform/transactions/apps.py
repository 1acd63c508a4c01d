"""App configuration."""

from django.apps import AppConfig


class TransactionsConfig(AppConfig):
    """Transactions and their steps."""

    name = "transactions"
