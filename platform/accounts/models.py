"""Who uses the platform."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q

from common.ids import new_uid


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
    is_auditor = models.BooleanField(default=False, help_text="Reads the console, no more.")
    language = models.CharField(
        max_length=8, blank=True, help_text="Of e-mails; empty: not known."
    )
    asks_token = models.BooleanField(default=False, help_text="At every sign-in.")
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
    leaving_at = models.DateTimeField(null=True, help_text="When the holder asked to be erased.")
    erased_at = models.DateTimeField(null=True, help_text="When that was done.")

    class Meta:
        indexes = [
            # Almost nobody is: the worker looks for them every few seconds.
            models.Index(
                fields=["leaving_at"],
                condition=Q(leaving_at__isnull=False, erased_at=None),
                name="holder_leaving",
            )
        ]

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


class BearerKey(models.Model):
    """A key that whoever shows it acts by; only its hash is stored."""

    name = models.CharField(max_length=40)
    prefix = models.CharField(max_length=12, help_text="Its first characters, to tell keys apart.")
    key_hash = models.BinaryField(max_length=32, unique=True, help_text="SHA-256.")
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.prefix}…"


class ApiKey(BearerKey):
    """A key that acts for one holder."""

    holder = models.ForeignKey(Holder, models.CASCADE, related_name="api_keys")


class Role(models.TextChoices):
    """What somebody may do in an organisation."""

    OWNER = "owner"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    MEMBER = "member"


class Organisation(models.Model):
    """People who belong together.  Its public id is ``uid`` in hex."""

    uid = models.BinaryField(max_length=8, unique=True, default=new_uid)
    name = models.CharField(max_length=40)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """How it is called outside: ``uid`` in hex."""
        return bytes(self.uid).hex()


class Membership(models.Model):
    """A holder's part in an organisation."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="memberships")
    holder = models.ForeignKey(Holder, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role)
    joined_at = models.DateTimeField()
    lets_programs = models.BooleanField(
        default=False, help_text="Whether keys of the organisation act for the holder."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "holder"], name="member_once")
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.organisation_id}"

    @property
    def is_owner(self) -> bool:
        """Whether the member says who belongs to the organisation."""
        return self.role == Role.OWNER

    @property
    def may_read(self) -> bool:
        """Whether the member sees the tokens of the others."""
        return self.role in (Role.OWNER, Role.OPERATOR, Role.AUDITOR)

    @property
    def may_act(self) -> bool:
        """Whether the member suspends, unlocks and revokes the tokens of the others."""
        return self.role in (Role.OWNER, Role.OPERATOR)


class Invitation(models.Model):
    """Who may join an organisation: the holder of an e-mail address, as soon as there is one."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="invitations")
    email = models.EmailField(db_index=True)
    role = models.CharField(max_length=8, choices=Role)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "email"], name="invitation_once")
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk}"


class ClientKey(BearerKey):
    """A key of an organisation: it acts for those members who let it."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="client_keys")

    @property
    def actor(self) -> str:
        """How audit rows name the program."""
        return f"client:{self.prefix}"
