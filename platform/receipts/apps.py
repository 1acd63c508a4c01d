"""App configuration."""

from django.apps import AppConfig


class ReceiptsConfig(AppConfig):
    """Receipts and the keys to verify them."""

    name = "receipts"

    def ready(self) -> None:
        """Have hosts sign for the log."""
        from enrolment.alongside import carry
        from receipts import witnesses

        carry(witnesses.load, witnesses.unload)
