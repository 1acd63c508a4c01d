"""Pair: make a server for a new token, and the invitation that lets the token in."""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from authserver.models import Enrolment, Server
from authserver.selectors import calling_platform, host_state
from authserver.services import events, lifecycle, seals
from authserver.services.admission import check_certificate
from authserver.services.events import EventKind
from authserver.services.hosts import current_host_key
from authserver.services.matching import enrollable_suite
from authserver.services.words import checked
from protocol.ed25519 import SigningKey
from protocol.enrolment import FINGERPRINT_BYTES, TICKET_BYTES, Invitation
from protocol.keys import ServerCertificate, day_of

logger = logging.getLogger(__name__)

TICKET_LIFE = timedelta(minutes=10)
CERTIFICATE_DAYS = 3652
LABEL_BYTES, SERIAL_BYTES = 40, 16
# No letter that is read as another: 32^12 serials.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Paired:
    """A new server, and how its token comes to it.

    Attributes:
        server: The row, in state ``issued``.
        invitation: Link to this host's enrolment page; it carries the ticket.
        expires_at: When the ticket ends.
    """

    server: Server
    invitation: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Paired({self.server.vk})"


def pair_server(
    *, caller: bytes, suite: str, certificate: bytes, label: str, now: datetime
) -> Paired:
    """Make a server with a key of its own, and a ticket good for ten minutes.

    Args:
        caller: Hash of the platform's bearer key.
        suite: Suite of the token to come.
        certificate: The platform's current statement key, COSE cs-key; the token gets it.
        label: The platform's name for it, at most 40 bytes; may be empty.
        now: Current time.

    Raises:
        AuthserverError: ``not_authenticated``, ``input_invalid``, ``suite_invalid``,
            ``suite_refused``, ``certificate_invalid`` or ``not_ready``.
    """
    platform, host = calling_platform(caller), host_state()
    parsed = enrollable_suite(suite, int(now.timestamp()))
    checked("label", label, LABEL_BYTES)
    check_certificate(certificate, platform, now)
    key, serial = SigningKey.generate(), _new_serial()
    server = Server(
        vk=key.kid.hex(),
        serial=serial,
        platform=platform,
        label=label,
        suite=str(parsed),
        sight=parsed.sight,
        certificate=certify(key.public, serial, now),
        counter=0 if parsed.counter else None,
        seq=host.generation << 32,
    )
    ticket = secrets.token_bytes(TICKET_BYTES)
    enrolment = Enrolment(
        server=server,
        ticket_hash=hashlib.sha256(ticket).digest(),
        expires_at=now + TICKET_LIFE,
        statement_certificate=certificate,
    )
    with transaction.atomic(durable=True):
        server.sealed_key = seals.seal(key.to_bytes(), server, seals.SIGNING)
        lifecycle.begin([server], EventKind.PAIRED, actor=events.PLATFORM, now=now)
        enrolment.save(force_insert=True)
    logger.info("server.paired", extra={"vk": server.vk, "platform": platform.id})
    fingerprint = hashlib.sha256(host.root).digest()[:FINGERPRINT_BYTES]
    invitation = Invitation(settings.AUTHSERVER_ORIGIN, fingerprint, ticket).to_link()
    return Paired(server, invitation, enrolment.expires_at)


def certify(
    public: bytes, serial: str, now: datetime, *, signer: SigningKey | None = None
) -> bytes:
    """Return this host's certificate for a server's key, COSE cs-server.

    Args:
        public: The server's public key.
        serial: The token's serial.
        now: Current time.
        signer: The current host key, where the caller has it at hand for many.

    Raises:
        AuthserverError: ``not_ready`` without a valid host key.
    """
    today = day_of(int(now.timestamp()))
    certificate = ServerCertificate(public, serial, today, today + CERTIFICATE_DAYS)
    return certificate.sign(signer or seals.host_signing_key(current_host_key(now)))


def _new_serial() -> str:
    return "CS" + "".join(secrets.choice(_ALPHABET) for _ in range(12))
