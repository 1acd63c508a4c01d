"""Notices to holders and to people invited by e-mail."""

from django.db import models
from django.db.models import Q

from notices.words import WORDS, Words


class Notice(models.Model):
    """One thing a person should know; written with the change, delivered after it."""

    class Kind(models.TextChoices):
        """What happened."""

        STEP_WAITS = "step_waits"
        CONTINUED = "continued"
        DECLINED = "declined"
        REFUSED = "refused"
        EXPIRED = "expired"
        CANCELLED = "cancelled"
        LOCKED = "locked"

    kind = models.CharField(max_length=12, choices=Kind)
    holder = models.ForeignKey("accounts.Holder", models.CASCADE, null=True, related_name="+")
    email = models.EmailField(help_text="Where it goes.")
    language = models.CharField(max_length=8, blank=True, help_text="Of the e-mail.")
    transaction = models.CharField(max_length=16, help_text="Public id of the transaction.")
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["holder", "-id"], name="notice_inbox"),
            models.Index(fields=["transaction"], name="notice_transaction"),
            models.Index(fields=["id"], condition=Q(sent_at=None), name="notice_unsent"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.transaction}"

    @property
    def words(self) -> Words:
        """What it says."""
        return WORDS[self.kind]
