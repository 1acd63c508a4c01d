"""Resources with their versions and offers; purchases; entitlements, devices, status codes."""

from django.db import models
from django.db.models import Q

from common.ids import new_uid


class Resource(models.Model):
    """Something a developer sells."""

    class Kind(models.TextChoices):
        """What it is."""

        APP = "app"
        PICTURE = "picture"
        MUSIC = "music"
        THEME = "theme"
        VIDEO = "video"

    class State(models.TextChoices):
        """Whether it is in the shop; what was bought of a withdrawn one is refunded or lost."""

        DRAFT = "draft"
        LISTED = "listed"
        WITHDRAWN = "withdrawn"

    uid = models.BinaryField(max_length=8, unique=True, default=new_uid)
    developer = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=7, choices=Kind)
    title = models.CharField(max_length=80)
    summary = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.DRAFT)
    device_limit = models.PositiveSmallIntegerField(default=3, help_text="Devices of one buyer.")
    refund_days = models.PositiveSmallIntegerField(
        default=14, help_text="So long a buyer may ask for the money back."
    )
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["state", "kind", "-id"], name="resource_shelf"),
            models.Index(fields=["developer", "-id"], name="resource_of_developer"),
        ]

    def __str__(self) -> str:
        return bytes(self.uid).hex()


class Version(models.Model):
    """One file of a resource, encrypted; its content key is sealed at rest."""

    resource = models.ForeignKey(Resource, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(help_text="1, 2, …")
    media_type = models.CharField(max_length=80)
    filename = models.CharField(max_length=120)
    plain_size = models.PositiveBigIntegerField(help_text="Bytes.")
    size = models.PositiveBigIntegerField(help_text="Bytes of the encrypted file.")
    build_digest = models.BinaryField(max_length=32, help_text="SHA-256 of the encrypted file.")
    sealed_key = models.BinaryField(help_text="Content key; the build digest is associated data.")
    path = models.CharField(max_length=120, help_text="Of the encrypted file, in the store.")
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["resource", "number"], name="version_once")]

    def __str__(self) -> str:
        return f"version {self.number} of {self.resource_id}"


class Offer(models.Model):
    """A price, and what it buys.  Never changed: another price is another offer."""

    class Term(models.TextChoices):
        """How long it lasts."""

        PERMANENT = "permanent"
        UNTIL = "until"
        METERED = "metered"

    uid = models.BinaryField(max_length=8, unique=True, default=new_uid)
    resource = models.ForeignKey(Resource, models.PROTECT, related_name="offers")
    term = models.CharField(max_length=9, choices=Term)
    days = models.PositiveSmallIntegerField(null=True, help_text="Of a term until a date.")
    uses = models.PositiveIntegerField(null=True, help_text="Of a metered one.")
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField(help_text="Minor units.")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(term="permanent", days=None, uses=None)
                | Q(term="until", days__gt=0, uses=None)
                | Q(term="metered", days=None, uses__gt=0),
                name="offer_says_how_long",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="offer_has_a_price"),
        ]

    def __str__(self) -> str:
        return f"offer {bytes(self.uid).hex()}"


class Purchase(models.Model):
    """Somebody's wish to have an offer, and what became of it."""

    class Way(models.TextChoices):
        """How the payment is approved."""

        WALLET = "wallet"
        TOKEN = "token"  # noqa: S105 (a way to pay)

    class State(models.TextChoices):
        """Where it stands."""

        PENDING = "pending"
        PAID = "paid"
        CANCELLED = "cancelled"
        REFUNDED = "refunded"

    uid = models.BinaryField(max_length=8, unique=True, default=new_uid)
    buyer = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    offer = models.ForeignKey(Offer, models.PROTECT, related_name="purchases")
    way = models.CharField(max_length=6, choices=Way)
    state = models.CharField(max_length=9, choices=State)
    payment = models.BinaryField(max_length=8, help_text="Public id in the ledger.")
    transaction = models.BinaryField(
        max_length=8,
        null=True,
        help_text="The chain whose receipt is the invoice; named before there is one.",
    )
    key = models.CharField(max_length=80, unique=True, help_text="Makes a repetition harmless.")
    refund_until = models.DateTimeField(
        help_text="So long the buyer may ask; promised when bought."
    )
    refund_asked_at = models.DateTimeField(null=True)
    refund_reason = models.CharField(max_length=200, blank=True)
    refund_refused_at = models.DateTimeField(null=True)
    refund_answer = models.CharField(max_length=200, blank=True, help_text="Why it was refused.")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="When cancelled or refunded.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["transaction"],
                condition=Q(transaction__isnull=False),
                name="purchase_of_chain_once",
            )
        ]
        indexes = [
            models.Index(fields=["buyer", "-id"], name="purchase_of_buyer"),
            models.Index(fields=["state"], condition=Q(state="pending"), name="purchase_pending"),
        ]

    def __str__(self) -> str:
        return f"purchase {bytes(self.uid).hex()}"


