"""Paired servers, each the only partner of one token: enrolled, re-keyed, moved."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from authserver.models.fields import BytesField
from authserver.models.host import DataKey
from authserver.models.platforms import MAX_CONSECUTIVE_FAILURES, MAX_LOCK_LEVEL, Platform


class Batch(models.Model):
    """Tokens that came in one file."""

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT)
    name = models.CharField(max_length=40)
    format = models.CharField(max_length=12, help_text="pskc, oath-csv or yubico-csv.")
    imported_at = models.DateTimeField()
    tokens = models.PositiveIntegerField(help_text="How many it brought.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "name"], name="batch_name_once")
        ]

    def __str__(self) -> str:
        return f"batch {self.name}"


class Server(models.Model):
    """One paired server: the only partner of one token.

    Pairing is one to one because both ends are names of the same row, each unique.
    """

    class State(models.TextChoices):
        """Drawn in docs/lifecycle.md; authserver.services.lifecycle says which follows which."""

        STOCK = "stock"
        ISSUED = "issued"
        ENROLLED = "enrolled"
        CONFIRMED = "confirmed"
        ACTIVE = "active"
        SUSPENDED = "suspended"
        REVOKED = "revoked"
        EXPIRED = "expired"
        REPLACED = "replaced"
        MOVED = "moved"

        @classmethod
        def living(cls) -> tuple["Server.State", ...]:
            """Return the states of tokens that serve or may yet serve; an end date ends these."""
            return (
                *(cls.STOCK, cls.ISSUED, cls.ENROLLED),
                *(cls.CONFIRMED, cls.ACTIVE, cls.SUSPENDED),
            )

    vk = models.CharField(max_length=16, unique=True, help_text="Server id, hexadecimal.")
    serial = models.CharField(max_length=16, unique=True, help_text="The token's serial.")
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT)
    label = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.ISSUED)
    suite = models.CharField(max_length=64)
    sight = models.PositiveSmallIntegerField()
    certificate = BytesField(help_text="COSE cs-server, by a host key.")
    enrolled_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, help_text="Of the token, where it has an end.")
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, null=True)
    successor = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="+", help_text="Replaced by."
    )
    moved_to = models.CharField(max_length=40, blank=True, help_text="Origin of the new host.")

    # Sealed with the server id as context: a row moved to another server does not open.  All
    # that belongs to one server is sealed under one key: its enrolment and former keys too.
    data_key = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+")
    sealed_key = BytesField(help_text="Signing key.")
    sealed_seed = BytesField(null=True)
    sealed_post_key = BytesField(null=True, help_text="K_post.")

    counter = models.PositiveBigIntegerField(null=True, help_text="Next; null without one.")
    time_step = models.PositiveBigIntegerField(null=True, help_text="Last accepted.")
    drift = models.SmallIntegerField(default=0, help_text="Time steps the token is ahead.")

    consecutive_failures = models.PositiveSmallIntegerField(default=0)
    lock_level = models.PositiveSmallIntegerField(default=0, help_text="Falls by success alone.")
    locked_until = models.DateTimeField(null=True)
    is_blocked = models.BooleanField(default=False, help_text="By the budget of 30 days.")
    unblocked_at = models.DateTimeField(null=True, help_text="By the platform, last.")
    failures_until = models.DateTimeField(
        null=True, help_text="No earlier wrong response can be repeated after this."
    )
    proofs_until = models.DateTimeField(
        null=True, help_text="No statement with a proof is open after this."
    )

    seq = models.PositiveBigIntegerField(help_text="Of the last verdict: generation·2^32 + n.")
    head = BytesField(max_length=32, default=bytes(32), help_text="Link of that verdict.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["issued", "revoked", "expired", "replaced", "moved"])
                | Q(sealed_seed__isnull=False),
                name="server_in_use_has_a_seed",
            ),
            models.CheckConstraint(
                condition=Q(consecutive_failures__lt=MAX_CONSECUTIVE_FAILURES),
                name="server_failures_below_the_lock",
            ),
            models.CheckConstraint(
                condition=Q(lock_level__lte=MAX_LOCK_LEVEL), name="server_lock_level_known"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "expires_at"], name="server_end_due"),
            models.Index(fields=["state", "id"], name="server_by_state"),
        ]

    # Set where a statement is addressed to it: then that key answers.
    former_key: "FormerKey | None" = None

    def __str__(self) -> str:
        return f"server {self.vk} of token {self.serial} ({self.state})"

    @property
    def vk_bytes(self) -> bytes:
        """The server id as it stands in messages, 8 bytes."""
        return bytes.fromhex(self.vk)

    def has_expired(self, now: datetime) -> bool:
        """Whether the token's end has come and the row does not say so yet."""
        due = self.expires_at is not None and self.expires_at <= now
        return due and self.state in self.State.living()

    def state_at(self, now: datetime) -> str:
        """Return the state that holds now: the clock ends a token, not the writing of it."""
        return self.State.EXPIRED if self.has_expired(now) else self.state

    def is_locked(self, now: datetime) -> bool:
        """Whether no response is judged now."""
        return self.is_blocked or (self.locked_until is not None and now < self.locked_until)

    def lock_end(self, now: datetime) -> int | None:
        """Unix time at which the lock ends by itself; ``None`` for no lock, or no such end."""
        if self.is_blocked or self.locked_until is None or now >= self.locked_until:
            return None
        return int(self.locked_until.timestamp())

    def tries_left(self, now: datetime, recent: int) -> int:
        """How many wrong responses are still allowed before a lock.

        Args:
            now: Current time.
            recent: Failures that stand against the budget of 30 days.
        """
        if self.is_locked(now):
            return 0
        in_a_row = self.platform.max_failures - self.consecutive_failures
        # A policy made stricter later takes hold at the next wrong response.
        return max(1, min(in_a_row, self.platform.budget - recent))


class Enrolment(models.Model):
    """The open enrolment of one server; gone when the holder has compared the digits."""

    server = models.OneToOneField(
        Server, on_delete=models.CASCADE, primary_key=True, related_name="enrolment"
    )
    ticket_hash = BytesField(max_length=32, unique=True)
    expires_at = models.DateTimeField()
    statement_certificate = BytesField(help_text="COSE cs-key, of the platform.")
    token_share = BytesField(max_length=32, null=True)
    answer = models.TextField(blank=True, help_text="What the token was told, to repeat it.")
    sealed_digits = BytesField(null=True)
    digit_tries = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"enrolment of {self.server_id}"


class FormerKey(models.Model):
    """A signing key that a server had before: it still ends what was addressed to it."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="former_keys")
    vk = models.CharField(max_length=16, unique=True, help_text="Server id under that key.")
    certificate = BytesField(help_text="COSE cs-server, by a host key.")
    sealed_key = BytesField(help_text="Sealed under the server's data key, this vk as context.")
    retired_at = models.DateTimeField(help_text="It answers no statement issued later.")

    def __str__(self) -> str:
        return f"former key {self.vk} of {self.server_id}"


class Passage(models.Model):
    """How often a server has moved, and how it left this host if it did."""

    server = models.OneToOneField(
        Server, on_delete=models.PROTECT, primary_key=True, related_name="passage"
    )
    number = models.PositiveIntegerField(help_text="Moves so far, over all hosts; never falls.")
    # Kept: the new host may yet be restored from a backup made before the server came.
    package = BytesField(help_text="As it left; empty while it is here.")

    def __str__(self) -> str:
        return f"move {self.number} of {self.server_id}"
