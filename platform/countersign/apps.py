"""The project as an app: its system checks and commands."""

from django.apps import AppConfig


class CountersignConfig(AppConfig):
    """Registers the checks that refuse contradictory settings."""

    name = "countersign"

    def ready(self) -> None:
        """Load the checks."""
        from countersign import checks  # noqa: F401
