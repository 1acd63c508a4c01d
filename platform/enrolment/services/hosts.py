"""Pin hosts, and say which of them get tokens."""

import logging
import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max

from audit.services import record
from common.errors import DomainError, NotFoundError
from common.sealing import sealer
from enrolment.authserver_client import AuthserverClient, from_base64
from enrolment.errors import (
    AuthserverUnavailableError,
    HostInUseError,
    HostInvalidError,
    NoHostError,
)
from enrolment.models import AuthserverHost
from enrolment.selectors import client_for, host_by_number, hosts, living_tokens, open_hosts
from protocol.errors import ProtocolError
from protocol.keys import Host, root_fingerprint
from protocol.text import check_origin

logger = logging.getLogger(__name__)

State = AuthserverHost.State


def add_host(*, origin: str, key: str, fingerprint: str, now: datetime) -> AuthserverHost:
    """Register a host, or renew its certificates, if it shows the root of this fingerprint.

    Args:
        origin: Its address, ``https://host``.
        key: The bearer key it issued for this platform.
        fingerprint: Of its root, obtained elsewhere; spaces and case do not matter.
        now: Timezone-aware.

    Raises:
        HostInvalidError: the host shows another root, or certificates that do not fit it; or
            its origin or its name cannot be used.
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
    certificates = shown.get("certificates")
    if not isinstance(certificates, list):
        raise AuthserverUnavailableError
    name = str(shown.get("name", ""))
    with transaction.atomic():
        known = AuthserverHost.objects.filter(origin=origin).first()
        last = AuthserverHost.objects.aggregate(last=Max("number"))["last"] or 0
        host = known or AuthserverHost(origin=origin, number=last + 1)
        host.name, host.root, host.certificates = name, root, certificates
        host.sealed_key = sealer().seal(key.encode(), name.encode())
        try:
            if not as_listed(host).host_keys():
                raise HostInvalidError
        except ProtocolError as error:
            raise HostInvalidError(error.detail) from error
        try:
            host.save()
        except IntegrityError as error:
            raise HostInvalidError(f"Another host is called {name}.") from error
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
    certified is still to be checked.

    Args:
        host: Brought up to date; call it with no transaction open.
        now: Timezone-aware.

    Raises:
        AuthserverUnavailableError: it gave no usable answer.
        HostInvalidError: it shows another root, or a key that its root did not certify.
    """
    shown = client_for(host).keys()
    certificates = shown.get("certificates")
    if not isinstance(certificates, list):
        raise AuthserverUnavailableError
    if from_base64(shown.get("root")) != bytes(host.root):
        raise HostInvalidError
    with transaction.atomic():
        row = AuthserverHost.objects.select_for_update().get(pk=host.pk)
        new = [text for text in certificates if text not in row.certificates]
        host.certificates = row.certificates = [*row.certificates, *new]
        if not new:
            return
        try:
            as_listed(row).host_keys()
        except ProtocolError as error:
            raise HostInvalidError(error.detail) from error
        row.save(update_fields=["certificates"])
        record(action="host.keys_changed", actor="system", subject=host.name, now=now)


def choose_host(*, but: AuthserverHost | None = None) -> AuthserverHost:
    """Choose the host for a token, by weight, among those that take tokens.

    Args:
        but: Not this one.

    Raises:
        NoHostError: there is none.
    """
    taking = hosts().filter(state=State.ACTIVE, weight__gt=0)
    candidates = [host for host in taking if host != but]
    if not candidates:
        raise NoHostError
    total = sum(host.weight for host in candidates)
    return host_at(candidates, secrets.randbelow(total))


def host_at(candidates: Sequence[AuthserverHost], ticket: int) -> AuthserverHost:
    """Return the host that a ticket falls to: of as many as all weigh, each has its weight."""
    for host in candidates:
        if ticket < host.weight:
            return host
        ticket -= host.weight
    raise ValueError("the ticket is above the sum of the weights")


def change_host_state(*, number: int, state: str, actor: str, now: datetime) -> AuthserverHost:
    """Have a host take tokens, give up those it has, or serve none any more.  Safe to repeat.

    Raises:
        NotFoundError: there is no such host, or no such state.
        HostInUseError: it is to be closed, and is not draining or still has tokens.
    """
    host = host_by_number(number)
    if state not in State.values:
        raise NotFoundError("There is no such state.")
    with transaction.atomic():
        row = AuthserverHost.objects.select_for_update().get(pk=host.pk)
        if row.state == state:
            return row
        if state == State.CLOSED:
            _require_empty(row, now)
        row.state = state
        row.save(update_fields=["state"])
        record(action=f"host.{state}", actor=actor, subject=row.name, now=now)
    return row


def as_listed(host: AuthserverHost) -> Host:
    """Return a host as the directory lists it."""
    return Host(
        number=host.number,
        name=host.name,
        origin=host.origin,
        root=bytes(host.root),
        certificates=tuple(from_base64(text) for text in host.certificates),
    )


def change_weight(*, number: int, weight: int, actor: str, now: datetime) -> AuthserverHost:
    """Set how many of the new tokens a host gets, in proportion; 0 lets it keep those it has.

    Raises:
        NotFoundError: there is no such host.
    """
    host = host_by_number(number)
    with transaction.atomic():
        host.weight = weight
        host.save(update_fields=["weight"])
        record(action="host.weighted", actor=actor, subject=host.name, now=now)
    return host


def _require_empty(host: AuthserverHost, now: datetime) -> None:
    # From draining alone: a token that is just being placed is here by then.
    if host.state != State.DRAINING or living_tokens(host, now=now).exists():
        raise HostInUseError


def _plain(fingerprint: str) -> str:
    return "".join(fingerprint.split()).lower()
