"""The service as a Django app: its models, system checks and commands."""

from django.apps import AppConfig


class AuthserverConfig(AppConfig):
    """Registers the checks that refuse contradictory settings."""

    name = "authserver"

    def ready(self) -> None:
        """Load the checks."""
        from authserver import checks  # noqa: F401
