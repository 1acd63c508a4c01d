"""Clients, services with their relays, and what clients were authorized for."""

from django.db import models
from django.db.models import Q

from common.ids import new_uid


class Client(models.Model):
    """A device that authorizes without a network; its id stands in its serials.

    What is sealed has ``uid`` as associated data.
    """

    class State(models.TextChoices):
        """Whether it may authorize; only ``active`` may."""

        ACTIVE = "active"
        SUSPENDED = "suspended"
        REMOVED = "removed"

    class Reason(models.TextChoices):
        """Why it was suspended; each is graver than those before it, and takes their place."""

        HOLDER = "holder"
        OPERATOR = "operator"
        # Two applications with one counter, or an authorization its journal does not know.
        CLONED = "cloned"

    uid = models.BinaryField(max_length=4, unique=True)
    device = models.OneToOneField("binding.Device", models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.ACTIVE)
    reason = models.CharField(max_length=8, choices=Reason, blank=True)
    counter = models.PositiveBigIntegerField(default=0, help_text="Highest that was accepted.")
    reviewed_counter = models.PositiveBigIntegerField(
        default=0, help_text="Up to which an operator has looked at what was approved."
    )
    box_key = models.BinaryField(max_length=32, help_text="X25519; countersigns are sealed to it.")
    sealed_box_key = models.BinaryField()
    salt = models.BinaryField(max_length=16, help_text="Of the offline password.")
    sealed_password = models.BinaryField(
        blank=True, default=b"", help_text="Argon2id, sealed; empty: not set."
    )
    password_set_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0, help_text="Wrong proofs in a row.")
    locked_at = models.DateTimeField(null=True, help_text="Unlocked on-line alone.")
    code_limit = models.BigIntegerField(default=0, help_text="Of one-way codes; 0: off.")
    code_currency = models.CharField(max_length=3, blank=True)
    created_at = models.DateTimeField()
    synced_at = models.DateTimeField(null=True, help_text="When it was last on-line.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(failures__lte=5), name="client_five_failures"),
            models.CheckConstraint(
                condition=Q(code_limit=0) | Q(code_limit__gt=0) & ~Q(code_currency=""),
                name="client_code_limit_has_currency",
            ),
            models.CheckConstraint(
                condition=~Q(state="suspended") | ~Q(reason=""), name="client_suspended_why"
            ),
        ]

    def __str__(self) -> str:
        return f"offline client {self.public_id}"

    @property
    def public_id(self) -> str:
        """How it is called outside: ``uid`` in hex."""
        return bytes(self.uid).hex()


class Service(models.Model):
    """What an owner offers to clients without a network."""

    class Kind(models.TextChoices):
        """What is authorized."""

        GATE = "gate"
        CHECKOUT = "checkout"
        # A step of a transaction, signed by the holder's token.
        APPROVAL = "approval"

    uid = models.BinaryField(max_length=8, unique=True, default=new_uid)
    owner = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    title = models.CharField(max_length=60)
    kind = models.CharField(max_length=8, choices=Kind)
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217, of a checkout.")
    is_open = models.BooleanField(default=True, help_text="To everybody; else to those granted.")
    is_high = models.BooleanField(default=False, help_text="Always the offline password.")
    high_from = models.BigIntegerField(null=True, help_text="The offline password from here on.")
    takes_codes = models.BooleanField(default=False, help_text="One-way codes.")
    created_at = models.DateTimeField()
    suspended_at = models.DateTimeField(null=True, help_text="By an operator.")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="checkout") & ~Q(currency="")
                | ~Q(kind="checkout") & Q(currency=""),
                name="service_checkout_has_currency",
            ),
            models.CheckConstraint(
                condition=Q(high_from=None) | Q(high_from__gt=0), name="service_high_from"
            ),
        ]

    def __str__(self) -> str:
        return f"service {self.public_id}"

    @property
    def public_id(self) -> str:
        """How it is called outside: ``uid`` in hex."""
        return bytes(self.uid).hex()


class Grant(models.Model):
    """A holder for whom a service that is not open to everybody is there."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="grants")
    holder = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "holder"], name="service_grant_once")
        ]

    def __str__(self) -> str:
        return f"grant {self.pk}"


class Relay(models.Model):
    """A device, on-line and not trusted with anything secret, that stands at a service.

    Its id in what is signed is that of the device.
    """

    device = models.OneToOneField("binding.Device", models.PROTECT, related_name="+")
    service = models.ForeignKey(Service, models.PROTECT, related_name="relays")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"relay {self.device_id}"


class Authorization(models.Model):
    """One application, and what became of it."""

    class State(models.TextChoices):
        """Only the last three are final."""

        APPLIED = "applied"
        TBS_ISSUED = "tbs_issued"
        # While a token's response is with its authserver.
        COUNTERSIGNED = "countersigned"
        APPROVED = "approved"
        REJECTED = "rejected"
        EXPIRED = "expired"

    serial = models.BinaryField(max_length=16, unique=True)
    client = models.ForeignKey(Client, models.PROTECT, related_name="authorizations")
    counter = models.PositiveBigIntegerField(help_text="Of the serial.")
    relay = models.ForeignKey(Relay, models.PROTECT, related_name="+")
    service = models.ForeignKey(Service, models.PROTECT, related_name="+")
    # As charges name it: offline, offline_high, offline_code.
    way = models.CharField(max_length=16)
    amount = models.BigIntegerField(null=True, help_text="Minor units.")
    currency = models.CharField(max_length=3, blank=True)
    subject = models.BinaryField(max_length=8, null=True, help_text="A step of a transaction.")
    application = models.BinaryField(help_text="As it came, or the one-way code.")
    tbs = models.BinaryField(null=True, help_text="As it was signed.")
    countersign = models.BinaryField(null=True, help_text="As it was verified.")
    result = models.BinaryField(null=True, help_text="As it was signed.")
    request = models.CharField(max_length=80, blank=True, help_text="Which took the code.")
    state = models.CharField(max_length=13, choices=State)
    reason = models.CharField(max_length=32, blank=True, help_text="Precise; of a rejection.")
    payment = models.BinaryField(max_length=8, null=True)
    receipt = models.BinaryField(null=True, help_text="COSE, typ cs-charge.")
    receipt_id = models.BinaryField(max_length=8, null=True)
    applied_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    reconciled_at = models.DateTimeField(null=True, help_text="When the client said it knows it.")

    class Meta:
        constraints = [
            # An honest client never uses a counter twice: who does was copied.
            models.UniqueConstraint(fields=["client", "counter"], name="client_counter_once"),
            models.CheckConstraint(
                condition=Q(amount=None, currency="") | Q(amount__gt=0) & ~Q(currency=""),
                name="authorization_amount_has_currency",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | Q(result__isnull=False, receipt__isnull=False, decided_at__isnull=False)
                & (Q(amount=None) | Q(payment__isnull=False)),
                name="approved_has_a_receipt",
            ),
        ]
        indexes = [
            models.Index(fields=["client", "-id"], name="authorization_of_client"),
            models.Index(fields=["service", "-id"], name="authorization_of_service"),
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=["applied", "tbs_issued", "countersigned"]),
                name="authorization_open",
            ),
        ]

    def __str__(self) -> str:
        return f"authorization {self.public_id} {self.state}"

    @property
    def public_id(self) -> str:
        """How it is called outside: ``serial`` in hex."""
        return bytes(self.serial).hex()
