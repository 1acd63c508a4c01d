"""What a host keeps: its keys, the platforms it serves, paired servers, and what they decided."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q

MAX_CONSECUTIVE_FAILURES = 5
MAX_LOCK_LEVEL = 4
MAX_BUDGET = 30
# The longest lock that ends by itself: 30 days.
MAX_LOCK_SECONDS = 30 * 86_400


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


class DataKey(models.Model):
    """A key that seals rows; itself wrapped by a key-encryption key, which it names.

    A row names the data key it is sealed under, so that the database itself keeps a key from
    being dropped while anything needs it.
    """

    # Drawn, not counted: processes remember keys by it, and a restored database counts anew.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kek = models.CharField(max_length=40, help_text="Provider and name: file:… or pkcs11:….")
    wrapped = BytesField(help_text="Empty once nothing needs it.")
    is_current = models.BooleanField(default=True, help_text="Whether new rows are sealed by it.")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_current"], condition=Q(is_current=True), name="data_key_one_current"
            )
        ]

    def __str__(self) -> str:
        return f"data key of {self.made_at:%Y-%m-%d}"


class HostKey(models.Model):
    """A key that certifies paired servers and signs enrolments, itself certified by the root.

    The newest that is not retired signs; all stay in the directory, with their dates.
    """

    data_key = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+")
    sealed_private = BytesField(help_text="Sealed with the certificate as context.")
    certificate = BytesField(help_text="COSE cs-key, by the root.")
    from_day = models.PositiveIntegerField(help_text="Days since 1970-01-01, UTC.")
    to_day = models.PositiveIntegerField()
    retired_at = models.DateTimeField(null=True, help_text="From then on it signs nothing.")

    def __str__(self) -> str:
        return f"host key of day {self.from_day}"


def default_locks() -> list[int]:
    """Return how long a token is locked the first, second, third and every further time."""
    return [60, 300, 1800, 86_400]


class Platform(models.Model):
    """A platform that may pair servers and ask for verdicts, and how strict it wants to be."""

    id = models.CharField(primary_key=True, max_length=16)
    origin = models.CharField(max_length=40)
    root = BytesField(max_length=32, help_text="Public root key, pinned.")
    key_hash = BytesField(max_length=32, unique=True, help_text="SHA-256 of the bearer key.")
    max_failures = models.PositiveSmallIntegerField(
        default=MAX_CONSECUTIVE_FAILURES, help_text="Wrong responses in a row that lock."
    )
    locks = models.JSONField(default=default_locks, help_text="Seconds, for each lock in turn.")
    budget = models.PositiveSmallIntegerField(
        default=MAX_BUDGET, help_text="Failures within 30 days that block."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(max_failures__gte=1, max_failures__lte=MAX_CONSECUTIVE_FAILURES)
                & Q(budget__gte=1, budget__lte=MAX_BUDGET),
                name="platform_never_laxer_than_the_host",
            )
        ]

    def __str__(self) -> str:
        return f"platform {self.id}"


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


class Verdict(models.Model):
    """A terminal verdict: one for each server and statement, hash-linked in sequence."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT, db_index=False)
    s = BytesField(max_length=32, help_text="S of the statement.")
    seq = models.PositiveBigIntegerField()
    reason = models.PositiveSmallIntegerField()
    message = BytesField(help_text="COSE cs-verdict, as signed.")
    # Null, not empty: UNIQUE lets nulls stand beside each other.
    question = models.CharField(  # noqa: DJ001
        max_length=128, null=True, help_text="Null when another statement has used it up."
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
    is_forgiven = models.BooleanField(default=False, help_text="Stands against no budget.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["server", "s", "response_hash"], name="failure_counted_once"
            )
        ]
        indexes = [models.Index(fields=["server", "at"], name="failure_budget")]

    def __str__(self) -> str:
        return f"failure of {self.server_id} at {self.at:%Y-%m-%d %H:%M}"


