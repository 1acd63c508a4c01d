"""Secrets at rest, each sealed to the server and the use it is for."""

from django.conf import settings

from authserver.models import HostKey, Server
from protocol.ed25519 import SigningKey
from protocol.sealing import Sealer

SIGNING, SEED, POST, DIGITS = b"signing", b"seed", b"post", b"digits"


def sealer() -> Sealer:
    """Return the sealer under the host's key-encryption key."""
    return Sealer.from_base64(settings.AUTHSERVER_KEK)


def seal(secret: bytes, vk: bytes, use: bytes) -> bytes:
    """Seal a secret so that it opens only for this server, and for this use."""
    return sealer().seal(secret, vk + use)


def unseal(sealed: bytes, server: Server, use: bytes) -> bytes:
    """Return a server's secret.

    Raises:
        ProtocolError: ``sealed_invalid`` when the row was moved, changed, or sealed by another
            key-encryption key.
    """
    return sealer().open(sealed, server.vk_bytes + use)


def server_key(server: Server) -> SigningKey:
    """Return the key with which a server signs its verdicts; raises as :func:`unseal`."""
    return SigningKey.from_bytes(unseal(server.sealed_key, server, SIGNING))


def seed_of(server: Server) -> bytes:
    """Return the token's seed; raises as :func:`unseal`."""
    # The database holds a seed for every state in which one is asked for.
    return unseal(server.sealed_seed or b"", server, SEED)


def host_signing_key(key: HostKey) -> SigningKey:
    """Return the private half of a host key; raises as :func:`unseal`."""
    return SigningKey.from_bytes(sealer().open(key.sealed_private, key.certificate))
