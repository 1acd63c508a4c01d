"""App configuration."""

from django.apps import AppConfig


class PackagesConfig(AppConfig):
    """Packages of applications, and what is billed inside them."""

    name = "billing.packages"
    label = "packages"

    def ready(self) -> None:
        """Say where receipts are kept, and what operators may have to agree to here."""
        from billing.packages import receivers, selectors_charges
        from billing.packages.services import rules, signals
        from binding.signals import device_removed
        from signing.receipts import keep_receipts
        from transactions.signals import step_ended

        keep_receipts("charge", selectors_charges.kept_receipts)
        rules.register()
        signals.register()
        step_ended.connect(receivers.follow_step)
        device_removed.connect(receivers.follow_device)
