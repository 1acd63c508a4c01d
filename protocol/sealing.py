"""Secrets at rest: AES-256-GCM under a key-encryption key, bound to the row they belong to."""

import base64
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol.errors import ProtocolError

KEK_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True, repr=False)
class Sealer:
    """Seals and opens with key-encryption keys of 32 bytes; one is the ordinary case.

    Attributes:
        kek: Seals.
        older: Open as well.  The last makes keyed hashes, which stay: what they are of is not
            stored, and cannot be hashed anew.
    """

    kek: bytes
    older: tuple[bytes, ...] = ()

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """Read a key-encryption key as settings hold it.

        Raises:
            ProtocolError: ``key_invalid``; the text is not shown.
        """
        try:
            kek = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise ProtocolError("key_invalid", "the key-encryption key is not base64") from error
        if len(kek) != KEK_BYTES:
            raise ProtocolError("key_invalid", f"a key-encryption key has {KEK_BYTES} bytes")
        return cls(kek)

    @classmethod
    def from_base64_list(cls, text: str) -> Self:
        """Read key-encryption keys with commas between them, the newest first.

        Raises:
            ProtocolError: ``key_invalid``, also where one is there twice; no key is shown.
        """
        kek, *older = (cls.from_base64(part.strip()).kek for part in text.split(","))
        if len({kek, *older}) <= len(older):
            raise ProtocolError("key_invalid", "a key-encryption key is there twice")
        return cls(kek, tuple(older))

    def seal(self, secret: bytes, context: bytes) -> bytes:
        """Return nonce (12 bytes) ‖ ciphertext and tag; it opens only with the same context."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.kek).encrypt(nonce, secret, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return the secret.

        Raises:
            ProtocolError: ``sealed_invalid``: other key, other row, or damaged.
        """
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for kek in (self.kek, *self.older):
            with suppress(InvalidTag, ValueError):
                return AESGCM(kek).decrypt(nonce, content, context)
        raise ProtocolError("sealed_invalid", "a sealed secret does not open")

    def keyed_hash(self, label: str, content: bytes) -> bytes:
        """Return a 32-byte keyed hash, useless to whoever has only the database."""
        return keyed_hash((self.kek, *self.older)[-1], label, content)


def keyed_hash(secret: bytes, label: str, content: bytes) -> bytes:
    """Return a 32-byte hash that nobody can compute or check without the secret."""
    key = hmac.digest(secret, b"countersign/" + label.encode(), "sha256")
    return hmac.digest(key, content, "sha256")
