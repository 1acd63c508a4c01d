"""Secrets at rest, each sealed to the server and the use it is for."""

from authserver.models import HostKey, Server
from authserver.services import datakeys
from protocol.ed25519 import SigningKey

SIGNING, SEED, POST, DIGITS = b"signing", b"seed", b"post", b"digits"


def seal(secret: bytes, server: Server, use: bytes) -> bytes:
    """Seal a secret so that it opens only for this server, and for this use.

    A new row gets the current data key by it; so call it in the transaction that stores the row.

    Raises:
        AuthserverError: ``not_ready`` before ``init``.
        KeyProviderError: the data key cannot be had.
    """
    if server.data_key_id is None:
        server.data_key = datakeys.current()  # type: ignore[unreachable]  # a row not stored yet
    return datakeys.sealer(server.data_key_id).seal(secret, server.vk_bytes + use)


def unseal(sealed: bytes, server: Server, use: bytes) -> bytes:
    """Return a server's secret.

    Raises:
        ProtocolError: ``sealed_invalid`` when the row was moved, changed, or sealed under
            another data key than it names.
        KeyProviderError: the data key cannot be had.
    """
    return datakeys.sealer(server.data_key_id).open(sealed, server.vk_bytes + use)


def server_key(server: Server) -> SigningKey:
    """Return the key with which a server signs a verdict; raises as :func:`unseal`.

    For a statement that is addressed to a former key, that is the former one.
    """
    former = server.former_key
    if former is None:
        return SigningKey.from_bytes(unseal(server.sealed_key, server, SIGNING))
    context = bytes.fromhex(former.vk) + SIGNING
    opened = datakeys.sealer(server.data_key_id).open(former.sealed_key, context)
    return SigningKey.from_bytes(opened)


def seed_of(server: Server) -> bytes:
    """Return the token's seed; raises as :func:`unseal`."""
    # The database holds a seed for every state in which one is asked for.
    return unseal(server.sealed_seed or b"", server, SEED)


def seal_host_key(secret: SigningKey, key: HostKey) -> None:
    """Seal the private half of a new host key into its row, which holds the certificate."""
    key.data_key = datakeys.current()
    key.sealed_private = datakeys.sealer(key.data_key_id).seal(secret.to_bytes(), key.certificate)


def host_signing_key(key: HostKey) -> SigningKey:
    """Return the private half of a host key; raises as :func:`unseal`."""
    sealed = datakeys.sealer(key.data_key_id).open(key.sealed_private, key.certificate)
    return SigningKey.from_bytes(sealed)
