"""Which text may be signed: UTF-8 in NFC, visible, and short enough never to be cut."""

import json
import re
import sys
import unicodedata
from pathlib import Path

from protocol.errors import ProtocolError

# Pinned to one Unicode version, so that every language and every year judges alike.
# NFC of characters assigned in that version never changes (Unicode stability policy).
# The browser reads the same file.
_TABLE = json.loads((Path(__file__).parent / "tables" / "unicode14.json").read_text("ascii"))
_IS_REFUSED = bytearray(sys.maxunicode + 1)
for _low, _high in _TABLE["refused"]:
    _IS_REFUSED[_low : _high + 1] = b"\x01" * (_high + 1 - _low)

# As a pattern: scheme, host and port in lower case and nothing behind; 40 bytes at most.
ORIGIN = r"(?:https://[a-z0-9.\-\[\]:]{1,32}|http://[a-z0-9.\-\[\]:]{1,33})"


def normalise(text: str) -> str:
    """Return text as it is signed: NFC, without white space around it."""
    return unicodedata.normalize("NFC", text.strip())


def length(text: str) -> int:
    """Return the length that counts: bytes of UTF-8."""
    # Lone surrogates have no UTF-8; they are counted here, and refused where text is checked.
    return len(text.encode(errors="surrogatepass"))


def check_text(field: str, text: object, cap: int) -> None:
    """Refuse text that may not be signed.

    Args:
        field: Name for the message, such as ``remark``.
        text: What was given.
        cap: Longest permitted UTF-8 length in bytes.

    Raises:
        ProtocolError: ``type_wrong``, ``text_empty``, ``text_refused`` or ``text_too_long``;
            the last one says how long the text is.
    """
    if type(text) is not str:
        raise ProtocolError("type_wrong", f"{field} must be text", field)
    if not text:
        raise ProtocolError("text_empty", f"{field} is empty", field)
    size = length(text)
    if size > cap:
        raise ProtocolError(
            "text_too_long", f"{field} is {size} bytes long; {cap} are allowed", field, size - cap
        )
    for code_point in map(ord, text):
        if _IS_REFUSED[code_point]:
            raise ProtocolError(
                "text_refused", f"{field} holds U+{code_point:04X}, which is not allowed", field
            )
    if not unicodedata.is_normalized("NFC", text):
        raise ProtocolError("text_refused", f"{field} is not in Unicode form NFC", field)


def check_ascii(field: str, text: object, cap: int) -> None:
    """Refuse anything but printable ASCII within ``cap`` bytes; errors as :func:`check_text`."""
    check_text(field, text, cap)
    if not str(text).isascii():
        raise ProtocolError("text_refused", f"{field} must be plain ASCII", field)


def check_origin(field: str, text: object) -> None:
    """Refuse anything but the origin of a web address, as it stands in QR texts.

    Raises:
        ProtocolError: as :func:`check_text`.
    """
    check_ascii(field, text, 40)
    if not re.fullmatch(ORIGIN, str(text)):
        raise ProtocolError(
            "text_refused", f"{field} must be like https://example.com, in lower case", field
        )