class Entitlement(models.Model):
    """What a purchase gives: the right to use a resource."""

    class State(models.TextChoices):
        """``none`` of the flow is having no row."""

        PENDING_PAYMENT = "pending_payment"
        ACTIVE = "active"
        SUSPENDED = "suspended"
        EXPIRED = "expired"
        REFUNDED = "refunded"
        REVOKED = "revoked"

    purchase = models.OneToOneField(Purchase, models.PROTECT, related_name="entitlement")
    holder = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    resource = models.ForeignKey(Resource, models.PROTECT, related_name="entitlements")
    term = models.CharField(max_length=9, choices=Offer.Term)
    state = models.CharField(max_length=15, choices=State)
    expires_at = models.DateTimeField(null=True)
    uses_left = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["holder", "resource"],
                condition=Q(
                    term="permanent", state__in=["pending_payment", "active", "suspended"]
                ),
                name="permanent_entitlement_once",
            )
        ]
        indexes = [
            models.Index(fields=["holder", "resource"], name="entitlement_lookup"),
            # The worker looks for them every few seconds.
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=["active", "suspended"], expires_at__isnull=False),
                name="entitlement_due",
            ),
            models.Index(
                fields=["id"],
                condition=Q(state__in=["active", "suspended"], uses_left=0),
                name="entitlement_used_up",
            ),
        ]

    def __str__(self) -> str:
        return f"entitlement {self.pk} {self.state}"


class DeviceSlot(models.Model):
    """One of the devices on which a buyer uses a resource."""

    holder = models.ForeignKey("accounts.Holder", models.CASCADE, related_name="+")
    resource = models.ForeignKey(Resource, models.CASCADE, related_name="+")
    device = models.ForeignKey("binding.Device", models.CASCADE, related_name="+")
    slot = models.PositiveSmallIntegerField(help_text="From 1 to the resource's limit.")
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["holder", "resource", "slot"], name="device_slot_once"
            ),
            models.UniqueConstraint(
                fields=["holder", "resource", "device"], name="device_in_one_slot"
            ),
        ]

    def __str__(self) -> str:
        return f"slot {self.slot}"


class StatusCode(models.Model):
    """A code that says once that somebody has paid; only its hash is stored."""

    class State(models.TextChoices):
        """One verification consumes it."""

        ISSUED = "issued"
        CONSUMED = "consumed"
        EXPIRED = "expired"
        REVOKED = "revoked"

    code_hash = models.BinaryField(max_length=32, unique=True, help_text="SHA-256.")
    entitlement = models.ForeignKey(Entitlement, models.CASCADE, related_name="codes")
    device = models.ForeignKey("binding.Device", models.CASCADE, related_name="+")
    version = models.ForeignKey(Version, models.PROTECT, related_name="+")
    operation = models.CharField(max_length=12)
    rnonce = models.BinaryField(max_length=16)
    resource_key = models.BinaryField(
        max_length=32, help_text="Thumbprint of the resource's own key, which alone may verify."
    )
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    state = models.CharField(max_length=8, choices=State, default=State.ISSUED)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "rnonce"], name="status_code_nonce_once")
        ]

    def __str__(self) -> str:
        return f"status code {self.pk} {self.state}"
