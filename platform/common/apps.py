"""App configuration."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """What every app shares."""

    name = "common"
