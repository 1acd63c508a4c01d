"""The one interface of attestation, and what an application is called by makers and stores."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# Reverse domain names, as Android and Apple have them; they stand in an address.
_NAME = r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+"
_ANDROID_PACKAGE = re.compile(_NAME)
_APPLE_APP_ID = re.compile(rf"[A-Z0-9]{{10}}\.({_NAME})")
_MEMBERS = frozenset(
    ("android_package", "android_certificates", "apple_app_id", "apple_number", "products")
)


class NotVouchedError(Exception):
    """The evidence is not what it has to be; ``reason`` is for the audit trail alone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, repr=False)
class Evidence:
    """What the terminal got from its maker's service.

    Attributes:
        text: An integrity token, base64url of CBOR, or a signed transaction.
        key: App Attest: the key's id as base64, as ``generateKey`` returns it.
    """

    text: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an application is called by makers and stores; empty where it is in none.

    Attributes:
        android_package: Its name in Google Play.
        android_certificates: SHA-256 of its signing certificates there, base64url.
        apple_app_id: Team and bundle, ``ABCDE12345.com.example.game``.
        apple_number: Its number in the App Store (*Apple ID* in App Store Connect).
        products: Ids in the App Store by item number.
    """

    android_package: str = ""
    android_certificates: frozenset[str] = frozenset()
    apple_app_id: str = ""
    apple_number: int = 0
    products: Mapping[int, str] | None = None

    @property
    def bundle_id(self) -> str:
        """The app id without its team."""
        return self.apple_app_id.partition(".")[2]


@dataclass(frozen=True, slots=True)
class KnownKey:
    """An App Attest key that was attested before on the same terminal.

    Attributes:
        public: SubjectPublicKeyInfo.
        counter: The highest that was seen.
    """

    public: bytes
    counter: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a signed transaction has to be about; ``amount`` in minor units."""

    product: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What the evidence has to say.

    Attributes:
        digest: Of package, terminal and nonce (:func:`protocol.attestation.challenge_digest`).
        app: Which application it has to be.
        key: The key that is known by the evidence's ``key``, if any is.
        purchase: What was bought, where a purchase is to be shown.
    """

    digest: bytes
    app: Identity
    key: KnownKey | None = None
    purchase: Purchase | None = None


@dataclass(frozen=True, slots=True)
class Attested:
    """What was vouched for.

    Attributes:
        subject: The provider's own id of it: of a key, a purchase, or one answer.
        key: SubjectPublicKeyInfo of a key that was attested just now.
        counter: What a known key's counter has risen to; ``None`` where no known key signed.
    """

    subject: bytes
    key: bytes | None = None
    counter: int | None = None


class Attester(Protocol):
    """One maker's service."""

    def verify(self, evidence: Evidence, *, expected: Expected, now: datetime) -> Attested:
        """Check that the maker vouches for what is expected.

        Raises:
            NotVouchedError: it does not.
            AttestationUnavailableError: it cannot be asked just now.
            AttestationUnsupportedError: nobody said what the application is called there.
        """
        ...


def identity_of(public_id: str) -> Identity:
    """Return what an application is called by makers and stores.

    Raises:
        ImproperlyConfigured: the setting says something that cannot be meant.
    """
    apps = settings.ATTESTATION_APPS
    if not isinstance(apps, dict):
        raise ImproperlyConfigured("ATTESTATION_APPS must be a JSON object")
    return _identity(public_id, apps.get(public_id, {}))


def _identity(public_id: str, said: object) -> Identity:
    if not isinstance(said, dict) or not said.keys() <= _MEMBERS:
        raise ImproperlyConfigured(f"ATTESTATION_APPS: {public_id} has a member that is unknown")
    try:
        identity = Identity(
            android_package=_named(said.get("android_package", ""), _ANDROID_PACKAGE),
            android_certificates=frozenset(
                str(text).rstrip("=") for text in said.get("android_certificates", ())
            ),
            apple_app_id=_named(said.get("apple_app_id", ""), _APPLE_APP_ID),
            apple_number=int(said.get("apple_number", 0)),
            products={
                int(item): str(product) for item, product in said.get("products", {}).items()
            },
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise ImproperlyConfigured(f"ATTESTATION_APPS: {public_id} cannot be read") from error
    return identity


def _named(name: object, pattern: re.Pattern[str]) -> str:
    if name and not (isinstance(name, str) and pattern.fullmatch(name)):
        raise ValueError
    return str(name)


def check_identities() -> None:
    """Read all that is said about applications.

    Raises:
        ImproperlyConfigured: see :func:`identity_of`.
    """
    identity_of("")
    for public_id in settings.ATTESTATION_APPS:
        identity_of(public_id)


def takes_tests() -> bool:
    """Tell whether evidence of test environments counts; never in production."""
    return bool(settings.ATTESTATION_TEST_ENVIRONMENTS)
