"""Sealing to a key: HPKE in base mode (RFC 9180), the one suite of the project."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from protocol.errors import ProtocolError

BOX_KEY_BYTES = 32
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def seal(content: bytes, box_key: bytes, info: bytes) -> bytes:
    """Seal content to a raw X25519 key; it opens only with the same ``info``.

    Raises:
        ProtocolError: ``key_invalid`` for bytes that are no key (RFC 7748 section 6.1).
    """
    try:
        return _SUITE.encrypt(content, X25519PublicKey.from_public_bytes(box_key), info=info)
    except ValueError as error:
        raise ProtocolError("key_invalid", "nothing can be sealed to this key") from error


def unseal(sealed: bytes, key: X25519PrivateKey, info: bytes) -> bytes:
    """Return the content.

    Raises:
        ProtocolError: ``sealed_invalid``: another key, another ``info``, or damaged.
    """
    try:
        return _SUITE.decrypt(sealed, key, info=info)
    except (InvalidTag, ValueError) as error:
        raise ProtocolError("sealed_invalid", "sealed content does not open") from error
