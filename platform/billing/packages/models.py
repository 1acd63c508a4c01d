"""Packages and their builds; terminals; rules; billing requests and what became of them."""

from django.db import models
from django.db.models import Q

from common.ids import new_uid


class Package(models.Model):
    """An application that bills inside itself, with keys of its own (the key centre).

    Private keys are sealed; the public id is associated data.
    """

    uid = models.BinaryField(max_length=4, unique=True)
    developer = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    title = models.CharField(max_length=80)
    currency = models.CharField(max_length=3, help_text="ISO 4217, of all its prices.")
    first_key = models.BinaryField(max_length=32, help_text="Ed25519; its builds are signed.")
    sealed_first_key = models.BinaryField()
    third_key = models.BinaryField(max_length=32, help_text="X25519; requests are sealed to it.")
    sealed_third_key = models.BinaryField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """How it is called outside: ``uid`` in hex."""
        return bytes(self.uid).hex()

    @property
    def payee(self) -> str:
        """Whom payers read that they pay."""
        return self.developer.name or self.developer.account


class Build(models.Model):
    """One build of a package; its file lies in the store, and never changes."""

    package = models.ForeignKey(Package, models.PROTECT, related_name="builds")
    number = models.PositiveIntegerField(help_text="From 1; 16 bits.")
    sealed_salt = models.BinaryField(help_text="The second key, 32 bytes.")
    root = models.BinaryField(max_length=32, help_text="Merkle root of the measured files.")
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of the file in the store.")
    size = models.PositiveBigIntegerField(help_text="Bytes of the file in the store.")
    path = models.CharField(max_length=100, help_text="Of the file in the store.")
    measured_size = models.PositiveBigIntegerField(help_text="Bytes of the measured files.")
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["package", "number"], name="build_number_once"),
            models.CheckConstraint(
                condition=Q(number__gte=1, number__lte=65535), name="build_number_fits"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.package} build {self.number}"


class Item(models.Model):
    """What a build sells, at the price of its billing file; never a client's price."""

    build = models.ForeignKey(Build, models.PROTECT, related_name="items")
    number = models.PositiveBigIntegerField(help_text="32 bits.")
    title = models.CharField(max_length=80)
    amount = models.BigIntegerField(help_text="Minor units; 32 bits.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["build", "number"], name="item_once"),
            models.CheckConstraint(
                condition=Q(number__gte=0, number__lte=2**32 - 1, amount__gt=0)
                & Q(amount__lte=2**32 - 1),
                name="item_fits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.build} item {self.number}"


class Terminal(models.Model):
    """A device that billed or may bill; its id in requests is that of the device."""

    class Raised(models.TextChoices):
        """Why its level was raised to HIGH, whatever the rules say."""

        EVIDENCE = "evidence"
        ATTESTATION = "attestation"
        OPERATOR = "operator"

    device = models.OneToOneField("binding.Device", models.PROTECT, related_name="+")
    sealed_evidence_key = models.BinaryField(help_text="The thumbprint is associated data.")
    share = models.BinaryField(max_length=32, help_text="X25519; ours, of that key's agreement.")
    counter = models.PositiveBigIntegerField(default=0, help_text="Highest without a nonce.")
    raised = models.CharField(max_length=11, choices=Raised, blank=True)
    raised_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(raised="", raised_at=None)
                | ~Q(raised="") & Q(raised_at__isnull=False),
                name="terminal_raised_when",
            )
        ]

    def __str__(self) -> str:
        return f"terminal {self.device_id}"


class Nonce(models.Model):
    """A one-time number for one request of a terminal, fetched while on-line."""

    terminal = models.ForeignKey(Terminal, models.CASCADE, related_name="nonces")
    value = models.BinaryField(max_length=8)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["terminal", "value"], name="nonce_once")]

    def __str__(self) -> str:
        return f"nonce {self.pk}"


