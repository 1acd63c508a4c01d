"""Move a server to another host: offer, move, package, import (docs/protocol.md section 14).

At any moment one host answers for a server.  Its old host stops in the transaction that makes the
package; the package, which the platform carries, is sealed to the new host, and what it says of
the server is how it stood then.  The number of the move never falls, so a package that is late or
comes twice changes nothing.  Hosts never call each other.
"""

import logging
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models import Q

from authserver.errors import AuthserverError, Code
from authserver.models import Batch, HostKey, Passage, Platform, Server, TrustedHost
from authserver.selectors import calling_platform, host_state, locked_server, refuse_moved
from authserver.services import cargo, events, lifecycle, seals
from authserver.services.cargo import Cargo
from authserver.services.events import EventKind
from authserver.services.hosts import check_ready, current_host_key
from authserver.services.matching import parsed_suite
from authserver.services.pairing import certify
from authserver.services.restoring import set_back
from authserver.services.verdicts import linked
from protocol import cose, ed25519
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.fields import DIGEST_BYTES
from protocol.moving import Move, Offer, Package, host_key, transfer_key
from protocol.text import check_origin
from tokens.errors import SuiteInvalidError

logger = logging.getLogger(__name__)

OFFER_LIFE = timedelta(minutes=10)
# Why a server cannot be packed, but for what is wrong with this host itself.
_UNPACKED = {"too_large": Code.TOO_LARGE, "key_invalid": Code.OFFER_INVALID}


def trust_host(*, origin: str, root: bytes) -> None:
    """Let servers move to another host, and take in those that come from there.

    Args:
        origin: Its address.
        root: Its public root key, obtained from its operator.

    Raises:
        ProtocolError: origin or root key may not be used.
        AuthserverError: ``state_conflict`` for this host itself.
    """
    check_origin("origin", origin)
    if not ed25519.is_usable_key(root):
        raise ProtocolError("key_invalid", "the root key is not a usable public key")
    if origin == settings.AUTHSERVER_ORIGIN:
        raise AuthserverError(Code.STATE_CONFLICT, "That is this host itself.")
    TrustedHost.objects.update_or_create(origin=origin, defaults={"root": root})
    logger.info("host.trusted", extra={"origin": origin})


def distrust_host(*, origin: str) -> None:
    """Let no server move to or from a host any more.

    Raises:
        AuthserverError: ``host_untrusted`` when it was not trusted.
    """
    TrustedHost.objects.filter(pk=_trusted(origin).pk).delete()
    logger.info("host.distrusted", extra={"origin": origin})


def offer_place(
    *, caller: bytes, vk: str, serial: str, suite: str, source: str, now: datetime
) -> tuple[bytes, bytes]:
    """Say that this host will take a server, having looked at all that could be in the way.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.
        serial: Of its token.
        suite: Of its token.
        source: Origin of the host it is at.
        now: Current time.

    Returns:
        The offer, COSE cs-offer, and the certificate of the key that signed it, COSE cs-key.

    Raises:
        AuthserverError: ``not_ready``, ``host_untrusted``, ``suite_invalid``, or
            ``state_conflict`` when another server has that id or serial.
    """
    platform = calling_platform(caller)
    check_ready(now)
    _trusted(source)
    try:
        parsed_suite(suite)
    except SuiteInvalidError as error:
        raise AuthserverError(Code.SUITE_INVALID) from error
    known = Passage.objects.filter(server__serial=serial, server__platform=platform).first()
    same_name = Server.objects.filter(Q(vk=vk) | Q(serial=serial))
    if known is not None:
        # It may come back; or its old host was restored, and is to learn anew that it has left.
        same_name = same_name.exclude(pk=known.server_id)
    if same_name.exists():
        raise AuthserverError(Code.STATE_CONFLICT, "A server of that id or serial is here.")
    signer = current_host_key(now)
    key = seals.host_signing_key(signer)
    offer = Offer(
        host=settings.AUTHSERVER_ORIGIN,
        platform=platform.id,
        vk=bytes.fromhex(vk),
        number=known.number if known else 0,
        share=transfer_key(key).public_key().public_bytes_raw(),
        until=int((now + OFFER_LIFE).timestamp()),
    )
    return offer.sign(key), signer.certificate


