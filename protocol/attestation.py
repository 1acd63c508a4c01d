"""What a maker's service is asked to vouch for: docs/application-billing.md, attestation."""

import hashlib

from protocol.cbor import encode

_LABEL = "cs-attestation"


def challenge_digest(*, package: bytes, terminal: bytes, nonce: bytes) -> bytes:
    """Return what the maker's word is bound to: this package, this terminal, this one time.

    It is SHA-256 over the CBOR array ``["cs-attestation", package, terminal, nonce]``.

    Args:
        package: Public id, 4 bytes.
        terminal: The terminal's id in billing requests, 8 bytes.
        nonce: A number that the platform gave this terminal, 8 bytes.

    >>> challenge_digest(package=b"pack", terminal=b"terminal", nonce=b"12345678").hex()[:16]
    '3b70e89a1377e07e'
    """
    return hashlib.sha256(encode([_LABEL, package, terminal, nonce])).digest()