class Rule(models.Model):
    """What holds for requests that fit all its conditions: a security level, or a strategy.

    A condition that is not set fits everything.  The most specific rule wins.
    """

    class Kind(models.TextChoices):
        """What it says."""

        LEVEL = "level"
        STRATEGY = "strategy"

    kind = models.CharField(max_length=8, choices=Kind)
    value = models.CharField(max_length=16, help_text="high, low; or the name of a strategy.")
    terminal = models.ForeignKey(Terminal, models.PROTECT, null=True, related_name="+")
    number_hash = models.BinaryField(max_length=32, null=True, help_text="Of a phone number.")
    number_tail = models.CharField(max_length=4, blank=True, help_text="Its last digits.")
    item = models.PositiveBigIntegerField(null=True, help_text="Number of the package's item.")
    amount_from = models.BigIntegerField(null=True, help_text="Minor units, with a package.")
    package = models.ForeignKey(Package, models.PROTECT, null=True, related_name="+")
    made_by = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    in_force_at = models.DateTimeField(null=True, help_text="A second operator may have to agree.")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # An item's number, and an amount without its currency, mean nothing by themselves.
            models.CheckConstraint(
                condition=Q(item=None, amount_from=None) | Q(package__isnull=False),
                name="rule_of_items_names_a_package",
            ),
        ]
        indexes = [
            models.Index(
                fields=["kind"],
                condition=Q(ended_at=None, in_force_at__isnull=False),
                name="rule_in_force",
            )
        ]

    def __str__(self) -> str:
        return f"rule {self.pk}: {self.kind} {self.value}"


class BillingRequest(models.Model):
    """What a terminal asked to be charged, and what became of it."""

    class State(models.TextChoices):
        """flows.md, D."""

        RECEIVED = "received"
        VERIFIED = "verified"
        AWAITING_ONLINE = "awaiting_online"
        AWAITING_CAPTCHA = "awaiting_captcha"
        AWAITING_PAYPASS = "awaiting_paypass"
        AWAITING_SMS_CODE = "awaiting_sms_code"
        AWAITING_TOKEN = "awaiting_token"  # noqa: S105  # a state
        AWAITING_PASSKEY = "awaiting_passkey"
        CAPTURED = "captured"
        REFUNDED = "refunded"
        REJECTED = "rejected"
        EXPIRED = "expired"
        CANCELLED = "cancelled"

    class Channel(models.TextChoices):
        """How it came."""

        NETWORK = "network"
        SMS = "sms"

    uid = models.BinaryField(max_length=8, unique=True, default=new_uid)
    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="requests")
    payer = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    item = models.ForeignKey(Item, models.PROTECT, related_name="+")
    channel = models.CharField(max_length=7, choices=Channel)
    amount = models.BigIntegerField(help_text="Minor units.")
    currency = models.CharField(max_length=3)
    nonce = models.BinaryField(max_length=8)
    key_matches = models.BooleanField(help_text="The key comparison, as the terminal says.")
    files_match = models.BooleanField(help_text="The signature comparison, likewise.")
    level = models.CharField(max_length=4, help_text="high or low.")
    strategy = models.CharField(max_length=16)
    state = models.CharField(max_length=17, choices=State)
    reason = models.CharField(max_length=40, blank=True, help_text="Why it was rejected.")
    digest = models.BinaryField(
        max_length=32, help_text="Of item, amount and payee: what every proof is bound to."
    )
    payment = models.BinaryField(max_length=8, null=True, help_text="Of the ledger.")
    transaction = models.BinaryField(max_length=8, null=True, help_text="Whose step proves it.")
    receipt = models.BinaryField(null=True, help_text="COSE cs-charge.")
    receipt_id = models.BinaryField(max_length=32, null=True, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    captured_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["terminal", "nonce"], name="request_once"),
            models.UniqueConstraint(
                fields=["transaction"],
                condition=Q(transaction__isnull=False),
                name="request_of_transaction_once",
            ),
            # Nothing is charged without a payment and a receipt.
            models.CheckConstraint(
                condition=~Q(state__in=["captured", "refunded"])
                | Q(payment__isnull=False, receipt__isnull=False, captured_at__isnull=False),
                name="charge_has_a_receipt",
            ),
        ]
        indexes = [
            models.Index(fields=["payer", "-id"], name="request_of_payer"),
            models.Index(
                fields=["expires_at"],
                condition=~Q(
                    state__in=["captured", "refunded", "rejected", "expired", "cancelled"]
                ),
                name="request_open",
            ),
        ]

    def __str__(self) -> str:
        return f"billing request {self.public_id} {self.state}"

    @property
    def public_id(self) -> str:
        """How it is called outside: ``uid`` in hex."""
        return bytes(self.uid).hex()


