"""Hosts of authentication servers, and the tokens paired there."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import Promise

from enrolment.suites import kind_of_token
from protocol.ed25519 import KEY_BYTES
from protocol.statement import DEFAULT_TTL_SECONDS, MAX_TTL_SECONDS, Kind, Sight
from tokens.suites import parse_suite


class AuthserverHost(models.Model):
    """One deployment of the authentication service, with the root pinned for it."""

    class State(models.TextChoices):
        """Whether it takes new tokens, gives up those it has, or serves none any more."""

        ACTIVE = "active"
        DRAINING = "draining"
        CLOSED = "closed"

    number = models.PositiveIntegerField(unique=True, help_text="What receipts call it.")
    name = models.CharField(max_length=20, unique=True)
    origin = models.CharField(max_length=40, unique=True)
    root = models.BinaryField(max_length=KEY_BYTES)
    certificates = models.JSONField(help_text="Host keys: cs-key messages in base64url.")
    ended = models.JSONField(
        default=dict, help_text="Host keys that ended: [retired-at, compromised-at] by kid."
    )
    sealed_key = models.BinaryField(help_text="Our bearer key there; the name is associated data.")
    weight = models.PositiveIntegerField(default=1, help_text="0 takes no new tokens.")
    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE)
    events_after = models.PositiveBigIntegerField(default=0, help_text="Last event fetched.")
    policy_version = models.PositiveIntegerField(default=0, help_text="Of the lock-out it has.")

    def __str__(self) -> str:
        return self.name


class Token(models.Model):
    """A holder's token and its paired server.  No seed, nor anything to derive one, is here."""

    class State(models.TextChoices):
        """Where the token is in its life, as far as the platform was told."""

        ISSUED = "issued"
        CONFIRMED = "confirmed"
        ACTIVE = "active"
        SUSPENDED = "suspended"
        REVOKED = "revoked"
        EXPIRED = "expired"
        REPLACED = "replaced"
        # Back in stock: nobody's, until somebody takes it again.
        RELEASED = "released"

    class Owed(models.TextChoices):
        """What was decided here, and must come about at the host."""

        REPLACE = "replace"
        RELEASE = "release"
        UNLOCK = "unlock"

    # What it can never come back from, unless it is taken from stock anew.
    ENDED = (State.REVOKED, State.EXPIRED, State.REPLACED, State.RELEASED)
    IN_USE = (State.ACTIVE, State.SUSPENDED)
    # Was in use, so that another one may take its place.
    REPLACEABLE = (*IN_USE, State.EXPIRED, State.REVOKED)

    holder = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="tokens")
    host = models.ForeignKey(AuthserverHost, models.PROTECT, related_name="+")
    serial = models.CharField(max_length=16, unique=True)
    vk = models.BinaryField(max_length=8, unique=True, help_text="Id of the paired server.")
    certificate = models.BinaryField(help_text="COSE_Sign1, typ cs-server, by the host.")
    suite = models.CharField(max_length=64)
    sight = models.PositiveSmallIntegerField(
        choices=[(sight.value, sight.name.lower()) for sight in Sight]
    )
    name = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.ISSUED)
    issued_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, help_text="When it ended, in whichever way.")
    expires_at = models.DateTimeField(null=True, help_text="Where the token has an end.")
    replaces = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        related_name="replacement",
        help_text="The token before.",
    )
    is_imported = models.BooleanField(default=False, help_text="Taken from a host's stock.")
    locked_until = models.DateTimeField(null=True, help_text="As the host last told.")
    is_blocked = models.BooleanField(default=False, help_text="Until somebody unlocks it.")
    tries_left = models.PositiveSmallIntegerField(
        null=True, help_text="As the host last told; null: all of them."
    )
    owed = models.CharField(
        max_length=8, choices=Owed, blank=True, help_text="What its host is still to be told."
    )

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=~Q(owed=""), name="token_owed"),
            models.Index(
                fields=["issued_at"],
                condition=Q(is_imported=True, state="confirmed"),
                name="token_unclaimed",
            ),
        ]

    def __str__(self) -> str:
        return self.serial

    @property
    def kind(self) -> Promise:
        """What kind of token it is, in plain words."""
        return kind_of_token(self.suite, self.sight)

    @property
    def replaces_serial(self) -> str | None:
        """Serial of the token before."""
        return self.replaces.serial if self.replaces else None

    @property
    def is_active(self) -> bool:
        """Whether it can answer, unless it is locked."""
        return self.state == self.State.ACTIVE

    @property
    def is_ended(self) -> bool:
        """Whether it never answers again."""
        return self.state in self.ENDED

    @property
    def is_locked(self) -> bool:
        """Whether its host refuses every response now, as far as the platform was told."""
        is_timed = self.locked_until is not None and self.locked_until > timezone.now()
        return not self.is_ended and (self.is_blocked or is_timed)

    @property
    def shown_state(self) -> str:
        """How it stands, for a badge."""
        return "locked" if self.is_active and self.is_locked else self.state

    @property
    def can_run_away(self) -> bool:
        """Whether it has a clock or a counter that may differ from its server's."""
        suite = parse_suite(self.suite)
        return suite.counter or suite.time_step_seconds is not None

    @property
    def can_sign(self) -> bool:
        """Whether it may sign steps of transactions; other tokens sign their holder in."""
        return self.sight != Sight.NONE


