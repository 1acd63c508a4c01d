"""App configuration."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    """Inbox and outbox."""

    name = "notices"
