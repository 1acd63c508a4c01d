"""App configuration."""

from django.apps import AppConfig


class TransactionsConfig(AppConfig):
    """Transactions and their steps."""

    name = "transactions"

    def ready(self) -> None:
        """Say where receipts are kept."""
        from signing.receipts import keep_receipts
        from transactions import selectors

        keep_receipts("step", selectors.kept_receipts)
