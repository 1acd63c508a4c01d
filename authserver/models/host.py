"""The host itself: its keys, the hosts it trusts, and how long who failed to sign in waits."""

import uuid

from django.db import models
from django.db.models import Q

from authserver.models.fields import BytesField


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
    compromised_at = models.DateTimeField(
        null=True, help_text="From then on somebody else may have signed with it."
    )

    def __str__(self) -> str:
        return f"host key of day {self.from_day}"


class TrustedHost(models.Model):
    """Another host: servers may move there, and come from there."""

    origin = models.CharField(primary_key=True, max_length=40)
    root = BytesField(max_length=32, help_text="Public root key, pinned.")

    def __str__(self) -> str:
        return self.origin


class SignInWait(models.Model):
    """How often somebody failed to sign in, and until when nothing more is judged."""

    key = models.CharField(primary_key=True, max_length=64, help_text="Hash of name or address.")
    failures = models.PositiveIntegerField(default=0)
    until = models.DateTimeField()
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"wait until {self.until:%Y-%m-%d %H:%M}"
