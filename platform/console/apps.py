"""App configuration."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Operator pages."""

    name = "console"
