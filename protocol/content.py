"""Files of resources (.csres), encrypted by segments, and their content keys (section 15).

Segments are the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, 2015): a file that is cut short,
reordered or put together from two does not decrypt.  Reader and writer hold one segment at a time.
"""

import hashlib
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol import cbor, hpke
from protocol.billing import RNONCE_BYTES
from protocol.errors import ProtocolError
from protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    check_bytes,
    check_map,
    check_uint,
    check_word,
)
from protocol.text import check_ascii, check_origin, check_text

MAGIC = b"CSRES1\n"
CONTENT_KEY_BYTES = 32
SEGMENT_BYTES = 65_536
MAX_SEGMENT_BYTES = 2**20
PREFIX_BYTES = 7
_TAG_BYTES = 16
_MAX_SEGMENTS = 2**32
_FIELDS = 10


class Kind(StrEnum):
    """What a resource is."""

    APP = "app"
    PICTURE = "picture"
    MUSIC = "music"
    THEME = "theme"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Header:
    """What the file says of itself, in clear: a map with keys 1 to 10 in this order.

    Attributes:
        resource: Public id of the resource, 8 bytes.
        version: Number of its version, from 1.
        kind: What it is.
        title: Its title when it was packed.
        media_type: Of the content, such as ``audio/ogg``.
        filename: Of the content, without a folder.
        platform: Origin of the platform that sells it.
        size: Bytes of the content.
        segment: Bytes of every segment but the last.
        prefix: First 7 bytes of every nonce, random.
    """

    resource: bytes
    version: int
    kind: Kind
    title: str
    media_type: str
    filename: str
    platform: str
    size: int
    segment: int = SEGMENT_BYTES
    prefix: bytes = field(default_factory=lambda: secrets.token_bytes(PREFIX_BYTES))

    def __post_init__(self) -> None:
        check_bytes("resource", self.resource, ID_BYTES)
        check_uint("version", self.version, low=1, high=2**32 - 1)
        object.__setattr__(self, "kind", check_word("kind", self.kind, Kind))
        check_text("title", self.title, 320)
        check_ascii("media type", self.media_type, 80)
        check_text("filename", self.filename, 480)
        # It may become a name on somebody's disk.
        if self.filename.startswith(".") or set(self.filename) & {"/", "\\"}:
            raise ProtocolError("text_refused", "a filename names no folder", "filename")
        check_origin("platform origin", self.platform)
        check_uint("segment", self.segment, low=1, high=MAX_SEGMENT_BYTES)
        check_uint("size", self.size, high=self.segment * _MAX_SEGMENTS)
        check_bytes("prefix", self.prefix, PREFIX_BYTES)

    @property
    def segments(self) -> int:
        """How many segments follow the header; an empty file has one."""
        return max(1, -(-self.size // self.segment))

    def to_cbor(self) -> dict[int, object]:
        """Return the map that stands in the file."""
        return {
            1: self.resource,
            2: self.version,
            3: str(self.kind),
            4: self.title,
            5: self.media_type,
            6: self.filename,
            7: self.platform,
            8: self.segment,
            9: self.size,
            10: self.prefix,
        }

    @classmethod
    def from_cbor(cls, value: object) -> Self:
        """Read the map; errors as the constructor and :func:`check_map`."""
        required = tuple(range(1, _FIELDS + 1))
        found = check_map("header", value, _FIELDS, required=required)
        return cls(*(found[key] for key in (1, 2, 3, 4, 5, 6, 7, 9, 8, 10)))


def encrypt_file(content: BinaryIO, header: Header, key: bytes) -> Iterator[bytes]:
    """Yield the encrypted file, piece by piece.

    Args:
        content: Stands at the beginning of exactly ``header.size`` bytes.
        header: What the file says of itself; a fresh one for every file, since it holds the
            nonces' prefix.
        key: The content key, 32 random bytes that encrypt nothing else.

    Raises:
        ProtocolError: ``size_wrong`` when the content is shorter or longer than announced.
    """
    data = cbor.encode(header.to_cbor())
    yield MAGIC + struct.pack(">I", len(data)) + data
    cipher, bound = AESGCM(key), hashlib.sha256(data).digest()
    for size, nonce in _segments(header):
        yield cipher.encrypt(nonce, _read(content, size), bound)
    _check_end(content)


def open_file(file: BinaryIO) -> Header:
    """Read the header of an encrypted file; nothing in it is proved before :func:`decrypt`.

    Raises:
        ProtocolError: ``content_invalid`` for another kind of file, or whatever rule it breaks.
    """
    return Header.from_cbor(cbor.decode(_header_of(file)))


def decrypt(file: BinaryIO, key: bytes) -> Iterator[bytes]:
    """Yield the content, segment by segment, from the beginning of the file.

    A segment is genuine when it is yielded; that the file ends where it should is known only
    when the iterator does: whoever keeps what came before an error deletes it.

    Raises:
        ProtocolError: as :func:`open_file`; ``content_invalid`` for another key or any change;
            ``size_wrong`` when it ends too early or goes on.
    """
    data = _header_of(file)
    header = Header.from_cbor(cbor.decode(data))
    cipher, bound = AESGCM(key), hashlib.sha256(data).digest()
    for size, nonce in _segments(header):
        segment = _read(file, size + _TAG_BYTES)
        try:
            yield cipher.decrypt(nonce, segment, bound)
        except InvalidTag as error:
            raise ProtocolError("content_invalid", "the file was changed") from error
    _check_end(file)


@dataclass(frozen=True, slots=True)
class Release:
    """For whom a content key is sealed: for one request of one copy on one device.

    Attributes:
        resource: Public id of the resource, 8 bytes.
        version: Number of its version.
        device: Thumbprint of the device's key, 32 bytes.
        rnonce: What the copy drew for this one request, 16 bytes.
    """

    resource: bytes
    version: int
    device: bytes
    rnonce: bytes

    def __post_init__(self) -> None:
        check_bytes("resource", self.resource, ID_BYTES)
        check_uint("version", self.version, low=1, high=2**32 - 1)
        check_bytes("device", self.device, DIGEST_BYTES)
        check_bytes("rnonce", self.rnonce, RNONCE_BYTES)

    def seal(self, key: bytes, box_key: bytes) -> bytes:
        """Return the content key, sealed to the device's box key.

        Raises:
            ProtocolError: ``key_invalid``.
        """
        return hpke.seal(key, box_key, self._info())

    def open(self, sealed: bytes, box_key: X25519PrivateKey) -> bytes:
        """Return the content key.

        Raises:
            ProtocolError: ``sealed_invalid``: another device, or another request.
        """
        return hpke.unseal(sealed, box_key, self._info())

    def _info(self) -> bytes:
        # Every part has a fixed length, so no two releases share their bytes.
        number = struct.pack(">I", self.version)
        return b"countersign/content/1" + self.resource + number + self.device + self.rnonce


def _segments(header: Header) -> Iterator[tuple[int, bytes]]:
    # The size and the nonce of every segment: prefix ‖ index, 4 bytes ‖ 1 for the last, else 0.
    last = header.segments - 1
    for index in range(header.segments):
        size = header.size - last * header.segment if index == last else header.segment
        yield size, header.prefix + struct.pack(">IB", index, index == last)


def _header_of(file: BinaryIO) -> bytes:
    if _read(file, len(MAGIC)) != MAGIC:
        raise ProtocolError("content_invalid", "this is no file of a resource")
    (size,) = struct.unpack(">I", _read(file, 4))
    if size > cbor.MAX_BYTES:
        raise ProtocolError("too_large", f"{size} bytes; {cbor.MAX_BYTES} are allowed")
    return _read(file, size)


def _read(file: BinaryIO, size: int) -> bytes:
    # A reader of a pipe may give less than was asked before the end.
    parts = []
    missing = size
    while missing and (part := file.read(missing)):
        parts.append(part)
        missing -= len(part)
    if missing:
        raise ProtocolError("size_wrong", "the file ends too early")
    return b"".join(parts)


def _check_end(file: BinaryIO) -> None:
    if file.read(1):
        raise ProtocolError("size_wrong", "the file goes on after its end")
