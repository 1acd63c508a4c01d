"""Bytes as a URL whose fragment is decimal digits, for QR codes (docs/protocol.md section 8)."""

import re
import zlib
from enum import Enum
from functools import lru_cache

from protocol.cbor import MAX_BYTES
from protocol.errors import ProtocolError
from protocol.text import ORIGIN

# Digits for a tail of k bytes: the shortest number of digits that holds 256^k - 1.
TAIL_DIGITS = {0: 0, 1: 3, 2: 5, 3: 8, 4: 10, 5: 13, 6: 15}
_TAIL_BYTES = {digits: size for size, digits in TAIL_DIGITS.items()}
GROUP_BYTES, GROUP_DIGITS = 7, 17
# A v25 symbol holds far less; longer text is refused before any arithmetic.
_MAX_DIGITS = (MAX_BYTES + 1) // GROUP_BYTES * GROUP_DIGITS + GROUP_DIGITS
_LINK = re.compile(rf"({ORIGIN})/([a-z])#([0-9]+)")


class Link(Enum):
    """What a link carries: its path, and the flag bytes for plain and deflated content."""

    RECEIPT = ("r", 0, 1)
    BUNDLE = ("t", 2, 3)
    ENROLMENT = ("e", 4, 5)
    PROVISION = ("p", 6, 7)
    OFFLINE = ("o", 8, 9)
    KEY = ("k", 10, 11)

    @property
    def path(self) -> str:
        """The one letter behind the origin."""
        return self.value[0]


def prefix(origin: str, link: Link) -> str:
    """Return the text in front of the digits."""
    return f"{origin}/{link.path}#"


def encode(origin: str, link: Link, content: bytes) -> str:
    r"""Return the text of a QR code: the prefix, and what :func:`pack` gives as digits.

    >>> encode("https://a.example", Link.RECEIPT, b"\x01\x02")
    'https://a.example/r#00000258'
    """
    return prefix(origin, link) + to_digits(pack(link, content))


# Asked for twice in a row: whether it fits, then for its text.
@lru_cache(maxsize=16)
def pack(link: Link, content: bytes) -> bytes:
    """Return a flag byte, and the content plain, or raw-deflated (RFC 1951) when shorter."""
    _, plain, deflated = link.value
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    short = compressor.compress(content) + compressor.flush()
    if len(short) < len(content):
        return bytes([deflated]) + short
    return bytes([plain]) + content


def decode(text: str, link: Link) -> tuple[str, bytes]:
    """Return the origin and the content of a QR code's text.

    Raises:
        ProtocolError: ``not_ours`` when the text is no such link, ``too_large``, or
            ``encoding_invalid``.
    """
    if len(text) > _MAX_DIGITS + 60:
        raise ProtocolError("too_large", "the text is longer than any of our codes")
    found = _LINK.fullmatch(text.strip())
    if not found or found[2] != link.path:
        raise ProtocolError("not_ours", "this is not the kind of code that is due here")
    data = _from_digits(found[3])
    _, plain, deflated = link.value
    if data[:1] == bytes([plain]):
        return found[1], data[1:]
    if data[:1] == bytes([deflated]):
        return found[1], _inflate(data[1:])
    raise ProtocolError("encoding_invalid", "the code's first byte is unknown")


def to_digits(data: bytes) -> str:
    """Write each 7 bytes as 17 decimal digits, big-endian; a tail of k as 3, 5, 8, 10, 13, 15."""
    groups = (data[start : start + GROUP_BYTES] for start in range(0, len(data), GROUP_BYTES))
    return "".join(
        str(int.from_bytes(group)).zfill(TAIL_DIGITS.get(len(group), GROUP_DIGITS))
        for group in groups
    )


def _from_digits(digits: str) -> bytes:
    """Read what :func:`to_digits` wrote, and only that."""
    out = bytearray()
    for start in range(0, len(digits), GROUP_DIGITS):
        group = digits[start : start + GROUP_DIGITS]
        size = _TAIL_BYTES.get(len(group)) if len(group) < GROUP_DIGITS else GROUP_BYTES
        number = int(group)
        if size is None or number >= 256**size:
            raise ProtocolError("encoding_invalid", "the digits are cut short or changed")
        out += number.to_bytes(size)
    return bytes(out)


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-15)
    try:
        content = inflater.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise ProtocolError("encoding_invalid", "the compressed content is damaged") from error
    if len(content) > MAX_BYTES:
        raise ProtocolError("too_large", f"more than {MAX_BYTES} bytes when unpacked")
    if not inflater.eof or inflater.unused_data:
        raise ProtocolError("encoding_invalid", "the compressed content is damaged")
    return content
