"""The host itself: its keys, the platforms it serves, and whether it is ready."""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from authserver.errors import AuthserverError, Code, KeyProviderError
from authserver.models import DataKey, HostKey, HostState, Platform
from authserver.selectors import host_state, key_hash, valid_host_keys
from authserver.services import datakeys, seals
from protocol import ed25519
from protocol.ed25519 import KEY_BYTES, SigningKey, key_id
from protocol.errors import ProtocolError
from protocol.keys import KeyCertificate, Purpose, begin_of, day_of, open_certificate
from protocol.text import check_ascii, check_origin

logger = logging.getLogger(__name__)

HOST_KEY_DAYS = 1826
# A new host key is made when the newest ends within this.
RENEWAL_DAYS = 90


@dataclass(frozen=True, slots=True)
class HostKeys:
    """What anybody may know of a host."""

    name: str
    root: bytes
    keys: list[HostKey]


def init_host(*, name: str, root_key_file: Path, now: datetime) -> HostState:
    """Make what a host needs and lacks: root key file, its row, data key, host key.

    Safe to repeat.

    Args:
        name: At most 20 bytes; a host keeps its first name.
        root_key_file: Hexadecimal, readable by its owner alone; needed to certify a host key.
        now: Current time.

    Raises:
        ProtocolError: the name may not stand in a certificate, or the file holds no key.
        AuthserverError: ``state_conflict`` when the file holds another root than the host's.
        KeyProviderError: there is no key-encryption key to be had.
    """
    today = day_of(int(now.timestamp()))
    lasting = HostKey.objects.filter(
        to_day__gte=today + RENEWAL_DAYS, retired_at=None, compromised_at=None
    )
    if lasting.exists():
        return host_state()
    root = _root_key(root_key_file)
    # Outside the transaction: it may take a call to an HSM.
    data_key = None
    if DataKey.objects.exists():
        datakeys.prepare()
    else:
        data_key = datakeys.make(now)
    with transaction.atomic(durable=True):
        if data_key is not None:
            data_key.save(force_insert=True)
        host, _ = HostState.objects.get_or_create(defaults={"name": name, "root": root.public})
        _make_host_key(host, root, root_key_file, now)
    return host


def rotate_host_key(*, root_key_file: Path, now: datetime) -> HostKey:
    """Certify a new host key, and retire those before it; the servers keep their certificates.

    Args:
        root_key_file: As for :func:`init_host`.
        now: Current time.

    Raises:
        ProtocolError: the file holds no key.
        AuthserverError: ``not_ready`` before ``init``; ``state_conflict`` when the file is not
            there, or holds another root than the host's.
    """
    if not root_key_file.exists():
        raise AuthserverError(
            Code.STATE_CONFLICT, f"{root_key_file} is not here; the root key certifies host keys."
        )
    root = _root_key(root_key_file)
    datakeys.prepare()
    with transaction.atomic(durable=True):
        host = host_state()
        key = _make_host_key(host, root, root_key_file, now)
        HostKey.objects.filter(retired_at=None).exclude(pk=key.pk).update(retired_at=now)
    return key


def end_host_key(
    kid: bytes, *, compromised: bool, at: datetime | None = None, now: datetime
) -> HostKey:
    """Declare that a host key was retired or compromised; platforms learn it within minutes.

    Safe to repeat.  A time that was told may become an earlier one and never a later one, since
    nobody who has read it would believe that.

    Args:
        kid: Of the key, 8 bytes.
        compromised: Whether somebody else may have signed with it from then on.
        at: Timezone-aware; ``None`` is now.
        now: Current time.

    Raises:
        AuthserverError: ``not_ready`` before ``init``; ``state_conflict`` when there is no such
            key, no other one to sign with, or the time is ahead, later than the one told, or
            from before the key's first day.
    """
    root = host_state().root
    field, at = ("compromised_at" if compromised else "retired_at"), at or now
    with transaction.atomic(durable=True):
        rows = HostKey.objects.select_for_update().order_by("id")
        named = [row for row in rows if key_id(open_certificate(row.certificate, root).key) == kid]
        if not named:
            raise AuthserverError(Code.STATE_CONFLICT, "This host has no such key; see keys.")
        [key] = named
        if not valid_host_keys(now).exclude(pk=key.pk).exists():
            raise AuthserverError(
                Code.STATE_CONFLICT, "No other host key could sign; rotate_host_key makes one."
            )
        told = getattr(key, field)
        if at > now or (told is not None and at > told):
            raise AuthserverError(
                Code.STATE_CONFLICT, "A key ends now or before, and never later than was told."
            )
        first = begin_of(key.from_day)
        if at < first:
            raise AuthserverError(
                Code.STATE_CONFLICT, f"This key ends on or after its first day, {first:%Y-%m-%d}."
            )
        setattr(key, field, at)
        key.save(update_fields=[field])
    return key