def move_server(
    *, caller: bytes, vk: str, offer: bytes, certificate: bytes, actor: str, now: datetime
) -> str:
    """Give a server away to a host that offered to take it.

    From the commit on nothing is answered for it here; its secrets are in the package alone,
    which :func:`authserver.selectors.package_of` gives as often as it is asked for.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.
        offer: COSE cs-offer.
        certificate: COSE cs-key of the key that signed it.
        actor: Who among the platform's people; may be empty.
        now: Current time.

    Returns:
        The new host's origin.

    Raises:
        AuthserverError: ``offer_invalid``, ``host_untrusted``, ``server_unknown``,
            ``server_moved``, ``state_conflict``, or ``too_large``.
    """
    accepted = _accepted(offer, certificate, calling_platform(caller), vk, now)
    signer = current_host_key(now)
    key = seals.host_signing_key(signer)
    with transaction.atomic(durable=True):
        server = locked_server(caller, vk)
        state = server.state
        passage = Passage.objects.filter(server=server).first() or Passage(server=server, number=0)
        lifecycle.move(
            server, EventKind.MOVED, actor=events.platform(actor), now=now, to=accepted.host
        )
        passage.number = max(passage.number, accepted.number) + 1
        move = Move(
            source=settings.AUTHSERVER_ORIGIN,
            target=accepted.host,
            platform=accepted.platform,
            vk=server.vk_bytes,
            number=passage.number,
            share=accepted.share,
            at=int(now.timestamp()),
        )
        try:
            passage.package = move.pack(
                cargo.load(server, state, now), host_key=key, certificate=signer.certificate
            )
        except ProtocolError as error:
            if error.code not in _UNPACKED:
                raise
            raise AuthserverError(_UNPACKED[error.code], _sentence(error)) from error
        passage.save()
        server.moved_to = move.target
        server.save(update_fields=["moved_to", *cargo.wipe(server)])
    logger.info("server.moved", extra={"vk": vk, "to": move.target})
    return move.target


def import_server(*, caller: bytes, package: bytes, now: datetime) -> Server:
    """Take in a server that left another host for this one.  Safe to repeat.

    Args:
        caller: Hash of the platform's bearer key.
        package: As the other host gave it.
        now: Current time.

    Returns:
        The server, as it stands here by now.

    Raises:
        AuthserverError: ``not_ready``, ``package_invalid``, ``host_untrusted``; ``server_moved``
            when it has moved on; ``state_conflict`` when it never left, or its serial is taken.
    """
    platform = calling_platform(caller)
    check_ready(now)
    try:
        arrived = Package.decode(package)
        _check_addressed(arrived.move, platform)
        arrived.check(_trusted(arrived.move.source).root)
        found = cargo.unload(arrived.move.open(arrived.sealed, _opener(arrived.move.share)))
        with transaction.atomic(durable=True):
            return _settled(arrived.move, found, platform, now)
    except ProtocolError as error:
        raise AuthserverError(Code.PACKAGE_INVALID, _sentence(error)) from error
    except (IntegrityError, DataError) as error:
        detail = "Something here has the same name as a part of the package."
        raise AuthserverError(Code.STATE_CONFLICT, detail) from error


def _trusted(origin: str) -> TrustedHost:
    found = TrustedHost.objects.filter(origin=origin).first()
    if found is None:
        raise AuthserverError(Code.HOST_UNTRUSTED)
    return found


def _accepted(
    message: bytes, certificate: bytes, platform: Platform, vk: str, now: datetime
) -> Offer:
    """Return an offer if it is a trusted host's, for this very server, and still good."""
    try:
        signed = cose.parse(message)
        offer = Offer.from_signed(signed)
        at = int(now.timestamp())
        key = host_key(certificate, _trusted(offer.host).root, at)
        is_signed = signed.is_signed_by(key.key)
    except ProtocolError as error:
        raise AuthserverError(Code.OFFER_INVALID, _sentence(error)) from error
    is_meant = (offer.platform, offer.vk.hex()) == (platform.id, vk)
    if not (is_signed and is_meant and at <= offer.until):
        raise AuthserverError(Code.OFFER_INVALID)
    return offer


def _sentence(error: ProtocolError) -> str:
    return f"{error.detail[:1].upper()}{error.detail[1:]}."


