"""Enrol an app token by X25519, and let the holder compare eight digits."""

import hashlib
import hmac
import json
import logging
from dataclasses import asdict, dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings
from django.db import transaction

from authserver import base64url
from authserver.errors import AuthserverError, Code
from authserver.models import Enrolment, Server
from authserver.selectors import host_state, locked_server
from authserver.services import events, lifecycle, seals
from authserver.services.events import EventKind
from authserver.services.hosts import current_host_key
from authserver.services.matching import parsed_suite
from protocol import cose
from protocol.cose import Typ
from protocol.enrolment import Transcript, Vouchers, derive
from protocol.errors import ProtocolError
from protocol.provisioning import Provision
from protocol.statement import Sight

logger = logging.getLogger(__name__)

MAX_DIGIT_TRIES = 3


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """What the host's page shows for an invitation.

    Attributes:
        platform_origin: Where the holder goes on.
        is_void: Whether the enrolment was stopped.
        digits: The eight digits once the token has enrolled, else empty.
    """

    platform_origin: str
    is_void: bool
    digits: str


def enrol_token(*, ticket: bytes, share: bytes, now: datetime) -> str:
    """Answer a token's half of the key exchange.

    Args:
        ticket: 16 bytes from the invitation.
        share: The token's ephemeral X25519 key, 32 bytes.
        now: Current time.

    Returns:
        The answer as JSON text; for the same ticket and share the same text, so that a lost
        answer is not a lost token.

    Raises:
        AuthserverError: ``ticket_unknown``, ``share_invalid``; or ``ticket_used`` for another
            share than the first, which voids the enrolment.

    Source:
        docs/protocol.md section 11.
    """
    with transaction.atomic(durable=True):
        enrolment = _locked_enrolment(ticket, now)
        server, answer = enrolment.server, ""
        if server.state == Server.State.ISSUED:
            _exchange(enrolment, ticket, share, now, actor=events.TOKEN)
            answer = enrolment.answer
        elif server.state == Server.State.ENROLLED and enrolment.token_share == share:
            answer = enrolment.answer
        elif server.state != Server.State.REVOKED:
            # Two devices hold this ticket, and nobody can tell which is the holder's.
            lifecycle.move(
                server, EventKind.REVOKED, actor=events.HOST, now=now, why="ticket_used"
            )
    # Raised outside the transaction: raising inside would undo the revocation.
    if not answer:
        logger.warning("enrolment.ticket_used", extra={"vk": server.vk})
        raise AuthserverError(Code.TICKET_USED)
    logger.info("server.enrolled", extra={"vk": server.vk})
    return answer


def provision_token(*, ticket: bytes, now: datetime) -> Provision:
    """Enrol a token that has no network: draw its share too, and return all that it needs.

    Only once, for each ticket: what is returned holds the seed, and nobody keeps it.

    Args:
        ticket: 16 bytes from the invitation.
        now: Current time.

    Raises:
        AuthserverError: ``ticket_unknown``, or ``state_conflict`` when the ticket was used before.

    Source:
        docs/protocol.md section 11.
    """
    private = X25519PrivateKey.generate()
    share = private.public_key().public_bytes_raw()
    with transaction.atomic(durable=True):
        enrolment = _locked_enrolment(ticket, now)
        if enrolment.server.state != Server.State.ISSUED:
            raise AuthserverError(Code.STATE_CONFLICT, "The invitation was used before.")
        vouchers = _exchange(enrolment, ticket, share, now, actor=events.HOST)
    logger.info("server.provisioned", extra={"vk": enrolment.server.vk})
    return Provision(settings.AUTHSERVER_ORIGIN, private.private_bytes_raw(), ticket, vouchers)


