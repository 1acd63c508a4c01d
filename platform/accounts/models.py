"""Who uses the platform."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class UserManager(BaseUserManager["User"]):
    """Makes users from an e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a user; ``None`` as password means that none will ever match."""
        # Invitations and logins find an address in lower case alone.
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A login: an e-mail address with a password or passkeys."""

    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="Operator.")
    language = models.CharField(
        max_length=8, blank=True, help_text="Of e-mails; empty: not known."
    )
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    def __str__(self) -> str:
        return self.email


class Holder(models.Model):
    """A person who has tokens and types responses."""

    user = models.OneToOneField(User, models.PROTECT)
    account = models.CharField(max_length=12, unique=True, help_text="Public account number.")
    name = models.CharField(max_length=40, blank=True, help_text="Shown to the next party.")

    def __str__(self) -> str:
        return self.account

    @property
    def actor(self) -> str:
        """How audit rows name this holder."""
        return f"holder:{self.account}"

    @property
    def operator_actor(self) -> str:
        """How audit rows name this holder when acting as an operator."""
        return f"operator:{self.account}"


class ApiKey(models.Model):
    """A bearer key that acts for one holder; only its hash is stored."""

    holder = models.ForeignKey(Holder, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=40)
    prefix = models.CharField(max_length=12, help_text="Its first characters, to tell keys apart.")
    key_hash = models.BinaryField(max_length=32, unique=True, help_text="SHA-256.")
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.prefix}…"
