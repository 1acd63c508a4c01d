"""App configuration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Holders and their API keys."""

    name = "accounts"
