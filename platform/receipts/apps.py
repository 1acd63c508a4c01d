"""App configuration."""

from django.apps import AppConfig


class ReceiptsConfig(AppConfig):
    """Receipts and the keys to verify them."""

    name = "receipts"
