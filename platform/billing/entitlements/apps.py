"""App configuration."""

from django.apps import AppConfig


class EntitlementsConfig(AppConfig):
    """Resources, their prices, and who may use them."""

    name = "billing.entitlements"
    label = "entitlements"

    def ready(self) -> None:
        """Follow what happens in the apps below."""
        from billing.entitlements import receivers
        from binding.signals import device_removed
        from transactions.signals import step_ended

        step_ended.connect(receivers.follow_step)
        device_removed.connect(receivers.follow_device)