class Prompt(models.Model):
    """What the payer was asked to prove a request with: an image, a code, a challenge."""

    request = models.ForeignKey(BillingRequest, models.CASCADE, related_name="prompts")
    strategy = models.CharField(max_length=16)
    position = models.PositiveSmallIntegerField(help_text="From 1; how many were shown.")
    reference = models.CharField(max_length=64, blank=True, help_text="Key of the image.")
    secret_hash = models.BinaryField(max_length=32, null=True, help_text="Keyed.")
    digest = models.BinaryField(max_length=32, help_text="Of the request, when it was asked.")
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "strategy", "position"], name="prompt_once"
            ),
            models.CheckConstraint(condition=Q(tries__lte=5), name="prompt_five_tries"),
        ]

    def __str__(self) -> str:
        return f"prompt {self.pk} for {self.strategy}"


class Dispute(models.Model):
    """What a payer says against a charge, and what came of it."""

    class State(models.TextChoices):
        """How it stands."""

        OPEN = "open"
        REFUNDED = "refunded"
        REJECTED = "rejected"

    request = models.OneToOneField(BillingRequest, models.PROTECT, related_name="dispute")
    words = models.CharField(max_length=500)
    answer = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey("accounts.Holder", models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="open", ended_at=None)
                | ~Q(state="open") & Q(ended_at__isnull=False),
                name="dispute_ended_when",
            )
        ]

    def __str__(self) -> str:
        return f"dispute {self.pk} {self.state}"


class FraudSignal(models.Model):
    """Something that an honest terminal would not do; operators look at it."""

    class Reason(models.TextChoices):
        """What was seen."""

        EVIDENCE = "evidence_mismatch"
        KEY = "key_mismatch"
        FILES = "sig_mismatch"
        SENDER = "sender_mismatch"
        NONCE = "nonce_reused"
        AMOUNT = "amount_mismatch"
        BUILD = "build_revoked"
        ATTESTATION = "attestation_refused"

    reason = models.CharField(max_length=20, choices=Reason)
    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="signals")
    package = models.ForeignKey(Package, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(db_index=True)
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey("accounts.Holder", models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["terminal", "-id"], name="signal_of_terminal")]

    def __str__(self) -> str:
        return f"signal {self.pk} {self.reason}"


class Attestation(models.Model):
    """What a maker's service vouched for about a terminal, or a purchase, once."""

    class Provider(models.TextChoices):
        """Whose word it is."""

        PLAY_INTEGRITY = "play_integrity"
        APP_ATTEST = "app_attest"
        STOREKIT = "storekit"

    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="attestations")
    package = models.ForeignKey(Package, models.PROTECT, related_name="+")
    provider = models.CharField(max_length=14, choices=Provider)
    subject = models.BinaryField(
        max_length=32, help_text="SHA-256 of the provider's own id: key, nonce or transaction."
    )
    key = models.BinaryField(null=True, help_text="App Attest: public key, SubjectPublicKeyInfo.")
    counter = models.PositiveBigIntegerField(default=0, help_text="App Attest: highest seen.")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "subject"], name="attestation_once"),
            models.CheckConstraint(
                condition=Q(provider="app_attest") | Q(key=None),
                name="attestation_key_of_app_attest",
            ),
        ]

    def __str__(self) -> str:
        return f"attestation {self.pk} {self.provider}"