def confirm_digits(*, caller: bytes, vk: str, digits: str, now: datetime) -> Server:
    """Compare the digits that the holder read off the token with the host's own.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.
        digits: As the holder typed them.
        now: Current time.

    Returns:
        The server, in state ``confirmed``; a repeat of the call finds it so.

    Raises:
        AuthserverError: ``server_unknown``, ``state_conflict``, ``digits_wrong``; the third wrong
            time ``enrolment_void``.
    """
    with transaction.atomic(durable=True):
        server = locked_server(caller, vk)
        if server.state == Server.State.CONFIRMED:
            return server
        if server.state != Server.State.ENROLLED:
            raise AuthserverError(Code.STATE_CONFLICT, "There are no digits to compare.")
        # Found by the same transaction that holds the server's row, so it cannot change.
        enrolment = Enrolment.objects.get(server=server)
        enrolment.digit_tries += 1
        right = seals.unseal(enrolment.sealed_digits or b"", server, seals.DIGITS)
        is_right = hmac.compare_digest(right, digits.encode())
        tries_left = MAX_DIGIT_TRIES - enrolment.digit_tries
        if is_right:
            lifecycle.move(server, EventKind.CONFIRMED, actor=events.PLATFORM, now=now)
            enrolment.delete()
        elif tries_left:
            enrolment.save(update_fields=["digit_tries"])
        else:
            lifecycle.move(
                server, EventKind.REVOKED, actor=events.HOST, now=now, why="digits_wrong"
            )
    if is_right:
        logger.info("server.confirmed", extra={"vk": vk})
        return server
    logger.warning("enrolment.digits_wrong", extra={"vk": vk, "tries_left": tries_left})
    if tries_left:
        raise AuthserverError(Code.DIGITS_WRONG, tries_left=tries_left)
    raise AuthserverError(Code.ENROLMENT_VOID)


def comparison(*, ticket: bytes, now: datetime) -> Comparison:
    """Return what the host's page shows to whoever holds the invitation.

    Raises:
        AuthserverError: ``ticket_unknown``.
    """
    enrolment = _open_enrolment(ticket, now)
    server = enrolment.server
    digits = b""
    if server.state == Server.State.ENROLLED:
        digits = seals.unseal(enrolment.sealed_digits or b"", server, seals.DIGITS)
    return Comparison(
        platform_origin=server.platform.origin,
        is_void=server.state == Server.State.REVOKED,
        digits=digits.decode(),
    )


def _locked_enrolment(ticket: bytes, now: datetime) -> Enrolment:
    found = _open_enrolment(ticket, now)
    Server.objects.select_for_update().get(pk=found.server_id)
    # Read again, now that nobody else can change it.
    return _open_enrolment(ticket, now)


def _open_enrolment(ticket: bytes, now: datetime) -> Enrolment:
    ticket_hash = hashlib.sha256(ticket).digest()
    rows = Enrolment.objects.select_related("server__platform")
    enrolment = rows.filter(ticket_hash=ticket_hash, expires_at__gt=now).first()
    if enrolment is None:
        # One answer for expired and never issued.
        raise AuthserverError(Code.TICKET_UNKNOWN)
    return enrolment


def _exchange(
    enrolment: Enrolment, ticket: bytes, share: bytes, now: datetime, *, actor: str
) -> Vouchers:
    server, platform = enrolment.server, enrolment.server.platform
    private = X25519PrivateKey.generate()
    transcript = Transcript(
        platform_root=hashlib.sha256(platform.root).digest(),
        platform_id=platform.id,
        platform_origin=platform.origin,
        vk=server.vk_bytes,
        serial=server.serial,
        suite=server.suite,
        sight=Sight(server.sight),
        token_share=share,
        host_share=private.public_key().public_bytes_raw(),
        ticket_hash=enrolment.ticket_hash,
    ).payload()
    try:
        made = derive(private=private, peer=share, ticket=ticket, transcript=transcript)
    except ProtocolError as error:
        raise AuthserverError(Code.SHARE_INVALID) from error
    enrolment.token_share = share
    vouchers = _vouchers(enrolment, transcript, now)
    enrolment.answer = _as_json(vouchers, made.confirmation)
    enrolment.sealed_digits = seals.seal(made.digits.encode(), server, seals.DIGITS)
    enrolment.save(update_fields=["token_share", "answer", "sealed_digits"])
    seed = made.seed[: parsed_suite(server.suite).seed_octets]
    server.sealed_seed = seals.seal(seed, server, seals.SEED)
    server.sealed_post_key = seals.seal(made.post_key, server, seals.POST)
    server.enrolled_at = now
    server.save(update_fields=["sealed_seed", "sealed_post_key", "enrolled_at"])
    lifecycle.move(server, EventKind.ENROLLED, actor=actor, now=now)
    return vouchers


def _vouchers(enrolment: Enrolment, transcript: bytes, now: datetime) -> Vouchers:
    server, host_key = enrolment.server, current_host_key(now)
    return Vouchers(
        enrol=cose.sign(seals.host_signing_key(host_key), Typ.ENROL, transcript),
        host_root=host_state().root,
        host_certificate=host_key.certificate,
        platform_root=server.platform.root,
        platform_certificate=enrolment.statement_certificate,
        server_certificate=server.certificate,
    )


def _as_json(vouchers: Vouchers, confirmation: bytes) -> str:
    parts = {**asdict(vouchers), "confirmation": confirmation}
    return json.dumps({name: base64url.encode(part) for name, part in parts.items()})
