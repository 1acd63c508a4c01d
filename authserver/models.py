"""What a host keeps: its keys, the platforms it serves, paired servers, and what they decided."""

from datetime import datetime

from django.db import models
from django.db.models import Q

MAX_CONSECUTIVE_FAILURES = 5
MAX_LOCK_LEVEL = 4


class BytesField(models.BinaryField):  # type: ignore[type-arg]  # not generic when it runs
    """Bytes, which is how both databases give them; the stubs allow for ``memoryview`` too."""

    _pyi_private_set_type: bytes
    _pyi_private_get_type: bytes


class HostState(models.Model):
    """The host itself: one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=20)
    root = BytesField(max_length=32, help_text="Public root key.")
    generation = models.PositiveIntegerField(default=0, help_text="Raised by after_restore.")
    not_ready_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="host_is_one")]

    def __str__(self) -> str:
        return f"host {self.name}"


class HostKey(models.Model):
    """A key that certifies paired servers and signs enrolments, itself certified by the root."""

    sealed_private = BytesField(help_text="Sealed with the certificate as context.")
    certificate = BytesField(help_text="COSE cs-key, by the root.")
    from_day = models.PositiveIntegerField(help_text="Days since 1970-01-01, UTC.")
    to_day = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"host key of day {self.from_day}"


class Platform(models.Model):
    """A platform that may pair servers and ask for verdicts."""

    id = models.CharField(primary_key=True, max_length=16)
    origin = models.CharField(max_length=40)
    root = BytesField(max_length=32, help_text="Public root key, pinned.")
    key_hash = BytesField(max_length=32, unique=True, help_text="SHA-256 of the bearer key.")

    def __str__(self) -> str:
        return f"platform {self.id}"


class Server(models.Model):
    """One paired server: the only partner of one token.

    Pairing is one to one because both ends are names of the same row, each unique.
    """

    class State(models.TextChoices):
        """``issued → enrolled → confirmed → active ⇄ suspended``; ``revoked`` from anywhere."""

        ISSUED = "issued"
        ENROLLED = "enrolled"
        CONFIRMED = "confirmed"
        ACTIVE = "active"
        SUSPENDED = "suspended"
        REVOKED = "revoked"

    vk = models.CharField(max_length=16, unique=True, help_text="Server id, hexadecimal.")
    serial = models.CharField(max_length=16, unique=True, help_text="The token's serial.")
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT)
    label = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.ISSUED)
    suite = models.CharField(max_length=64)
    sight = models.PositiveSmallIntegerField()
    certificate = BytesField(help_text="COSE cs-server, by a host key.")
    enrolled_at = models.DateTimeField(null=True)

    # Sealed with the server id as context: a row moved to another server does not open.
    sealed_key = BytesField(help_text="Signing key.")
    sealed_seed = BytesField(null=True)
    sealed_post_key = BytesField(null=True, help_text="K_post.")

    counter = models.PositiveBigIntegerField(null=True, help_text="Next; null without one.")
    time_step = models.PositiveBigIntegerField(null=True, help_text="Last accepted.")

    consecutive_failures = models.PositiveSmallIntegerField(default=0)
    lock_level = models.PositiveSmallIntegerField(default=0, help_text="Falls by success alone.")
    locked_until = models.DateTimeField(null=True)
    is_blocked = models.BooleanField(default=False, help_text="Until an operator unlocks.")
    failures_until = models.DateTimeField(
        null=True, help_text="No earlier wrong response can be repeated after this."
    )

    seq = models.PositiveBigIntegerField(help_text="Of the last verdict: generation·2^32 + n.")
    head = BytesField(max_length=32, default=bytes(32), help_text="Link of that verdict.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["issued", "revoked"]) | Q(sealed_seed__isnull=False),
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

    def __str__(self) -> str:
        return f"server {self.vk} of token {self.serial} ({self.state})"

    @property
    def vk_bytes(self) -> bytes:
        """The server id as it stands in messages, 8 bytes."""
        return bytes.fromhex(self.vk)

    def is_locked(self, now: datetime) -> bool:
        """Whether no response is judged now."""
        return self.is_blocked or (self.locked_until is not None and now < self.locked_until)

    def lock_end(self, now: datetime) -> int | None:
        """Unix time at which the lock ends by itself; ``None`` for no lock, or no such end."""
        if self.is_blocked or self.locked_until is None or now >= self.locked_until:
            return None
        return int(self.locked_until.timestamp())

    def tries_left(self, now: datetime) -> int:
        """How many wrong responses in a row are still allowed."""
        if self.is_locked(now):
            return 0
        return MAX_CONSECUTIVE_FAILURES - self.consecutive_failures


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


class Verdict(models.Model):
    """A terminal verdict: one for each server and statement, hash-linked in sequence."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT, db_index=False)
    s = BytesField(max_length=32, help_text="S of the statement.")
    seq = models.PositiveBigIntegerField()
    reason = models.PositiveSmallIntegerField()
    message = BytesField(help_text="COSE cs-verdict, as signed.")
    # Null, not empty: UNIQUE lets nulls stand beside each other.
    question = models.CharField(  # noqa: DJ001
        max_length=64, null=True, help_text="Null when another statement has used it up."
    )
    time_step = models.PositiveBigIntegerField(null=True, help_text="Matched.")
    counter = models.PositiveBigIntegerField(null=True, help_text="Matched.")
    link = BytesField(max_length=32, help_text="SHA-256 of the link before and message.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "s"], name="verdict_statement_once"),
            models.UniqueConstraint(fields=["server", "seq"], name="verdict_seq_once"),
            models.UniqueConstraint(fields=["server", "question"], name="verdict_question_once"),
        ]

    def __str__(self) -> str:
        return f"verdict {self.seq} of {self.server_id}"


class Failure(models.Model):
    """One counted wrong response; kept for the budget of 30 days."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    s = BytesField(max_length=32)
    response_hash = BytesField(max_length=32, help_text="Keyed; useless without the KEK.")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["server", "s", "response_hash"], name="failure_counted_once"
            )
        ]
        indexes = [models.Index(fields=["server", "at"], name="failure_budget")]

    def __str__(self) -> str:
        return f"failure of {self.server_id} at {self.at:%Y-%m-%d %H:%M}"
