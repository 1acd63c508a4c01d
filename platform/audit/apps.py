"""App configuration."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The record of decisions."""

    name = "audit"
