"""The octets of an SMS: alphabets, and long texts in parts (3GPP TS 23.038 and 23.040).

An SMS centre takes the default alphabet one character an octet, and packs it by itself.
"""

import itertools
import secrets
from dataclasses import dataclass

# The default alphabet and its extension: 3GPP TS 23.038, 6.2.1 and 6.2.1.1.
_ESCAPE = 0x1B
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_OCTETS = {
    **{character: bytes([code]) for code, character in enumerate(_BASIC) if code != _ESCAPE},
    **{character: bytes([_ESCAPE, code]) for code, character in _EXTENDED.items()},
}
# data_coding of SMPP 3.4, 5.2.19.
GSM, ASCII, LATIN_1, UCS_2 = 0, 1, 3, 8
_CODECS = {ASCII: "ascii", LATIN_1: "latin-1", UCS_2: "utf-16-be"}
# Octets of a short message alone, and beside the six octets of the header of a long one's part.
_ALONE = {GSM: 160, UCS_2: 140}
_IN_PART = {GSM: 153, UCS_2: 134}
MAX_PARTS = 10
# Elements of a user data header that place a part: 3GPP TS 23.040, 9.2.3.24.1 and .8.
_PLACE_8, _PLACE_16 = 0x00, 0x08
# Any two long messages to one phone have different references, as long as that is possible.
_references = itertools.count(secrets.randbelow(256))


class UnreadableError(ValueError):
    """These octets are no text that we read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part belongs: in which message (its reference), and there as which of how many."""

    reference: int
    total: int
    index: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text as an SMS centre takes it; where ``is_split``, each part begins with a header."""

    coding: int
    parts: tuple[bytes, ...]

    @property
    def is_split(self) -> bool:
        """Whether there are several parts."""
        return len(self.parts) > 1


def encode(text: str) -> Encoded:
    """Return a text in the default alphabet if that has all of its characters, else in UCS-2.

    Raises:
        UnreadableError: it takes more than ten parts, or holds half a character.
    """
    coding, characters = _characters(text)
    whole = b"".join(characters)
    if len(whole) <= _ALONE[coding]:
        return Encoded(coding, (whole,))
    bodies = _pack(characters, _IN_PART[coding])
    if len(bodies) > MAX_PARTS:
        raise UnreadableError("the text is too long")
    header = bytes([5, _PLACE_8, 3, next(_references) % 256, len(bodies)])
    return Encoded(
        coding,
        tuple(header + bytes([index]) + body for index, body in enumerate(bodies, start=1)),
    )


def decode(data: bytes, coding: int) -> str:
    """Return the text of a whole message.

    Raises:
        UnreadableError: octets that no character has, or an alphabet that is not of text.
    """
    try:
        if coding == GSM:
            return _decode_gsm(data)
        return data.decode(_CODECS[coding])
    except (KeyError, IndexError, UnicodeDecodeError) as error:
        raise UnreadableError("not a text") from error


def read_header(data: bytes) -> tuple[Place | None, bytes]:
    """Take the user data header off a part; return its place, where it has one, and the rest.

    Raises:
        UnreadableError: the header does not hold together.
    """
    end = 1 + data[0] if data else 0
    header, body = data[1:end], data[end:]
    if not 0 < end <= len(data):
        raise UnreadableError("the header is cut off")
    place = None
    while header:
        if len(header) < 2 or len(header) < 2 + header[1]:
            raise UnreadableError("the header is cut off")
        element, value, header = header[0], header[2 : 2 + header[1]], header[2 + header[1] :]
        place = _place(element, value) or place
    return place, body


def _place(element: int, value: bytes) -> Place | None:
    if (element, len(value)) not in ((_PLACE_8, 3), (_PLACE_16, 4)):
        return None
    return Place(int.from_bytes(value[:-2], "big"), value[-2], value[-1])


def _characters(text: str) -> tuple[int, list[bytes]]:
    """Return the alphabet, and the octets of each character."""
    try:
        return GSM, [_OCTETS[character] for character in text]
    except KeyError:
        pass
    try:
        return UCS_2, [character.encode("utf-16-be") for character in text]
    except UnicodeEncodeError as error:
        raise UnreadableError("half a character") from error


def _pack(characters: list[bytes], most: int) -> list[bytes]:
    """Fill parts, and tear no character apart."""
    parts = [b""]
    for character in characters:
        if len(parts[-1]) + len(character) > most:
            parts.append(b"")
        parts[-1] += character
    return parts


def _decode_gsm(data: bytes) -> str:
    text, octets = "", iter(data)
    for octet in octets:
        if octet == _ESCAPE:
            # An extension nobody knows shows as what it stands on: 3GPP TS 23.038, 6.2.1.1.
            code = next(octets, 0x20)
            text += _EXTENDED.get(code) or _BASIC[code]
        else:
            text += _BASIC[octet]
    return text
