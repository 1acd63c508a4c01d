"""Devices; chips, SIMs and numbers bound to them; proofs, permits and messages."""

from django.db import models
from django.db.models import F, Q

from common.ids import new_uid


class Device(models.Model):
    """A terminal of a holder, known by its own key."""

    uid = models.BinaryField(max_length=8, unique=True, default=new_uid)
    holder = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="devices")
    name = models.CharField(max_length=40)
    key = models.BinaryField(max_length=32, help_text="Ed25519; proves possession.")
    thumbprint = models.BinaryField(max_length=32, unique=True, help_text="RFC 7638, of the key.")
    box_key = models.BinaryField(max_length=32, help_text="X25519; secrets are sealed to it.")
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """How it is called outside: ``uid`` in hex."""
        return bytes(self.uid).hex()

    @property
    def actor(self) -> str:
        """How audit rows name this device."""
        return f"device:{self.public_id}"


class DeviceCode(models.Model):
    """A code by which a holder adds one device; only its hash is stored."""

    code_hash = models.BinaryField(max_length=32, unique=True, help_text="Keyed.")
    holder = models.ForeignKey("accounts.Holder", models.CASCADE, related_name="+")
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"device code {self.pk}"


class SeenProof(models.Model):
    """The id of a proof of possession that was used; it never works again (RFC 9449, 11.1)."""

    thumbprint = models.BinaryField(max_length=32)
    jti_hash = models.BinaryField(max_length=32, help_text="SHA-256.")
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["thumbprint", "jti_hash"], name="proof_once")
        ]

    def __str__(self) -> str:
        return f"proof {self.pk}"


class Chip(models.Model):
    """A security chip on the manufacturer's list."""

    serial_hash = models.BinaryField(max_length=32, unique=True, help_text="Keyed.")
    manufacturer = models.CharField(max_length=40)
    key = models.BinaryField(max_length=32, unique=True, help_text="Ed25519.")
    box_key = models.BinaryField(max_length=32, help_text="X25519; messages are sealed to it.")
    counter = models.PositiveBigIntegerField(default=0, help_text="Highest that was accepted.")
    listed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"chip {self.pk}"


class Binding(models.Model):
    """A device's chip, SIM and number: registered, proved, bound, and what came after.

    Identifiers are keyed hashes.  The number is kept sealed besides, since it is written to.
    """

    class State(models.TextChoices):
        """``unbound`` of the flow is having no row."""

        PENDING_PROOF = "pending_proof"
        BOUND = "bound"
        SUSPENDED = "suspended"
        REVOKED = "revoked"

    # Chip, SIM, number and device belong to it; the constraints below know these states.
    HELD = (State.BOUND, State.SUSPENDED)

    class Reason(models.TextChoices):
        """Why it is suspended or revoked."""

        MISMATCH = "mismatch"
        SIM_SWAP = "sim_swap"
        REPORTED = "reported"
        OPERATOR = "operator"
        REBOUND = "rebound"
        NOT_PROVED = "not_proved"
        DEVICE_REMOVED = "device_removed"

    uid = models.BinaryField(max_length=8, unique=True, default=new_uid)
    device = models.ForeignKey(Device, models.PROTECT, related_name="bindings")
    holder = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    chip = models.ForeignKey(Chip, models.PROTECT, related_name="bindings")
    sim_hash = models.BinaryField(max_length=32)
    number_hash = models.BinaryField(max_length=32)
    sealed_number = models.BinaryField(help_text="E.164; the uid is associated data.")
    number_tail = models.CharField(max_length=4, help_text="Its last digits, for pages.")
    state = models.CharField(max_length=13, choices=State)
    reason = models.CharField(max_length=14, choices=Reason, blank=True)
    mismatches = models.PositiveSmallIntegerField(default=0, help_text="In a row.")
    replaces = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    proved_at = models.DateTimeField(null=True, help_text="When the number was proved.")
    may_bind_at = models.DateTimeField(null=True, help_text="End of the cool-off.")
    created_at = models.DateTimeField()
    bound_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[field], condition=Q(state__in=["bound", "suspended"]), name=f"bound_{name}"
            )
            for field, name in (
                ("device", "device_once"),
                ("chip", "chip_once"),
                ("sim_hash", "sim_once"),
                ("number_hash", "number_once"),
            )
        ]
        indexes = [
            models.Index(fields=["holder", "-id"], name="binding_of_holder"),
            models.Index(fields=["number_hash"], name="binding_of_number"),
        ]

    def __str__(self) -> str:
        return f"binding {self.public_id} {self.state}"

    @property
    def public_id(self) -> str:
        """How it is called outside: ``uid`` in hex."""
        return bytes(self.uid).hex()

    @property
    def is_bound(self) -> bool:
        """Whether the phone may do what only bound phones may."""
        return self.state == self.State.BOUND

    @property
    def is_for_operators(self) -> bool:
        """Whether an operator stopped it, and nobody else may do anything about that."""
        return self.state == self.State.SUSPENDED and self.reason == self.Reason.OPERATOR

    @property
    def waits_for_consent(self) -> bool:
        """Whether the number is proved, and the phone it replaces has yet to agree."""
        return self.state == self.State.PENDING_PROOF and self.proved_at is not None


class ChipChallenge(models.Model):
    """What a chip has to sign, once, soon."""

    nonce_hash = models.BinaryField(max_length=32, unique=True, help_text="SHA-256.")
    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"challenge {self.pk}"


class NumberProof(models.Model):
    """A code that shows whose number it is, sent to the number or from it."""

    class Direction(models.TextChoices):
        """Seen from the phone."""

        TO_PHONE = "to_phone"
        FROM_PHONE = "from_phone"

    binding = models.ForeignKey(Binding, models.CASCADE, related_name="proofs")
    direction = models.CharField(max_length=10, choices=Direction)
    code_hash = models.BinaryField(max_length=32, help_text="Keyed, with the binding.")
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(tries__lte=5), name="number_proof_five_tries")
        ]

    def __str__(self) -> str:
        return f"number proof {self.pk}"


class Permit(models.Model):
    """Leave for one use, for a minute; only its hash is stored."""

    permit_hash = models.BinaryField(max_length=32, unique=True, help_text="SHA-256.")
    binding = models.ForeignKey(Binding, models.CASCADE, related_name="permits")
    purpose = models.CharField(max_length=12)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"permit {self.pk} for {self.purpose}"


class Message(models.Model):
    """What one chip says to another; the platform cannot read it."""

    uid = models.BinaryField(max_length=8, unique=True, default=new_uid)
    sender = models.ForeignKey(Binding, models.PROTECT, related_name="+")
    recipient = models.ForeignKey(Binding, models.PROTECT, related_name="+")
    sealed_content = models.BinaryField(
        help_text="COSE_Sign1 of the sender's chip, which names both numbers; the uid is "
        "associated data."
    )
    sent_at = models.DateTimeField()
    fetched_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(sender=F("recipient")), name="message_to_somebody_else"
            )
        ]
        indexes = [models.Index(fields=["recipient", "id"], name="message_inbox")]

    def __str__(self) -> str:
        return f"message {bytes(self.uid).hex()}"
