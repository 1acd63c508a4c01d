"""Make the platform's keys, sign with them, and end them."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from common.sealing import sealer
from protocol import qrtext
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.keys import MAX_CERTIFICATES, KeyCertificate, Purpose, begin_of, day_of
from protocol.qrtext import Link
from protocol.statement import Platform
from signing.errors import (
    EndRefusedError,
    KeyInUseError,
    KeysFullError,
    KeysMissingError,
    KeyUnknownError,
    RootKeyInvalidError,
)
from signing.models import PlatformKey
from signing.selectors import published_certificates, root_key

LIFETIME_DAYS = 400
# A host makes its own.
PURPOSES = tuple(purpose for purpose in Purpose if purpose is not Purpose.HOST)
_CACHE_SECONDS = 30.0
# Until every process has the new key, and for the clocks of hosts, which date receipts.
_RETIRED_AFTER = timedelta(minutes=2)


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


def link_to(link: Link, content: bytes) -> str:
    """Return the text of a QR code of this platform's, such as of a receipt."""
    return qrtext.encode(settings.COUNTERSIGN_ORIGIN, link, content)


def key_link(*, now: datetime) -> str:
    """Return the text of the QR code that brings a token our present statement key.

    Raises:
        KeysMissingError: there is none.
    """
    return link_to(Link.KEY, signing_key(Purpose.STATEMENT, now=now).certificate)


def load_or_create_root(path: Path) -> SigningKey:
    """Return the platform's root key from its file, made with mode 0600 before the first key.

    Raises:
        RootKeyInvalidError: the file holds something else, or is not there though keys are.
        OSError: it cannot be read or written.
    """
    if not path.exists():
        if PlatformKey.objects.exists():
            raise RootKeyInvalidError(f"{path} is not here; the root key certifies our keys.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(SigningKey.generate().to_bytes())
    try:
        return SigningKey.from_bytes(path.read_bytes())
    except ProtocolError as error:
        raise RootKeyInvalidError from error


def create_keys(
    *, root: SigningKey, now: datetime, purposes: Collection[Purpose] = PURPOSES
) -> list[PlatformKey]:
    """Make a new key for each purpose, certify it for 400 days, and retire those before it.

    Returns:
        The keys; they sign from now on.

    Raises:
        RootKeyInvalidError: another root certified the keys that are here.
        KeysFullError: a directory would have too many certificates.
    """
    if PlatformKey.objects.exists() and root.public != root_key():
        raise RootKeyInvalidError("This is another root key than the one of the platform's keys.")
    today = day_of(int(now.timestamp()))
    keys = [_new_key(root, purpose, today) for purpose in purposes]
    with transaction.atomic():
        PlatformKey.objects.filter(
            purpose__in=purposes, retired_at=None, compromised_at=None
        ).update(retired_at=now + _RETIRED_AFTER)
        PlatformKey.objects.bulk_create(keys)
        if len(published_certificates(PlatformKey.objects.all(), now=now)) > MAX_CERTIFICATES:
            raise KeysFullError
    _cache.clear()
    return keys


def end_key(kid: bytes, *, compromised_at: datetime | None = None, now: datetime) -> PlatformKey:
    """Declare that a key of the platform ended; the next directory says so.

    Safe to repeat.  A compromise may move to an earlier time, and never to a later one, since
    readers would not believe that.

    Args:
        kid: Of the key, 8 bytes.
        compromised_at: ``None`` retires it, as soon as no process signs with it any more.
        now: Timezone-aware.

    Raises:
        KeyUnknownError: the platform has no such key.
        EndRefusedError: the time lies ahead, is later than the one that is known, or from before
            the key's first day.
        KeyInUseError: no other key of its purpose could sign.
    """
    with transaction.atomic():
        key = PlatformKey.objects.select_for_update().filter(kid=kid).first()
        if key is None:
            raise KeyUnknownError
        if not _signing(Purpose(key.purpose), now).exclude(pk=key.pk).exists():
            raise KeyInUseError
        if compromised_at is None:
            key.retired_at = key.retired_at or now + _RETIRED_AFTER
        elif compromised_at > min(now, key.compromised_at or now):
            raise EndRefusedError
        elif compromised_at < (first := begin_of(key.from_day)):
            raise EndRefusedError(f"This key ends on or after its first day, {first:%Y-%m-%d}.")
        else:
            key.compromised_at = compromised_at
        key.save(update_fields=["retired_at", "compromised_at"])
    _cache.clear()
    return key


def signing_key(purpose: Purpose, *, now: datetime) -> CertifiedKey:
    """Return the newest valid key for a purpose; opened keys are kept for half a minute.

    Raises:
        KeysMissingError: there is none.
    """
    today = day_of(int(now.timestamp()))
    kept_at, kept = _cache.get(purpose, (0.0, None))
    if kept and kept.to_day >= today and time.monotonic() - kept_at < _CACHE_SECONDS:
        return kept
    key = open_signing_key(purpose, now=now)
    _cache[purpose] = (time.monotonic(), key)
    return key


def open_signing_key(purpose: Purpose, *, now: datetime) -> CertifiedKey:
    """Do as :func:`signing_key`, by what the database says now."""
    row = _signing(purpose, now).order_by("-pk").first()
    if row is None:
        raise KeysMissingError
    secret = sealer().open(bytes(row.sealed_private), bytes(row.kid))
    return CertifiedKey(SigningKey.from_bytes(secret), bytes(row.certificate), row.to_day)


def _signing(purpose: Purpose, now: datetime) -> QuerySet[PlatformKey]:
    """Return the keys that may sign for a purpose."""
    today = day_of(int(now.timestamp()))
    return PlatformKey.objects.filter(
        purpose=purpose,
        from_day__lte=today,
        to_day__gte=today,
        retired_at=None,
        compromised_at=None,
    )


def _new_key(root: SigningKey, purpose: Purpose, today: int) -> PlatformKey:
    key = SigningKey.generate()
    from_day, to_day = _first_day(purpose, today), today + LIFETIME_DAYS
    certificate = KeyCertificate(
        key.public, purpose, settings.COUNTERSIGN_PLATFORM_ID, from_day, to_day
    )
    return PlatformKey(
        purpose=purpose,
        kid=key.kid,
        sealed_private=sealer().seal(key.to_bytes(), key.kid),
        root=root.public,
        certificate=certificate.sign(root),
        from_day=from_day,
        to_day=to_day,
    )


def _first_day(purpose: Purpose, today: int) -> int:
    if purpose is not Purpose.RECEIPT:
        return today
    # A receipt has the date of its verdict, which may be from before this key: of yesterday at
    # midnight, or fetched from a host after a copy was put back.
    days = PlatformKey.objects.filter(purpose=purpose).order_by("from_day")
    first = days.values_list("from_day", flat=True).first()
    return today if first is None else min(first, today)
