"""Publish the directory of keys: signed anew when it changes, under a number that only rises."""

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import IntegrityError, transaction

from protocol.ed25519 import key_id
from protocol.ended import EndedKey
from protocol.errors import ProtocolError
from protocol.keys import Directory, Host, Purpose
from signing.errors import KeysMissingError
from signing.models import PlatformKey, PublishedDirectory
from signing.selectors import published_certificates
from signing.services import open_signing_key, platform_information

logger = logging.getLogger(__name__)

# So old is what a reader is told at most: "keys as of".
_RENEWED_AFTER_SECONDS = 3600
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class ListedHost:
    """A host as the directory lists it, and those of its keys that ended."""

    host: Host
    ended: tuple[EndedKey, ...] = ()


def publish_directory(*, hosts: Callable[[], Iterable[ListedHost]], now: datetime) -> bytes:
    """Return the signed directory of the platform's keys and the given hosts.

    It is that of the last hour where nothing has changed since, so that caches keep it.

    Args:
        hosts: Reads them.
        now: Timezone-aware.

    Raises:
        KeysMissingError: the platform has no directory key, or keys that nobody could read.
    """
    for _ in range(_ATTEMPTS):
        # First, so that whoever publishes meanwhile what is read next takes its place.
        last = PublishedDirectory.objects.order_by("-number").first()
        draft = _draft(list(hosts()), now)
        content = hashlib.sha256(draft.payload()).digest()
        if last is not None and bytes(last.content) == content and not _is_old(last, now):
            return bytes(last.message)
        if message := _publish(draft, content, last, now):
            return message
    raise KeysMissingError


def unix(at: datetime | None) -> int | None:
    """Return a time as messages have it."""
    return None if at is None else int(at.timestamp())


def _draft(hosts: list[ListedHost], now: datetime) -> Directory:
    rows = list(PlatformKey.objects.order_by("pk"))
    if not rows:
        raise KeysMissingError
    ended = _ended_of_hosts(hosts, {bytes(row.kid) for row in rows})
    for row in rows:
        if row.retired_at is not None or row.compromised_at is not None:
            kid = bytes(row.kid)
            ended[kid] = EndedKey(kid, unix(row.retired_at), unix(row.compromised_at))
    return Directory(
        platform=platform_information(),
        number=0,
        issued=0,
        root=bytes(rows[-1].root),
        certificates=tuple(published_certificates(rows, now=now)),
        ended=tuple(ended[kid] for kid in sorted(ended)),
        hosts=tuple(host.host for host in hosts),
    )


def _ended_of_hosts(hosts: list[ListedHost], ours: set[bytes]) -> dict[bytes, EndedKey]:
    """Return the ends of host keys; no host ends a key of the platform's or of another host."""
    owners = {key_id(key.key): host for host in hosts for key in host.host.host_keys()}
    return {
        end.kid: end
        for host in hosts
        for end in host.ended
        if end.kid not in ours and owners.get(end.kid, host) is host
    }


def _is_old(last: PublishedDirectory, now: datetime) -> bool:
    return now.timestamp() >= last.issued + _RENEWED_AFTER_SECONDS


def _publish(
    draft: Directory, content: bytes, last: PublishedDirectory | None, now: datetime
) -> bytes | None:
    """Sign and keep the next directory; ``None`` where another process followed on the last."""
    seconds = int(now.timestamp())
    before, issued = (last.number, last.issued) if last else (0, 0)
    # By the clock, so that it rises even if an older copy of the database came back.
    number, issued = max(seconds, before + 1), max(seconds, issued)
    # Not the key that is remembered: it may have ended this minute.
    signer = open_signing_key(Purpose.DIRECTORY, now=now)
    try:
        message = replace(draft, number=number, issued=issued).sign(signer.key)
        Directory.open(message)
    except ProtocolError as error:
        # A published one cannot be taken back: readers would refuse the next.
        logger.error("directory.unreadable", extra={"code": error.code, "detail": error.detail})
        raise KeysMissingError from error
    try:
        with transaction.atomic():
            PublishedDirectory.objects.create(
                number=number, follows=before, issued=issued, content=content, message=message
            )
    except IntegrityError:
        return None
    # Of each content the newest is kept.
    PublishedDirectory.objects.filter(number=before, content=content).delete()
    return message
