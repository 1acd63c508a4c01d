"""The receipt log: entries, the nodes of the tree over them, and what was signed of it.

Rows are only ever added, by one batch after another; triggers refuse anything else.
"""

from django.db import models
from django.db.models import Q


class LogEntry(models.Model):
    """A receipt's place in the log.  Keys are indexes, so no two batches take one place."""

    index = models.PositiveBigIntegerField(primary_key=True, help_text="From 0, without a gap.")
    leaf = models.BinaryField(
        max_length=32, unique=True, help_text="SHA-256 of the receipt's COSE bytes."
    )

    def __str__(self) -> str:
        return f"entry {self.index}"


class LogNode(models.Model):
    """The hash over a whole subtree, so that a proof reads few rows."""

    number = models.PositiveBigIntegerField(
        primary_key=True, help_text="As protocol.merkle has it."
    )
    digest = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"node {self.number}"


class LogCheckpoint(models.Model):
    """What the platform signed of the whole log after a batch."""

    size = models.PositiveBigIntegerField(primary_key=True)
    follows = models.PositiveBigIntegerField(
        unique=True, help_text="Size of the one before; 0: there is none."
    )
    at = models.DateTimeField()
    kid = models.BinaryField(max_length=8, help_text="Of the key that signed it.")
    message = models.BinaryField(help_text="COSE_Sign1, typ cs-checkpoint.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(size__gt=0), name="log_never_empty")]
        indexes = [models.Index(fields=["kid", "size"], name="log_checkpoint_of_key")]

    def __str__(self) -> str:
        return f"checkpoint of {self.size}"


class LogCosignature(models.Model):
    """A host's signature beside the platform's on a checkpoint."""

    checkpoint = models.ForeignKey(LogCheckpoint, models.PROTECT, related_name="cosignatures")
    host = models.PositiveIntegerField(help_text="Its number.")
    at = models.DateTimeField(help_text="By the host's clock.")
    message = models.BinaryField(help_text="COSE_Sign1, typ cs-cosignature.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["checkpoint", "host"], name="log_cosigned_once")
        ]
        indexes = [models.Index(fields=["host", "-checkpoint"], name="log_cosigned_newest")]

    def __str__(self) -> str:
        return f"cosignature of host {self.host} on {self.checkpoint_id}"


class LogObjection(models.Model):
    """A host says that the log does not go on from what it had signed for."""

    host = models.PositiveIntegerField(help_text="Its number.")
    code = models.CharField(max_length=20, help_text="log_forked, log_shrunk, log_unknown.")
    size = models.PositiveBigIntegerField(help_text="Of the log that the host holds.")
    held = models.BinaryField(help_text="The checkpoint of ours that it signed for.")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            # A worse finding on the same log is kept beside the first.
            models.UniqueConstraint(fields=["host", "size", "code"], name="log_objected_once")
        ]

    def __str__(self) -> str:
        return f"{self.code} by host {self.host}"
