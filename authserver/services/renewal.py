"""New keys, and so new certificates, for all servers that a host key certified that got out.

One server after another, each as :func:`rotate_signing_key` does it and in a transaction of its
own, so that all go on serving.  Safe to repeat: what is done is certified by another key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from authserver.errors import AuthserverError, Code
from authserver.models import HostKey, Server
from authserver.selectors import host_state
from authserver.services.signing_keys import ROTATABLE, rotate_signing_key
from protocol import cose
from protocol.ed25519 import key_id
from protocol.keys import open_certificate
from protocol.statement import Sight

# Told after each server how many were looked at, and of how many.
Report = Callable[[int, int], None]


@dataclass(slots=True)
class Renewed:
    """What came of it.

    Attributes:
        done: Servers with a new key.
        scanning: Left alone, since their tokens read statements and have to be updated.
        left: Left alone for another reason: moved away or changed meanwhile.
    """

    done: int = 0
    scanning: int = 0
    left: int = 0


def renew_servers(
    *, operator: str, clock: Callable[[], datetime], report: Report, is_scanning_allowed: bool
) -> Renewed:
    """Give every server a new key that a compromised host key certified and that can use one.

    Args:
        operator: Who does so.
        clock: Gives the current time: for many servers this takes long.
        report: See :data:`Report`.
        is_scanning_allowed: As for :func:`rotate_signing_key`.

    Raises:
        AuthserverError: ``not_ready`` before ``init``, or without a host key to certify with.
        ProtocolError: ``sealed_invalid`` when a row was altered.
        KeyProviderError: the keys of the host cannot be had.
    """
    renewed = Renewed()
    due = _certified_by(_compromised())
    for place, pk in enumerate(due, start=1):
        _renew(pk, operator, clock(), renewed, is_scanning_allowed=is_scanning_allowed)
        report(place, len(due))
    return renewed


def _compromised() -> set[bytes]:
    root = host_state().root
    rows = HostKey.objects.exclude(compromised_at=None)
    return {key_id(open_certificate(row.certificate, root).key) for row in rows}


def _certified_by(kids: set[bytes]) -> list[int]:
    if not kids:
        return []
    rows = Server.objects.filter(state__in=ROTATABLE).order_by("pk")
    servers = rows.values_list("pk", "certificate").iterator()
    return [pk for pk, certificate in servers if cose.parse(bytes(certificate)).kid in kids]


def _renew(
    pk: int, operator: str, now: datetime, renewed: Renewed, *, is_scanning_allowed: bool
) -> None:
    server = Server.objects.get(pk=pk)
    if server.sight == Sight.SHOWN and not is_scanning_allowed:
        renewed.scanning += 1
        return
    try:
        rotate_signing_key(
            name=server.vk, operator=operator, now=now, is_scanning_allowed=is_scanning_allowed
        )
    except AuthserverError as error:
        if error.code is Code.NOT_READY:
            raise
        renewed.left += 1
        return
    renewed.done += 1
