"""Make the platform's keys, sign with them, and build the directory."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from common.sealing import sealer
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.keys import Directory, Host, KeyCertificate, Purpose, day_of
from protocol.statement import Platform
from signing.errors import KeysMissingError, RootKeyInvalidError
from signing.models import PlatformKey

LIFETIME_DAYS = 400
# A host makes its own.
_PURPOSES = tuple(purpose for purpose in Purpose if purpose is not Purpose.HOST)
_CACHE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class CertifiedKey:
    """A signing key with its certificate (COSE_Sign1, typ cs-key)."""

    key: SigningKey
    certificate: bytes
    to_day: int


_cache: dict[Purpose, tuple[float, CertifiedKey]] = {}


def platform_information() -> Platform:
    """Return the platform's id, name and origin as they stand in every statement."""
    return Platform(
        settings.COUNTERSIGN_PLATFORM_ID,
        settings.COUNTERSIGN_PLATFORM_NAME,
        settings.COUNTERSIGN_ORIGIN,
    )


def load_or_create_root(path: Path) -> SigningKey:
    """Return the platform's root key from its file, made with mode 0600 if it is not there.

    Raises:
        RootKeyInvalidError: the file holds something else.
        OSError: it cannot be read or written.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(SigningKey.generate().to_bytes())
    try:
        return SigningKey.from_bytes(path.read_bytes())
    except ProtocolError as error:
        raise RootKeyInvalidError from error


def create_keys(*, root: SigningKey, now: datetime) -> list[PlatformKey]:
    """Make a new key for each purpose and certify it for 400 days from today.

    Returns:
        The keys; the newest of each purpose signs from now on.
    """
    today = day_of(int(now.timestamp()))
    keys = [_new_key(root, purpose, today) for purpose in _PURPOSES]
    with transaction.atomic():
        PlatformKey.objects.bulk_create(keys)
    _cache.clear()
    return keys


def signing_key(purpose: Purpose, *, now: datetime) -> CertifiedKey:
    """Return the newest valid key for a purpose; opened keys are kept for half a minute.

    Raises:
        KeysMissingError: there is none.
    """
    today = day_of(int(now.timestamp()))
    kept_at, kept = _cache.get(purpose, (0.0, None))
    if kept and kept.to_day >= today and time.monotonic() - kept_at < _CACHE_SECONDS:
        return kept
    row = (
        PlatformKey.objects.filter(purpose=purpose, from_day__lte=today, to_day__gte=today)
        .order_by("-pk")
        .first()
    )
    if row is None:
        raise KeysMissingError
    secret = sealer().open(bytes(row.sealed_private), bytes(row.kid))
    key = CertifiedKey(SigningKey.from_bytes(secret), bytes(row.certificate), row.to_day)
    _cache[purpose] = (time.monotonic(), key)
    return key


def build_directory(*, hosts: Sequence[Host], now: datetime) -> bytes:
    """Return the signed directory of the platform's keys and the given hosts.

    Raises:
        KeysMissingError: the platform has no directory key.
    """
    signer = signing_key(Purpose.DIRECTORY, now=now)
    rows = list(PlatformKey.objects.order_by("pk"))
    directory = Directory(
        platform=platform_information(),
        issued=int(now.timestamp()),
        root=bytes(rows[-1].root),
        certificates=tuple(bytes(row.certificate) for row in rows),
        hosts=tuple(hosts),
    )
    return directory.sign(signer.key)


def _new_key(root: SigningKey, purpose: Purpose, today: int) -> PlatformKey:
    key = SigningKey.generate()
    to_day = today + LIFETIME_DAYS
    certificate = KeyCertificate(
        key.public, purpose, settings.COUNTERSIGN_PLATFORM_ID, today, to_day
    )
    return PlatformKey(
        purpose=purpose,
        kid=key.kid,
        sealed_private=sealer().seal(key.to_bytes(), key.kid),
        root=root.public,
        certificate=certificate.sign(root),
        from_day=today,
        to_day=to_day,
    )
