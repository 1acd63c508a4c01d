"""What backs the two results of a billing request (docs/protocol.md section 17)."""

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol import cbor
from protocol.application import EVIDENCE_BYTES, BillingRequest
from protocol.errors import ProtocolError
from protocol.fields import DIGEST_BYTES

SAMPLES, SAMPLE_BYTES = 4, 64
_EVIDENCE_DOMAIN = b"cs/billing/evidence/v1"
_SAMPLE_DOMAIN = b"cs/billing/sample/v1"
_NOTHING = bytes(DIGEST_BYTES)


def sample_ranges(nonce: bytes, size: int) -> list[tuple[int, int]]:
    """Return which parts of the measured files a request has to show: (offset, length) of four.

    Nobody knows them before the nonce; they may overlap.

    Args:
        nonce: Of the request.
        size: Of all measured files, one behind the other, in bytes.
    """
    length = min(SAMPLE_BYTES, size)
    drawn = hashlib.sha256(_SAMPLE_DOMAIN + nonce).digest()
    starts = (int.from_bytes(drawn[at : at + 8]) for at in range(0, 8 * SAMPLES, 8))
    return [(start % (size - length + 1), length) for start in starts]


def evidence(
    key: bytes,
    request: BillingRequest,
    *,
    first_key: bytes | None,
    root: bytes | None,
    sample: bytes | None,
) -> bytes:
    """Return what backs the two results of a request: 16 bytes.

    HMAC-SHA-256(key, nonce ‖ SHA-256(first key) ‖ root ‖ SHA-256(sample) ‖ SHA-256(the other
    fields)), cut.  What a result of "no" does not back is zeros, so that whoever knows the right
    values can recompute it for every claim.

    Args:
        key: Of :func:`evidence_key`.
        request: Its own evidence does not matter.
        first_key: The package's, as found; not needed when the key does not match.
        root: Merkle root of the measured files; not needed when the files do not match.
        sample: The bytes at :func:`sample_ranges`, one behind the other; likewise.

    Raises:
        ProtocolError: ``type_wrong``: what a result of "yes" needs is missing.
    """
    shown_key = _digest(first_key) if request.key_matches else _NOTHING
    shown_root = _bytes(root) if request.files_match else _NOTHING
    shown_sample = _digest(sample) if request.files_match else _NOTHING
    others = _digest(cbor.encode(request.fields))
    content = request.nonce + shown_key + shown_root + shown_sample + others
    return hmac.digest(key, content, "sha256")[:EVIDENCE_BYTES]


def evidence_key(shared: bytes, share: bytes, thumbprint: bytes) -> bytes:
    """Derive the key of a terminal's evidence, 32 bytes.

    Args:
        shared: X25519 of the device's box key and the platform's share.
        share: The platform's public key, which is drawn for this terminal.
        thumbprint: Of the device's key.

    Source:
        RFC 5869.
    """
    info = _EVIDENCE_DOMAIN + share + thumbprint
    return HKDF(SHA256(), DIGEST_BYTES, salt=None, info=info).derive(shared)


def _bytes(value: bytes | None) -> bytes:
    if value is None:
        raise ProtocolError("type_wrong", "a result without what backs it")
    return value


def _digest(value: bytes | None) -> bytes:
    return hashlib.sha256(_bytes(value)).digest()
