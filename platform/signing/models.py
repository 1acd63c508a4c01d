"""The platform's signing keys."""

from django.db import models

from protocol.keys import Purpose


class UnloggedReceipt(models.Model):
    """A receipt that was signed and is not in the receipt log yet.

    Added in the transaction that stores the receipt, and removed in the one that logs it.
    """

    leaf = models.BinaryField(
        max_length=32, db_index=True, help_text="SHA-256 of the receipt's COSE bytes."
    )
    at = models.DateTimeField()

    def __str__(self) -> str:
        return bytes(self.leaf).hex()[:12]


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
    retired_at = models.DateTimeField(null=True, help_text="From then on it signed nothing.")
    compromised_at = models.DateTimeField(
        null=True, help_text="From then on somebody else may have signed with it."
    )

    def __str__(self) -> str:
        return f"{self.purpose} key {bytes(self.kid).hex()}"


class PublishedDirectory(models.Model):
    """A directory of keys as it was published: the newest of each content, under its number."""

    number = models.PositiveBigIntegerField(primary_key=True)
    follows = models.PositiveBigIntegerField(
        unique=True, help_text="Number of the one before: two never follow on one."
    )
    issued = models.PositiveBigIntegerField(help_text="Unix seconds.")
    content = models.BinaryField(
        max_length=32, help_text="SHA-256 of all in it but its number and its time."
    )
    message = models.BinaryField(help_text="COSE_Sign1, typ cs-directory.")

    def __str__(self) -> str:
        return f"directory {self.number}"
