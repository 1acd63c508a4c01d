"""App configuration."""

from django.apps import AppConfig


class OfflineConfig(AppConfig):
    """Service authorization for a client without a network."""

    name = "offline"

    def ready(self) -> None:
        """Follow what happens to devices, and say where receipts are kept."""
        from binding.signals import device_removed
        from offline import receivers, selectors
        from signing.receipts import keep_receipts

        keep_receipts("authorization", selectors.kept_receipts)
        device_removed.connect(receivers.follow_device)