class RetiredServer(models.Model):
    """A key a paired server had before: what it signed stays valid."""

    token = models.ForeignKey(Token, models.PROTECT, related_name="retired_servers")
    host = models.ForeignKey(AuthserverHost, models.PROTECT, related_name="+")
    vk = models.BinaryField(max_length=8, help_text="Id of the server under that key.")
    certificate = models.BinaryField(help_text="COSE_Sign1, typ cs-server, by the host.")
    retired_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["vk"], name="retired_server_vk")]

    def __str__(self) -> str:
        return bytes(self.vk).hex()


# Also what a host begins with: what it was never told, it enforces.
MAX_FAILURES = 5
MAX_BUDGET = 30
LOCK_SECONDS = (60, 300, 1800, 86_400)


def business_kinds() -> list[str]:
    """Return the names of all kinds that a step of a chain may have."""
    return [kind.name.lower() for kind in Kind if kind.is_business]


def default_locks() -> list[int]:
    """Return for how many seconds each lock in turn holds; the last one repeats."""
    return list(LOCK_SECONDS)


class Policy(models.Model):
    """What this platform asks of tokens and of operators: one row, or none for all defaults."""

    class SignIn(models.TextChoices):
        """Whether a token is asked for at sign-in."""

        ALLOWED = "allowed"
        REQUIRED = "required"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    version = models.PositiveIntegerField(default=0, help_text="Raised by each change.")
    suites = models.JSONField(default=list, help_text="None named: every suite.")
    min_digits = models.PositiveSmallIntegerField(default=6)
    typed_limits = models.JSONField(
        default=dict, help_text="Greatest amount per currency in minor units; empty: no limit."
    )
    typed_kinds = models.JSONField(default=business_kinds, help_text="Allowed for typed tokens.")
    ttl_seconds = models.PositiveSmallIntegerField(
        default=DEFAULT_TTL_SECONDS, help_text="Life of a challenge when nothing is said."
    )
    max_ttl_seconds = models.PositiveSmallIntegerField(default=MAX_TTL_SECONDS)
    open_challenges = models.PositiveSmallIntegerField(default=3, help_text="Per token.")
    max_failures = models.PositiveSmallIntegerField(
        default=MAX_FAILURES, help_text="Wrong responses in a row that lock."
    )
    locks = models.JSONField(default=default_locks, help_text="Seconds, for each lock in turn.")
    budget = models.PositiveSmallIntegerField(
        default=MAX_BUDGET, help_text="Wrong responses within 30 days that block."
    )
    second_person = models.BooleanField(
        default=False, help_text="Whether a second operator approves what cannot be undone."
    )
    self_assignment = models.BooleanField(
        default=False, help_text="Whether holders take tokens from stock by their serial."
    )
    token_at_sign_in = models.CharField(
        max_length=8, choices=SignIn, default=SignIn.ALLOWED, help_text="For every holder."
    )
    permits = models.JSONField(
        default=list, help_text="Uses that demand a fresh permit of a bound phone."
    )
    offline_steps = models.BooleanField(
        default=False, help_text="Whether phones without a network bring a token's response."
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="policy_is_one")]

    def __str__(self) -> str:
        return f"policy {self.version}"

    @property
    def asks_token(self) -> bool:
        """Whether every holder who has a token needs it to sign in."""
        return self.token_at_sign_in == self.SignIn.REQUIRED

    def allows_suite(self, suite: str, digits: int) -> bool:
        """Tell whether tokens of this suite may be enrolled and assigned."""
        return digits >= self.min_digits and (not self.suites or suite in self.suites)


class Approval(models.Model):
    """Something one operator asked for, which another one has to agree to before it is done."""

    class State(models.TextChoices):
        """``approved`` lasts only while it is being done."""

        WAITING = "waiting"
        APPROVED = "approved"
        DONE = "done"
        FAILED = "failed"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired"

    action = models.CharField(max_length=32, help_text="Of enrolment.services.approvals.")
    subject = models.CharField(max_length=20, help_text="Serial, or name of a host; or policy.")
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    asked_by = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey("accounts.Holder", models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    code = models.CharField(max_length=40, blank=True, help_text="Why it failed.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["action", "subject"],
                condition=Q(state="waiting"),
                name="approval_waits_once",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("asked_by")),
                name="approval_by_two_people",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "done", "failed", "refused"])
                | Q(decided_by__isnull=False),
                name="approval_is_somebodys",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=["waiting", "approved"]),
                name="approval_open",
            ),
            models.Index(fields=["subject", "-id"], name="approval_subject"),
        ]

    def __str__(self) -> str:
        return f"approval:{self.pk}"
