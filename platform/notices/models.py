"""Notices to holders and to people invited by e-mail."""

from django.db import models
from django.db.models import Q

from notices.words import WORDS, Words


def _about_one_thing() -> Q:
    """Return the condition that exactly one field says what a notice is about."""
    unset = {"transaction": "", "token": "", "approval": None, "organisation": "", "page": ""}
    only_one = Q()
    for subject, nothing in unset.items():
        others = {field: value for field, value in unset.items() if field != subject}
        only_one |= Q(**others) & ~Q(**{subject: nothing})
    return only_one


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
        PHONE_BOUND = "phone_bound"
        PHONE_STOPPED = "phone_stopped"
        PHONE_WAITS = "phone_waits"
        PHONE_RELEASED = "phone_released"
        DEVICE_ADDED = "device_added"
        PAYPASS_SET = "paypass_set"
        PAYPASS_LOCKED = "paypass_locked"
        WALLET_FROZEN = "wallet_frozen"
        WALLET_THAWED = "wallet_thawed"
        BOUGHT = "bought"
        SOLD = "sold"
        REFUND_ASKED = "refund_asked"
        REFUNDED = "refunded"
        REFUND_REFUSED = "refund_refused"
        CHARGE_WAITS = "charge_waits"
        CHARGED = "charged"
        CHARGE_REFUNDED = "charge_refunded"
        CHARGE_DISPUTED = "charge_disputed"
        DISPUTE_ANSWERED = "dispute_answered"
        CAPS_RAISED = "caps_raised"
        TERMINAL_RAISED = "terminal_raised"
        OFFLINE_ADDED = "offline_added"
        OFFLINE_PASSWORD = "offline_password"  # noqa: S105  # a notice, not a password
        OFFLINE_CODES = "offline_codes"
        OFFLINE_LOCKED = "offline_locked"
        OFFLINE_STOPPED = "offline_stopped"
        OFFLINE_CLONED = "offline_cloned"
        OFFLINE_RESUMED = "offline_resumed"
        OFFLINE_PAID = "offline_paid"
        RECEIPT_SENT = "receipt_sent"
        SERVICE_SUSPENDED = "service_suspended"
        SERVICE_RESUMED = "service_resumed"

    kind = models.CharField(max_length=20, choices=Kind)
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
        max_length=16, blank=True, help_text="public id of the organisation, or"
    )
    page = models.CharField(
        max_length=48, blank=True, help_text="path of the page that shows it, such as /wallet."
    )
    fragment = models.TextField(
        blank=True, help_text="Behind the # of that page, in the e-mail alone: gone once sent."
    )
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_about_one_thing(), name="notice_is_about_one_thing")
        ]
        indexes = [
            models.Index(fields=["holder", "-id"], name="notice_inbox"),
            models.Index(fields=["transaction"], name="notice_transaction"),
            models.Index(fields=["token"], condition=~Q(token=""), name="notice_token"),
            models.Index(fields=["id"], condition=Q(sent_at=None), name="notice_unsent"),
            models.Index(fields=["id"], condition=~Q(fragment=""), name="notice_fragment"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.transaction}"

    @property
    def path(self) -> str:
        """The page on which to see what it is about."""
        if self.page:
            return f"{self.page}#{self.fragment}" if self.fragment else self.page
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
        return (
            self.token or self.transaction or self.organisation or self.page or str(self.approval)
        )

    @property
    def words(self) -> Words:
        """What it says."""
        return WORDS[self.kind]


class MailedReceipt(models.Model):
    """One mail with a receipt, which counts against the day's limits."""

    sender = models.ForeignKey("accounts.Holder", models.CASCADE, related_name="+")
    email = models.EmailField(help_text="Where it went.")
    day = models.DateField(help_text="In UTC.")
    number_by_sender = models.PositiveSmallIntegerField()
    number_to_address = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sender", "day", "number_by_sender"], name="mailed_receipt_by_sender"
            ),
            models.UniqueConstraint(
                fields=["email", "day", "number_to_address"], name="mailed_receipt_to_address"
            ),
        ]

    def __str__(self) -> str:
        return f"mailed receipt {self.pk}"


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


class SmsMessage(models.Model):
    """One SMS to a phone: written with the change, sent after it.

    Number and text are sealed at rest; the text, which may hold a code, goes once it was sent.
    """

    public_id = models.CharField(max_length=36, unique=True)
    purpose = models.CharField(max_length=20, help_text="Such as number_proof.")
    number_hash = models.BinaryField(max_length=32, help_text="Keyed.")
    sealed_number = models.BinaryField(help_text="E.164; the public id is associated data.")
    sealed_text = models.BinaryField(default=b"", help_text="Likewise; empty once sent.")
    provider_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, help_text="Next try; null when there is none.")
    tries = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField(help_text="Of no use after this: not sent.")
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="sms_due"),
            models.Index(fields=["number_hash", "created_at"], name="sms_to_number"),
        ]

    def __str__(self) -> str:
        return f"sms {self.public_id}"


class SmsReceived(models.Model):
    """One SMS that came in: taken once, whoever delivers it how often."""

    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=64)
    sender_hash = models.BinaryField(max_length=32, help_text="Keyed hash of the number.")
    handler = models.CharField(max_length=40, blank=True, help_text="Who took it; empty: nobody.")
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "provider_id"], name="sms_received_once")
        ]

    def __str__(self) -> str:
        return f"sms from {self.provider}"
