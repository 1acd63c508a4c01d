"""Give a paired server a new signing key; what the former ones signed stays valid.

The server id is the key's, so the server gets a new id too.  The former key is kept for the
statements that are addressed to it: only its own signature ends them.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from authserver import base64url
from authserver.errors import AuthserverError, Code
from authserver.models import FormerKey, Server
from authserver.services import datakeys, events, seals
from authserver.services.actions import named_server
from authserver.services.events import EventKind
from authserver.services.lifecycle import State
from authserver.services.pairing import certify
from protocol.ed25519 import SigningKey
from protocol.statement import Sight

logger = logging.getLogger(__name__)

# The platform may issue statements to the former key until it has learned of the new one.
OVERLAP = timedelta(minutes=10)
# Before, the token is about to be told of its server's key; after, there is nothing to sign.
ROTATABLE = (State.STOCK, State.CONFIRMED, State.ACTIVE, State.SUSPENDED)


def rotate_signing_key(
    *, name: str, operator: str, now: datetime, is_scanning_allowed: bool = False
) -> tuple[Server, FormerKey]:
    """Make a new signing key and certify it; the platform learns of it as an event.

    Args:
        name: Server id in hexadecimal, or the token's serial.
        operator: Who does so.
        now: Current time.
        is_scanning_allowed: Whether the token may be one that reads statements: such a token
            has pinned the server's id, and refuses statements until it has fetched the new
            certificate.

    Returns:
        The server under its new id, and its former key.

    Raises:
        AuthserverError: ``server_unknown``, ``not_ready``; ``state_conflict`` for a state without
            a use for a key, or a scanning token that is not allowed.
        ProtocolError: ``sealed_invalid`` when the row was altered.
        KeyProviderError: the keys of the host cannot be had.
    """
    datakeys.prepare()
    with transaction.atomic(durable=True):
        server = named_server(name)
        _refuse(server, now, is_scanning_allowed=is_scanning_allowed)
        former = FormerKey.objects.create(
            server=server,
            vk=server.vk,
            certificate=server.certificate,
            sealed_key=server.sealed_key,
            retired_at=now + OVERLAP,
        )
        _renew(server, now)
        events.record(
            server,
            EventKind.KEY_ROTATED,
            events.operator(operator),
            now,
            former=former.vk,
            certificate=base64url.encode(server.certificate),
            retired_at=int(former.retired_at.timestamp()),
        )
    logger.info("server.key_rotated", extra={"vk": server.vk, "former": former.vk})
    return server, former


def _refuse(server: Server, now: datetime, *, is_scanning_allowed: bool) -> None:
    state = server.state_at(now)
    if state not in ROTATABLE:
        raise AuthserverError(Code.STATE_CONFLICT, f"The server is {state}.")
    if server.sight == Sight.SHOWN and not is_scanning_allowed:
        raise AuthserverError(
            Code.STATE_CONFLICT,
            "This token reads statements and knows its server's key: it will refuse them until "
            "it has fetched the new certificate (python -m tokens update-server). One that cannot "
            "fetch must be replaced. To go on, say --scanning.",
        )


def _renew(server: Server, now: datetime) -> None:
    seed = seals.seed_of(server)
    post_key = server.sealed_post_key and seals.unseal(server.sealed_post_key, server, seals.POST)
    key = SigningKey.generate()
    server.vk = key.kid.hex()
    server.certificate = certify(key.public, server.serial, now)
    # Sealed anew, since the server id is a part of each seal.
    server.sealed_key = seals.seal(key.to_bytes(), server, seals.SIGNING)
    server.sealed_seed = seals.seal(seed, server, seals.SEED)
    server.sealed_post_key = post_key and seals.seal(post_key, server, seals.POST)
    server.save(
        update_fields=["vk", "certificate", "sealed_key", "sealed_seed", "sealed_post_key"]
    )
