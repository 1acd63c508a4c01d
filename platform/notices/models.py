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
        LAST_TRY = "last_try"
        BLOCKED = "blocked"
        UNLOCKED = "unlocked"
        ADDED = "added"
        SUSPENDED = "suspended"
        RESUMED = "resumed"
        REVOKED = "revoked"
        REPLACED = "replaced"
        ENDED = "ended"
        EXPIRES_SOON = "expires_soon"
        APPROVAL = "approval"
        INVITED = "invited"

    kind = models.CharField(max_length=12, choices=Kind)
    holder = models.ForeignKey("accounts.Holder", models.CASCADE, null=True, related_name="+")
    email = models.EmailField(help_text="Where it goes.")
    language = models.CharField(max_length=8, blank=True, help_text="Of the e-mail.")
    transaction = models.CharField(
        max_length=16, blank=True, help_text="Public id of the transaction it is about, or"
    )
    token = models.CharField(max_length=16, blank=True, help_text="serial of the token, or")
    approval = models.PositiveBigIntegerField(
        null=True, help_text="number of what waits for a second operator, or"
    )
    organisation = models.CharField(
        max_length=16, blank=True, help_text="public id of the organisation."
    )
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(transaction="", token="", organisation="", approval__isnull=False)
                | (
                    Q(approval=None, organisation="") & (~Q(transaction="") ^ ~Q(token=""))
                    | Q(approval=None, transaction="", token="") & ~Q(organisation="")
                ),
                name="notice_is_about_one_thing",
            )
        ]
        indexes = [
            models.Index(fields=["holder", "-id"], name="notice_inbox"),
            models.Index(fields=["transaction"], name="notice_transaction"),
            models.Index(fields=["token"], condition=~Q(token=""), name="notice_token"),
            models.Index(fields=["id"], condition=Q(sent_at=None), name="notice_unsent"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.transaction}"

    @property
    def path(self) -> str:
        """The page on which to see what it is about."""
        if self.approval is not None:
            return "/console/approvals"
        if self.organisation:
            # Not that of the organisation: whoever is invited is no member yet.
            return "/organisations"
        if self.token:
            return f"/tokens/{self.token}"
        return f"/transactions/{self.transaction}"

    @property
    def subject(self) -> str:
        """Public id of what it is about."""
        return self.token or self.transaction or self.organisation or str(self.approval)

    @property
    def words(self) -> Words:
        """What it says."""
        return WORDS[self.kind]


class WebhookEndpoint(models.Model):
    """An address that is told of events, signed as Standard Webhooks has it."""

    holder = models.ForeignKey(
        "accounts.Holder",
        models.CASCADE,
        null=True,
        related_name="+",
        help_text="Whose events it is told; null: everybody's, for the operators.",
    )
    url = models.CharField(max_length=400)
    sealed_secret = models.BinaryField(help_text="The url is associated data.")
    created_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, help_text="It said 410, or failed too long.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["holder", "url"], name="webhook_endpoint_once"),
            models.UniqueConstraint(
                fields=["url"], condition=Q(holder=None), name="webhook_endpoint_shared_once"
            ),
        ]

    def __str__(self) -> str:
        return f"webhook endpoint {self.pk}"


class WebhookMessage(models.Model):
    """One event for one endpoint: written with the change, sent after it until it arrives."""

    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="messages")
    public_id = models.CharField(max_length=36, unique=True, help_text="The webhook-id.")
    type = models.CharField(max_length=40)
    body = models.TextField(help_text="JSON, as it is signed and sent.")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, help_text="Next try; null when there is none.")
    tries = models.PositiveSmallIntegerField(default=0)
    status = models.PositiveSmallIntegerField(
        null=True, help_text="Of the last answer; null when none came."
    )
    arrived_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="webhook_message_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.public_id}"
