"""Answers kept for repeated requests."""

from django.db import models


class IdempotentRequest(models.Model):
    """One POST under an Idempotency-Key, claimed before it runs and answered after.

    Neither the request's body nor its client is stored: both are keyed hashes.
    """

    scope = models.BinaryField(max_length=32, unique=True, help_text="Client, route and key.")
    body_hash = models.BinaryField(max_length=32)
    claimed_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="Null while it runs.")
    sealed_answer = models.BinaryField(default=b"")

    def __str__(self) -> str:
        return f"request {self.pk} ({self.status or 'running'})"