def _check_addressed(move: Move, platform: Platform) -> None:
    if (move.target, move.platform) != (settings.AUTHSERVER_ORIGIN, platform.id):
        raise ProtocolError("package_wrong", "the package is for another host or platform")


def _opener(share: bytes) -> X25519PrivateKey:
    """Return the key whose public half this is, of any host key there ever was."""
    for row in HostKey.objects.order_by("-id"):
        key = transfer_key(seals.host_signing_key(row))
        if key.public_key().public_bytes_raw() == share:
            return key
    raise ProtocolError("package_wrong", "the package is sealed to no key of this host")


def _settled(move: Move, found: Cargo, platform: Platform, now: datetime) -> Server:
    """Store what arrived, unless it arrived before; return the row.

    Of several that bring the same package, all but one wait here and then find it stored.
    """
    Platform.objects.select_for_update(no_key=True).get(pk=platform.pk)
    # By serial: it may have got another key, and so another id, since it was here.
    rows = Server.objects.filter(serial=found.server.serial)
    server = rows.select_for_update().first()
    if server is None:
        return _stored(move, found, lifecycle.elsewhere(platform), now)
    if server.platform_id != platform.pk:
        raise ProtocolError("package_wrong", "the server is another platform's here")
    passage = Passage.objects.filter(server=server).first()
    if passage is None:
        raise AuthserverError(Code.STATE_CONFLICT, "The server never left this host.")
    if server.state != Server.State.MOVED:
        # It came before.  What is here is never older than a package, whatever its number says:
        # one from a host that was restored has a higher number, and knows less.
        return server
    if passage.number >= move.number:
        refuse_moved(server)
    return _stored(move, found, server, now)


def _stored(move: Move, found: Cargo, server: Server, now: datetime) -> Server:
    server.vk, server.moved_to = move.vk.hex(), ""
    cargo.take_over(found, server)
    server.certificate = certify(_public_key(found, move), server.serial, now)
    server.seq = max(server.seq, host_state().generation << 32)
    server.batch = _batch(found, server.platform)
    server.save()
    cargo.unpack(found, server)
    lifecycle.move(
        server,
        EventKind.IMPORTED,
        actor=events.PLATFORM,
        now=now,
        after=found.state,
        source=move.source,
    )
    Passage.objects.update_or_create(
        server=server, defaults={"number": move.number, "package": b""}
    )
    _doubt(move, server)
    logger.info("server.imported", extra={"vk": server.vk, "source": move.source})
    return server


def _public_key(found: Cargo, move: Move) -> bytes:
    """Return the public half of the server's key, having seen that nothing is missing."""
    signing, seed, _ = found.secrets
    if signing is None or seed is None or found.state not in lifecycle.MOVABLE:
        raise ProtocolError("package_wrong", "the package holds no server in use")
    key = SigningKey.from_bytes(signing)
    if key.kid != move.vk:
        raise ProtocolError("package_wrong", "the package holds another server's key")
    try:
        suite = parsed_suite(found.server.suite)
    except SuiteInvalidError as error:
        raise ProtocolError("package_wrong", "the token's suite is not known here") from error
    head = bytes(DIGEST_BYTES)
    for verdict in found.verdicts:
        head = linked(head, verdict.message)
    if (suite.sight, head) != (found.server.sight, found.server.head):
        raise ProtocolError("package_wrong", "the parts of the package do not fit together")
    return key.public


def _batch(found: Cargo, platform: Platform) -> Batch | None:
    if found.batch is None:
        return None
    about = {name: getattr(found.batch, name) for name in ("format", "imported_at", "tokens")}
    return Batch.objects.get_or_create(platform=platform, name=found.batch.name, defaults=about)[0]


def _doubt(move: Move, server: Server) -> None:
    """Treat a package that is older than a restore of this host as a backup: it may be one.

    The server may have come before, and have answered; the restore undid that.
    """
    host = host_state()
    # Not only until the restore itself: the clocks of the two hosts may differ.
    doubtful = host.not_ready_until
    if doubtful is not None and move.at <= doubtful.timestamp():
        this = Server.objects.filter(pk=server.pk)
        set_back(this, generation=host.generation, ready=doubtful)
        server.refresh_from_db()
