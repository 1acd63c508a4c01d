"""Bytes in JSON: base64url without padding (RFC 4648 section 5)."""

import base64
import binascii
import re

_FORM = re.compile(r"[A-Za-z0-9_-]*")


def encode(data: bytes) -> str:
    r"""Write bytes.

    >>> encode(b"\xff\xfe")
    '__4'
    """
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Read what :func:`encode` wrote, and only that.

    Raises:
        ValueError: anything else, other alphabets and padding included.
    """
    if _FORM.fullmatch(text) is None:
        raise ValueError("not base64url without padding")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url without padding") from error
    # The last character may hold bits that no byte uses: one value must not have two texts.
    if encode(data) != text:
        raise ValueError("not base64url without padding")
    return data
