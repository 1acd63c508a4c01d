"""App configuration."""

from django.apps import AppConfig


class BindingConfig(AppConfig):
    """Devices, and what is bound to them."""

    name = "binding"
