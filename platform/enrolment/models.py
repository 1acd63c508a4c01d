"""Hosts of authentication servers, and the tokens paired there."""

from django.db import models
from django.utils.functional import Promise

from enrolment.suites import kind_of_token
from protocol.ed25519 import KEY_BYTES
from protocol.statement import Sight


class AuthserverHost(models.Model):
    """One deployment of the authentication service, with the root pinned for it."""

    number = models.PositiveIntegerField(unique=True, help_text="What receipts call it.")
    name = models.CharField(max_length=20, unique=True)
    origin = models.CharField(max_length=40, unique=True)
    root = models.BinaryField(max_length=KEY_BYTES)
    certificates = models.JSONField(help_text="Host keys: cs-key messages in base64url.")
    sealed_key = models.BinaryField(help_text="Our bearer key there; the name is associated data.")
    weight = models.PositiveIntegerField(default=1, help_text="0 takes no new tokens.")

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
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.serial

    @property
    def kind(self) -> Promise:
        """What kind of token it is, in plain words."""
        return kind_of_token(self.suite, self.sight)
