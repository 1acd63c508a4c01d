"""The platform's signing keys."""

from django.db import models

from protocol.keys import Purpose


class PlatformKey(models.Model):
    """One key of the platform, certified by its root for one purpose and a span of days."""

    purpose = models.CharField(
        max_length=9, choices=[(purpose.value, purpose.value) for purpose in Purpose]
    )
    kid = models.BinaryField(max_length=8, unique=True)
    sealed_private = models.BinaryField(help_text="AES-256-GCM; the kid is associated data.")
    root = models.BinaryField(max_length=32, help_text="Public root key that certified it.")
    certificate = models.BinaryField(help_text="COSE_Sign1, typ cs-key.")
    from_day = models.PositiveIntegerField(help_text="Days since 1970-01-01.")
    to_day = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.purpose} key {bytes(self.kid).hex()}"
