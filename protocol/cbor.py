"""Deterministic CBOR (RFC 8949 section 4.2.1), strict in both directions."""

from collections.abc import Callable
from typing import Any, NoReturn

import cbor2

from protocol.errors import ProtocolError

# docs/protocol.md section 1: bounds that hold before anything is built from the bytes.
MAX_BYTES = 4096
MAX_DEPTH = 6
MAX_INT = 2**53 - 1


def encode(value: object) -> bytes:
    """Return the one deterministic encoding of a value.

    Args:
        value: Integers within ±(2^53-1), text, byte strings, ``None``, lists, and maps whose
            keys are integers from 0.

    Raises:
        ProtocolError: ``value_out_of_range``, ``type_wrong``, or ``text_refused`` for text that
            has no UTF-8.

    >>> encode([1, {3: "b", 1: b"a"}, None]).hex()
    '8301a2014161036162f6'
    """
    try:
        return cbor2.dumps(_ordered(value))
    except UnicodeEncodeError as error:
        raise ProtocolError("text_refused", "the text is not valid Unicode") from error


def decode(data: bytes, *, max_bytes: int = MAX_BYTES) -> Any:  # checked by whoever reads it
    """Return what the bytes hold, if they are its deterministic encoding.

    Raises:
        ProtocolError: ``too_large``, or ``encoding_invalid`` for anything that is not
            exactly what :func:`encode` writes.
    """
    check_size(data, max_bytes)
    try:
        value = cbor2.loads(
            data, max_depth=MAX_DEPTH, allow_indefinite=False, semantic_decoders=NO_TAGS
        )
        again = encode(value)
    except (cbor2.CBORDecodeError, ProtocolError) as error:
        raise ProtocolError("encoding_invalid", "not deterministic CBOR") from error
    # Duplicate or unsorted keys, long heads and trailing bytes all show as a difference.
    if again != data:
        raise ProtocolError("encoding_invalid", "not deterministic CBOR")
    return value


def check_size(data: bytes, max_bytes: int) -> None:
    """Refuse more bytes than any reader takes.

    Raises:
        ProtocolError: ``too_large``.
    """
    if len(data) > max_bytes:
        raise ProtocolError("too_large", f"{len(data)} bytes; {max_bytes} are allowed")


def _ordered(value: object) -> object:
    # The exact type: bool is an int in Python, and no subclass has a place here.
    if type(value) is int:
        if not -MAX_INT <= value <= MAX_INT:
            raise ProtocolError("value_out_of_range", "an integer exceeds 2^53-1")
        return value
    if value is None or type(value) is str or type(value) is bytes:
        return value
    if type(value) is list or type(value) is tuple:
        return [_ordered(item) for item in value]
    if type(value) is dict and all(type(key) is int and key >= 0 for key in value):
        # Of such keys the bytewise order of RFC 8949 is the order of the numbers.
        return {_ordered(key): _ordered(value[key]) for key in sorted(value)}
    raise ProtocolError("type_wrong", f"{type(value).__name__} has no place in a message")


class _NoTags(dict[int, Callable[..., NoReturn]]):
    """Decoders for every tag there is, and each refuses.

    Left to the library, 400 bytes of references (tags 28 and 29) unfold into gigabytes.
    """

    def __missing__(self, tag: int) -> Callable[..., NoReturn]:
        return _refuse_tag


def _refuse_tag(*_: object) -> NoReturn:
    raise ProtocolError("encoding_invalid", "tags have no place in a message")


NO_TAGS = _NoTags()