def add_platform(*, platform_id: str, origin: str, root: bytes) -> str:
    """Let a platform in, under the root key it is pinned to.

    Returns:
        Its bearer key; the database keeps a hash only.

    Raises:
        ProtocolError: id, origin or root key may not be used.
        AuthserverError: ``state_conflict`` when there is one of this id.
    """
    check_ascii("platform id", platform_id, 16)
    check_origin("platform origin", origin)
    if not ed25519.is_usable_key(root):
        raise ProtocolError("key_invalid", "the root key is not a usable public key")
    key = secrets.token_urlsafe(32)
    _, is_new = Platform.objects.get_or_create(
        id=platform_id, defaults={"origin": origin, "root": root, "key_hash": key_hash(key)}
    )
    if not is_new:
        raise AuthserverError(Code.STATE_CONFLICT, f"There is a platform {platform_id} already.")
    logger.info("platform.added", extra={"platform": platform_id})
    return key


def replace_platform_key(*, platform_id: str) -> str:
    """Give a platform a new bearer key; the old one ends at once.

    Raises:
        AuthserverError: ``not_found``.
    """
    key = secrets.token_urlsafe(32)
    if not Platform.objects.filter(id=platform_id).update(key_hash=key_hash(key)):
        raise AuthserverError(Code.NOT_FOUND, f"There is no platform {platform_id}.")
    logger.info("platform.key_replaced", extra={"platform": platform_id})
    return key


def current_host_key(now: datetime) -> HostKey:
    """Return the newest host key within its days that is not retired.

    Raises:
        AuthserverError: ``not_ready`` when there is none.
    """
    key = valid_host_keys(now).first()
    if key is None:
        raise AuthserverError(Code.NOT_READY, "This host has no valid host key.")
    return key


def host_keys() -> HostKeys:
    """Return the host's name, root and all host keys, retired ones too, oldest first.

    Raises:
        AuthserverError: ``not_ready`` before ``init``.
    """
    host = host_state()
    return HostKeys(host.name, host.root, list(HostKey.objects.order_by("id")))


def check_ready(now: datetime) -> None:
    """Check that the database answers, a host key opens, and no restore is recent.

    Raises:
        AuthserverError: ``not_ready``, with what fails.
    """
    host = host_state()
    try:
        seals.host_signing_key(current_host_key(now))
    except (ProtocolError, KeyProviderError) as error:
        raise AuthserverError(Code.NOT_READY, "The host key does not open.") from error
    if host.not_ready_until is not None and now < host.not_ready_until:
        raise AuthserverError(Code.NOT_READY, "The database was restored a short time ago.")


def _make_host_key(
    host: HostState, root: SigningKey, root_key_file: Path, now: datetime
) -> HostKey:
    if host.root != root.public:
        raise AuthserverError(Code.STATE_CONFLICT, f"{root_key_file} holds another root key.")
    secret, today = SigningKey.generate(), day_of(int(now.timestamp()))
    certificate = KeyCertificate(
        secret.public, Purpose.HOST, host.name, today, today + HOST_KEY_DAYS
    ).sign(root)
    key = HostKey(certificate=certificate, from_day=today, to_day=today + HOST_KEY_DAYS)
    seals.seal_host_key(secret, key)
    key.save(force_insert=True)
    logger.info("host.key_made", extra={"kid": secret.kid.hex()})
    return key


def _root_key(path: Path) -> SigningKey:
    if not path.exists():
        key = SigningKey.generate()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(key.to_bytes().hex() + "\n", "ascii")
        return key
    text = path.read_text("utf-8").strip()
    try:
        return SigningKey.from_bytes(bytes.fromhex(text))
    except ValueError:
        # Without its cause: that would show a part of the key.
        raise ProtocolError("key_invalid", f"{path} must hold {KEY_BYTES} bytes in hex") from None