class Event(models.Model):
    """One change in the life of a server: for its story, and for the platform to fetch."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT)
    at = models.DateTimeField()
    kind = models.CharField(max_length=20, help_text="Such as locked; see services.events.")
    actor = models.CharField(max_length=64, help_text="Such as token; see services.events.")
    detail = models.JSONField(default=dict, help_text="Public facts; never a secret.")

    def __str__(self) -> str:
        return f"{self.kind} of {self.server_id}"


class Proof(models.Model):
    """The host's own answer to a token, by which a holder tells the true platform.

    Its question is used up: no response to it is ever accepted (RFC 6287 section 7.3).
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    s = BytesField(max_length=32, help_text="S of the statement it belongs to.")
    challenge = models.CharField(max_length=64, help_text="The token's.")
    question = models.CharField(max_length=128, help_text="The token's, then the statement's.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "s"], name="proof_statement_once"),
            models.UniqueConstraint(fields=["server", "question"], name="proof_question_once"),
        ]

    def __str__(self) -> str:
        return f"proof of {self.server_id}"


class FormerKey(models.Model):
    """A signing key that a server had before: it still ends what was addressed to it."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="former_keys")
    vk = models.CharField(max_length=16, unique=True, help_text="Server id under that key.")
    certificate = BytesField(help_text="COSE cs-server, by a host key.")
    sealed_key = BytesField(help_text="Sealed under the server's data key, this vk as context.")
    retired_at = models.DateTimeField(help_text="It answers no statement issued later.")

    def __str__(self) -> str:
        return f"former key {self.vk} of {self.server_id}"


class TrustedHost(models.Model):
    """Another host: servers may move there, and come from there."""

    origin = models.CharField(primary_key=True, max_length=40)
    root = BytesField(max_length=32, help_text="Public root key, pinned.")

    def __str__(self) -> str:
        return self.origin


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


class ImportJob(models.Model):
    """A file of tokens: checked and prepared first, then stored whole or not at all."""

    class State(models.TextChoices):
        """``checking → ready → storing → done``; ``refused`` or ``failed`` instead of ready."""

        CHECKING = "checking"
        READY = "ready"
        STORING = "storing"
        DONE = "done"
        REFUSED = "refused"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT)
    batch = models.CharField(max_length=40, help_text="Name of the batch to be.")
    format = models.CharField(max_length=12)
    operator = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=State, default=State.CHECKING)
    octets = models.PositiveBigIntegerField(help_text="Of the file.")
    octets_read = models.PositiveBigIntegerField(default=0)
    good = models.PositiveIntegerField(default=0, help_text="Tokens that can be stored.")
    bad = models.PositiveIntegerField(default=0, help_text="Tokens that are refused.")
    suites = models.JSONField(default=dict, help_text="How many tokens have which suite.")
    problem = models.CharField(max_length=24, blank=True, help_text="Of the file as a whole.")
    sentence = models.CharField(max_length=200, blank=True, help_text="The same in words.")
    begun_at = models.DateTimeField()
    touched_at = models.DateTimeField(help_text="When it last went on.")

    def __str__(self) -> str:
        return f"import of {self.batch} ({self.state})"


class ImportChunk(models.Model):
    """Some tokens of a file that wait to be stored; their secrets are sealed already."""

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    keys = models.CharField(max_length=60, help_text="Data key and host key they were made with.")
    rows = models.TextField(help_text="JSON; nothing in it that a server's row does not hold.")
    refused = models.JSONField(help_text="Place, serial, problem, and the problem in words.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="import_chunk_once")]

    def __str__(self) -> str:
        return f"part {self.number} of {self.job_id}"


class SignInWait(models.Model):
    """How often somebody failed to sign in, and until when nothing more is judged."""

    key = models.CharField(primary_key=True, max_length=64, help_text="Hash of name or address.")
    failures = models.PositiveIntegerField(default=0)
    until = models.DateTimeField()
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"wait until {self.until:%Y-%m-%d %H:%M}"
