"""The key centre: makes, seals and opens the keys of packages.

First key: Ed25519, signs a package's builds.  Second key: the salt of a build's app signature.
Third key: X25519, requests are sealed to it.  What is private lies in the database alone, sealed,
and never gets into a package.
"""

import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.db import transaction

from audit.services import record
from billing.packages.models import Build, Package
from common.errors import InputInvalidError
from common.sealing import sealer
from protocol.currency import EXPONENTS
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.package import PACKAGE_BYTES, SALT_BYTES
from protocol.text import check_text, normalise

if TYPE_CHECKING:
    from accounts.models import Holder

# Bytes of UTF-8; a token shows it within the text of a demand.
TITLE_BYTES = 80


def create_package(*, developer: "Holder", title: str, currency: str, now: datetime) -> Package:
    """Make a package with keys of its own; it has no build yet.

    Args:
        developer: Who is paid.
        title: At most 80 bytes.
        currency: ISO 4217, of all its prices, for good.
        now: Timezone-aware.

    Raises:
        InputInvalidError: a field breaks a rule.
    """
    title = checked_title(title, currency)
    first, third = SigningKey.generate(), X25519PrivateKey.generate()
    uid = _new_uid()
    with transaction.atomic():
        package = Package.objects.create(
            uid=uid,
            developer=developer,
            title=title,
            currency=currency,
            first_key=first.public,
            sealed_first_key=sealer().seal(first.to_bytes(), key_context("first", uid)),
            third_key=third.public_key().public_bytes_raw(),
            sealed_third_key=sealer().seal(third.private_bytes_raw(), key_context("third", uid)),
            created_at=now,
        )
        record(action="package.created", actor="system", subject=package.public_id, now=now)
    return package


def checked_title(title: str, currency: str) -> str:
    """Return the title of a package as it is kept.

    Raises:
        InputInvalidError: title or currency breaks a rule.
    """
    title = normalise(title)
    try:
        check_text("title", title, TITLE_BYTES)
        if currency not in EXPONENTS:
            raise ProtocolError("currency_unknown", "currency is not in ISO 4217", "currency")
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    return title


def first_key(package: Package) -> SigningKey:
    """Open the key that signs a package's builds.

    Raises:
        ProtocolError: ``sealed_invalid``: the row was changed.
    """
    context = key_context("first", bytes(package.uid))
    return SigningKey.from_bytes(sealer().open(bytes(package.sealed_first_key), context))


def third_private(package: Package) -> X25519PrivateKey:
    """Open the key that a package's requests are sealed to.

    Raises:
        ProtocolError: ``sealed_invalid``: the row was changed.
    """
    context = key_context("third", bytes(package.uid))
    return X25519PrivateKey.from_private_bytes(
        sealer().open(bytes(package.sealed_third_key), context)
    )


def new_salt(package: Package, number: int) -> bytes:
    """Make the second key of a build; return it sealed."""
    return sealer().seal(secrets.token_bytes(SALT_BYTES), salt_context(package, number))


def salt(build: Build) -> bytes:
    """Open the second key of a build.

    Raises:
        ProtocolError: ``sealed_invalid``: the row was changed.
    """
    return sealer().open(bytes(build.sealed_salt), salt_context(build.package, build.number))


def key_context(name: str, uid: bytes) -> bytes:
    """Return what the ``first`` or ``third`` key of a package is sealed with."""
    # No key opens in place of another one, nor in another package's row.
    return b"package/" + name.encode() + b"/" + uid


def salt_context(package: Package, number: int) -> bytes:
    """Return what the second key of a build is sealed with."""
    return key_context("salt", bytes(package.uid)) + b"/" + str(number).encode()


def _new_uid() -> bytes:
    """Return a free public id.  With 4 bytes two may meet; the constraint has the last word."""
    while Package.objects.filter(uid=(uid := secrets.token_bytes(PACKAGE_BYTES))).exists():
        pass
    return uid
