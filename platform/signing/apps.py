"""App configuration."""

from django.apps import AppConfig


class SigningConfig(AppConfig):
    """The platform's own keys."""

    name = "signing"
