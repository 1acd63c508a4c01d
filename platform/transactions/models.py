"""Transactions and their steps."""

import secrets
from datetime import datetime, timedelta
from functools import cached_property

from django.db import models
from django.db.models import Q

from protocol import cose
from protocol.statement import Kind, Statement
from protocol.verdict import Reason

# A clock of the host that lags a little must not refuse to let a step expire.
EXPIRY_LEEWAY = timedelta(seconds=2)


def new_tx() -> bytes:
    """Return a fresh transaction id: 8 random bytes."""
    return secrets.token_bytes(8)


class Transaction(models.Model):
    """An ordered chain of steps.  Its public id is ``tx`` in hex."""

    class State(models.TextChoices):
        """Whether it takes further steps."""

        OPEN = "open"
        CLOSED = "closed"
        CANCELLED = "cancelled"
        DISPUTED = "disputed"

    tx = models.BinaryField(max_length=8, unique=True, default=new_tx)
    owner = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    is_open_to_anyone = models.BooleanField(
        default=True, help_text="Whether whoever holds the receipt may continue."
    )
    may_repeat_holder = models.BooleanField(
        default=False, help_text="Whether one holder may sign two steps in a row."
    )
    last_signer_may_close = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-id"], name="transaction_owner"),
            # Almost all are open, and those need none.
            models.Index(
                fields=["state", "-id"],
                condition=~Q(state="open"),
                name="transaction_not_open",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """How it is called outside: ``tx`` in hex."""
        return bytes(self.tx).hex()


class Step(models.Model):
    """One party's part: the statement it is asked to approve, and how that ended.

    Its public id is S in hex.  Signed bytes are stored as they were signed.
    """

    class State(models.TextChoices):
        """protocol.md section 7."""

        CHALLENGED = "challenged"
        CLOSING = "closing"
        SIGNED = "signed"
        REFUSED = "refused"
        EXPIRED = "expired"
        CANCELLED = "cancelled"

    OPEN = (State.CHALLENGED, State.CLOSING)
    # States in which a step holds its place in the chain.
    HOLDS = (*OPEN, State.SIGNED)
    MAX_OPEN_PER_TOKEN = 3

    # Each further index makes every step dearer, so there is none beside those of Meta.
    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="steps")
    position = models.PositiveIntegerField()
    previous = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="+", db_index=False
    )
    holder = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    token = models.ForeignKey("enrolment.Token", models.PROTECT, related_name="+", db_index=False)
    slot = models.PositiveSmallIntegerField(help_text="Which of the token's open challenges.")
    state = models.CharField(max_length=10, choices=State, default=State.CHALLENGED)
    kind = models.PositiveSmallIntegerField(
        choices=[(kind.value, kind.name.lower()) for kind in Kind]
    )
    s = models.BinaryField(max_length=32, unique=True, help_text="Digest S of the statement.")
    statement = models.BinaryField(help_text="COSE_Sign1, typ cs-statement.")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    next_holder = models.ForeignKey(
        "accounts.Holder", models.PROTECT, null=True, related_name="+", db_index=False
    )
    next_email = models.EmailField(blank=True, help_text="Invited by e-mail.")

    ending = models.CharField(max_length=9, blank=True, help_text="Why it is being ended.")
    note = models.CharField(max_length=120, blank=True, help_text="Why the holder declined.")
    reason = models.PositiveSmallIntegerField(
        choices=[(reason.value, reason.name.lower()) for reason in Reason], null=True
    )
    verdict = models.BinaryField(null=True, help_text="COSE_Sign1, typ cs-verdict.")
    decided_at = models.DateTimeField(null=True)
    seq = models.PositiveBigIntegerField(null=True)
    link = models.BinaryField(max_length=32, null=True, help_text="Digest L of a signed step.")
    receipt = models.BinaryField(null=True, help_text="COSE_Sign1, cs-receipt or cs-refusal.")
    receipt_id = models.BinaryField(max_length=32, null=True, unique=True, help_text="SHA-256.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["transaction", "position"],
                condition=Q(state__in=["challenged", "closing", "signed"]),
                name="step_one_per_position",
            ),
            models.UniqueConstraint(
                fields=["previous"],
                condition=Q(state__in=["challenged", "closing", "signed"]),
                name="step_one_next_per_head",
            ),
            models.UniqueConstraint(
                fields=["token", "slot"],
                condition=Q(state__in=["challenged", "closing"]),
                name="step_one_per_slot",
            ),
            models.CheckConstraint(condition=Q(slot__lt=3), name="step_slots"),
            # Another verdict under a known number would mean that a host was rolled back.
            models.UniqueConstraint(
                fields=["token", "seq"], condition=Q(seq__isnull=False), name="step_seq_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="signed") | Q(receipt__isnull=False, link__isnull=False),
                name="step_signed_has_receipt",
            ),
        ]
        indexes = [
            models.Index(fields=["token", "-issued_at"], name="step_token_recent"),
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=["challenged", "closing"]),
                name="step_open",
            ),
            models.Index(
                fields=["next_holder"],
                condition=Q(next_holder__isnull=False),
                name="step_invited_holder",
            ),
            models.Index(
                fields=["next_email"], condition=~Q(next_email=""), name="step_invited_email"
            ),
        ]

    def __str__(self) -> str:
        return f"{bytes(self.s).hex()[:12]} ({self.state})"

    @property
    def public_id(self) -> str:
        """How it is called outside: S in hex."""
        return bytes(self.s).hex()

    @property
    def offline_id(self) -> str:
        """How a phone without a network calls it: the first 8 bytes of S in hex."""
        return bytes(self.s)[:8].hex()

    @property
    def public_receipt_id(self) -> str:
        """How its receipt is called outside; empty while there is none."""
        return bytes(self.receipt_id or b"").hex()

    @cached_property
    def content(self) -> Statement:
        """The statement as it was signed."""
        return Statement.from_payload(cose.parse(bytes(self.statement)).payload)

    @property
    def is_open(self) -> bool:
        """Whether the authentication server may still accept a response."""
        return self.state in self.OPEN

    def is_overdue(self, now: datetime) -> bool:
        """Whether nobody answered in time, though the authserver has not confirmed it yet."""
        return self.is_open and self.expires_at < now - EXPIRY_LEEWAY

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be settled with the authentication server."""
        return self.state == self.State.CLOSING or self.is_overdue(now)

    def seconds_left(self, now: datetime) -> int:
        """How long the challenge may still be answered; never below zero."""
        return max(0, int((self.expires_at - now).total_seconds()))

    @property
    def is_signed(self) -> bool:
        """Whether its holder approved it."""
        return self.state == self.State.SIGNED


class ErasedStep(models.Model):
    """What stays of a step whose only party left: digests, which tell nobody what was agreed."""

    tx = models.BinaryField(max_length=8, db_index=True, help_text="Of its transaction.")
    position = models.PositiveIntegerField()
    s = models.BinaryField(max_length=32, unique=True, help_text="Digest S of the statement.")
    v = models.BinaryField(max_length=32, null=True, help_text="Digest V of the verdict.")
    link = models.BinaryField(max_length=32, null=True, help_text="Digest L of a signed step.")
    receipt_id = models.BinaryField(max_length=32, null=True, help_text="SHA-256 of the receipt.")

    def __str__(self) -> str:
        return bytes(self.s).hex()[:12]
