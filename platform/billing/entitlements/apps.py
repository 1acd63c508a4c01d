"""App configuration."""

from django.apps import AppConfig


class EntitlementsConfig(AppConfig):
    """Resources, their prices, and who may use them."""

    name = "billing.entitlements"
    label = "entitlements"
