"""Bytes in JSON: base64url without padding (RFC 4648 section 5)."""

from protocol.errors import ProtocolError
from protocol.jwk import from_base64
from protocol.jwk import to_base64 as encode

__all__ = ["decode", "encode"]


def decode(text: str) -> bytes:
    """Read what :func:`encode` wrote, and only that.

    Raises:
        ValueError: anything else, other alphabets and padding included.
    """
    try:
        return from_base64(text)
    except ProtocolError as error:
        raise ValueError("not base64url without padding") from error
