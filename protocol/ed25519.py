"""Ed25519 with the checks that libraries leave to the caller (RFC 8032 section 5.1.7)."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from protocol.errors import ProtocolError

KEY_BYTES = 32
SIGNATURE_BYTES = 64
KID_BYTES = 8

_FIELD = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
# The y coordinates of the eight points of small order.
_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})


def key_id(public_key: bytes) -> bytes:
    """Return the first 8 bytes of SHA-256 of a raw public key: its ``kid``, or a server's ``vk``.

    It looks a key up; it is never trusted alone.
    """
    return hashlib.sha256(public_key).digest()[:KID_BYTES]


def is_usable_key(public_key: bytes) -> bool:
    """Tell whether 32 bytes may be a public key that proves anything: not of small order."""
    return len(public_key) == KEY_BYTES and _is_usable_point(public_key)


def is_valid_signature(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Check one signature; malformed keys and signatures are invalid, never an exception."""
    if len(signature) != SIGNATURE_BYTES or not is_usable_key(public_key):
        return False
    if not _is_usable_point(signature[:32]):
        return False
    if int.from_bytes(signature[32:], "little") >= _ORDER:
        return False
    try:
        _loaded(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=1024)
def _loaded(public_key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public_key)


def _is_usable_point(point: bytes) -> bool:
    # The top bit is the sign of x.  RFC 8032 section 5.1.3: y must lie in the field.
    y = int.from_bytes(point, "little") & (2**255 - 1)
    return y < _FIELD and y not in _SMALL_ORDER_Y


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key with its public half; neither repr nor error shows the secret."""

    private: Ed25519PrivateKey
    public: bytes
    kid: bytes

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the operating system's randomness."""
        return cls._of(Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, secret: bytes) -> Self:
        """Load a key from its 32 raw bytes (RFC 8032 section 5.1.5).

        Raises:
            ProtocolError: ``key_invalid``.
        """
        if len(secret) != KEY_BYTES:
            raise ProtocolError("key_invalid", f"a signing key has {KEY_BYTES} bytes")
        return cls._of(Ed25519PrivateKey.from_private_bytes(secret))

    @classmethod
    def _of(cls, private: Ed25519PrivateKey) -> Self:
        public = private.public_key().public_bytes_raw()
        return cls(private=private, public=public, kid=key_id(public))

    def to_bytes(self) -> bytes:
        """Return the 32 secret bytes, for sealing only."""
        return self.private.private_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of a message."""
        return self.private.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey({self.kid.hex()})"
