"""Pin hosts, and keep their keys and how these ended."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from audit.services import record
from common.errors import DomainError
from common.sealing import sealer
from enrolment.authserver_client import AuthserverClient, from_base64
from enrolment.errors import (
    AuthserverUnavailableError,
    HostInvalidError,
)
from enrolment.models import AuthserverHost
from enrolment.selectors import client_for, host_by_number, open_hosts
from protocol.ed25519 import key_id
from protocol.ended import EndedKey
from protocol.errors import ProtocolError
from protocol.keys import (
    MAX_CERTIFICATES,
    Host,
    KeyCertificate,
    Purpose,
    open_certificate,
    root_fingerprint,
)
from protocol.text import check_origin
from signing.errors import EndRefusedError, KeyUnknownError
from signing.selectors import are_ours

logger = logging.getLogger(__name__)


def add_host(*, origin: str, key: str, fingerprint: str, now: datetime) -> AuthserverHost:
    """Register a host, or renew its certificates, if it shows the root of this fingerprint.

    Args:
        origin: Its address, ``https://host``.
        key: The bearer key it issued for this platform.
        fingerprint: Of its root, obtained elsewhere; spaces and case do not matter.
        now: Timezone-aware.

    Raises:
        HostInvalidError: the host shows another root, or certificates that do not fit it, or
            a key that is not its own; or its origin or its name cannot be used.
        AuthserverUnavailableError: it cannot be reached.
    """
    try:
        check_origin("origin", origin)
    except ProtocolError as error:
        raise HostInvalidError(error.detail) from error
    shown = AuthserverClient(origin, key).keys()
    root = from_base64(shown.get("root"))
    if _plain(root_fingerprint(root)) != _plain(fingerprint):
        raise HostInvalidError
    certificates = _list(shown, "certificates")
    name = str(shown.get("name", ""))
    with transaction.atomic():
        known = AuthserverHost.objects.select_for_update().filter(origin=origin).first()
        last = AuthserverHost.objects.aggregate(last=Max("number"))["last"] or 0
        host = known or AuthserverHost(origin=origin, number=last + 1)
        host.name, host.root, host.certificates = name, root, certificates
        host.sealed_key = sealer().seal(key.encode(), name.encode())
        try:
            if not as_listed(host).host_keys():
                raise HostInvalidError
            host.ended = _ends(host, shown)
        except ProtocolError as error:
            raise HostInvalidError(error.detail) from error
        try:
            host.save()
        except IntegrityError as error:
            raise HostInvalidError(f"Another host is called {name}.") from error
        _require_own(host)
        record(action="host.added", actor="system", subject=name, now=now)
    return host


def refresh_hosts(*, now: datetime) -> dict[str, str]:
    """Fetch the host keys of every host.

    Returns:
        The code of what went wrong, by the host's name; empty where nothing did.
    """
    found = {}
    for host in open_hosts():
        try:
            refresh_host(host, now=now)
            found[host.name] = ""
        except DomainError as error:
            logger.info("host.not_refreshed", extra={"host": host.name, "code": error.code})
            found[host.name] = error.code
    return found


def refresh_host(host: AuthserverHost, *, now: datetime) -> None:
    """Fetch a host's keys, so that what it certifies with a new one is known to be its own.

    Those that are known stay, even where the host does not show them any more: what they
    certified is still to be checked.  So does their end, which may only become an earlier one.

    Args:
        host: Brought up to date; call it with no transaction open.
        now: Timezone-aware.

    Raises:
        AuthserverUnavailableError: it gave no usable answer.
        HostInvalidError: it shows another root, or a key that its root did not certify or that
            is not its own.
    """
    shown = client_for(host).keys()
    certificates = _list(shown, "certificates")
    if from_base64(shown.get("root")) != bytes(host.root):
        raise HostInvalidError
    with transaction.atomic():
        row = AuthserverHost.objects.select_for_update().get(pk=host.pk)
        new = [text for text in certificates if text not in row.certificates]
        host.certificates = row.certificates = [*row.certificates, *new]
        before = row.ended
        try:
            _require_own(row)
            host.ended = row.ended = _ends(row, shown)
        except ProtocolError as error:
            raise HostInvalidError(error.detail) from error
        if not new and row.ended == before:
            return
        row.save(update_fields=["certificates", "ended"])
        if new:
            record(action="host.keys_changed", actor="system", subject=host.name, now=now)
        _record_ends(row, before, "system", now)


def end_host_key(
    *, number: int, kid: bytes, compromised_at: datetime, actor: str, now: datetime
) -> datetime:
    """Declare that a key of a host got out, whatever the host says of it.  Safe to repeat.

    Returns:
        Since when it is compromised: the earliest time that was ever said.

    Raises:
        NotFoundError: there is no such host.
        KeyUnknownError: the host has no such key.
        EndRefusedError: the time lies ahead.
    """
    host = host_by_number(number)
    if compromised_at > now:
        raise EndRefusedError
    with transaction.atomic():
        row = AuthserverHost.objects.select_for_update().get(pk=host.pk)
        kids = [key_id(key.key).hex() for key in as_listed(row).host_keys()]
        if kid.hex() not in kids:
            raise KeyUnknownError(f"The keys of this host: {', '.join(kids)}.")
        before = row.ended
        said = EndedKey(kid, None, int(compromised_at.timestamp()))
        row.ended = _with_ends(row, [said])
        row.save(update_fields=["ended"])
        _record_ends(row, before, actor, now)
    return datetime.fromtimestamp(row.ended[kid.hex()][1], UTC)


def as_listed(host: AuthserverHost) -> Host:
    """Return a host as the directory lists it."""
    return Host(
        number=host.number,
        name=host.name,
        origin=host.origin,
        root=bytes(host.root),
        certificates=tuple(from_base64(text) for text in host.certificates),
    )


def ended_keys(host: AuthserverHost) -> tuple[EndedKey, ...]:
    """Return how keys of a host ended, as the directory lists them."""
    return tuple(EndedKey(bytes.fromhex(kid), *times) for kid, times in host.ended.items())


def _list(shown: dict[str, Any], name: str, default: list[Any] | None = None) -> list[Any]:
    value = shown.get(name, default)
    if not isinstance(value, list):
        raise AuthserverUnavailableError
    return value


def _ends(host: AuthserverHost, shown: dict[str, Any]) -> dict[str, list[int | None]]:
    """Return how a host's keys ended: ``[retired-at, compromised-at]`` by kid.

    Of its own keys alone, and of two times the earlier: readers believe nothing else.

    Raises:
        ProtocolError: a certificate or a time breaks a rule.
    """
    count = len(certificates := _list(shown, "certificates"))
    root, said = bytes(host.root), []
    for text, *times in zip(
        certificates,
        _list(shown, "retired_at", [None] * count),
        _list(shown, "compromised_at", [None] * count),
        strict=False,
    ):
        certificate = open_certificate(from_base64(text), root)
        if times != [None, None] and _is_host_key(certificate, host):
            said.append(EndedKey(key_id(certificate.key), *times))
    return _with_ends(host, said)


def _is_host_key(certificate: KeyCertificate, host: AuthserverHost) -> bool:
    return certificate.purpose is Purpose.HOST and certificate.subject == host.name


def _with_ends(host: AuthserverHost, said: Iterable[EndedKey]) -> dict[str, list[int | None]]:
    known = {end.kid: end for end in ended_keys(host)}
    for end in said:
        before = known.get(end.kid, end)
        known[end.kid] = EndedKey(
            end.kid,
            _earlier(before.retired_at, end.retired_at),
            _earlier(before.compromised_at, end.compromised_at),
        )
    return {kid.hex(): [known[kid].retired_at, known[kid].compromised_at] for kid in sorted(known)}


def _require_own(host: AuthserverHost) -> None:
    """Refuse a host that shows keys of somebody else's: their ends would be in its hands.

    Raises:
        HostInvalidError: one is ours or of another host, or there are more than can be listed.
        ProtocolError: a certificate breaks a rule; never where it was opened before.
    """
    kids = {key_id(key.key) for key in as_listed(host).host_keys()}
    others = AuthserverHost.objects.exclude(pk=host.pk)
    taken = {key_id(key.key) for other in others for key in as_listed(other).host_keys()}
    taken.update(end.kid for other in others for end in ended_keys(other))
    if len(host.certificates) > MAX_CERTIFICATES or kids & taken or are_ours(kids):
        raise HostInvalidError("The host shows keys that are not its own, or too many.")


def _record_ends(
    host: AuthserverHost, before: dict[str, list[int | None]], actor: str, now: datetime
) -> None:
    for kid, times in host.ended.items():
        known = before.get(kid, [None, None])
        for how, time, last in zip(("retired", "compromised"), times, known, strict=True):
            if time != last:
                at = f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"
                subject = f"{host.name} {kid} {at}"
                record(action=f"host.key_{how}", actor=actor, subject=subject, now=now)


def _earlier(first: int | None, second: int | None) -> int | None:
    return min((time for time in (first, second) if time is not None), default=None)


def _plain(fingerprint: str) -> str:
    return "".join(fingerprint.split()).lower()
