"""Ed25519 keys as JSON Web Keys (RFC 8037), and their thumbprints (RFC 7638)."""

import base64
import hashlib

from protocol.ed25519 import KEY_BYTES, is_usable_key
from protocol.errors import ProtocolError

_FIXED = {"kty": "OKP", "crv": "Ed25519"}


def to_base64(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64(text: str) -> bytes:
    """Read base64url without padding, in its one spelling.

    Raises:
        ProtocolError: ``encoding_invalid``; the text is not shown.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise ProtocolError("encoding_invalid", "this is no base64url") from error
    if to_base64(data) != text:
        raise ProtocolError("encoding_invalid", "this is no base64url")
    return data


def to_jwk(public_key: bytes) -> dict[str, str]:
    """Return a public key as JWK."""
    return {**_FIXED, "x": to_base64(public_key)}


def from_jwk(value: object) -> bytes:
    """Return the 32 bytes of a JWK that holds an Ed25519 public key and nothing else.

    Raises:
        ProtocolError: ``key_invalid``; so for one with its private half, too.
    """
    match value:
        case {"kty": "OKP", "crv": "Ed25519", "x": str(x), **rest} if not rest:
            key = from_base64(x)
        case _:
            raise ProtocolError("key_invalid", "an Ed25519 public key is due here")
    if len(key) != KEY_BYTES or not is_usable_key(key):
        raise ProtocolError("key_invalid", "the key is none, or of small order")
    return key


def thumbprint(public_key: bytes) -> bytes:
    """Return the SHA-256 thumbprint of a key, 32 bytes.

    >>> public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    >>> to_base64(thumbprint(bytes.fromhex(public)))  # RFC 8037 appendix A.3
    'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
    """
    # The members in the order of their names, and no space.
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{to_base64(public_key)}"}}'
    return hashlib.sha256(jwk.encode()).digest()
