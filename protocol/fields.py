"""The checks that every message shares, on single fields."""

from enum import IntEnum, StrEnum
from typing import Any, TypeVar

from protocol.cbor import MAX_INT
from protocol.errors import ProtocolError

VERSION = 1
ID_BYTES = 8
DIGEST_BYTES = 32
NONCE_BYTES = 12
# The last second and day of the year 9999: what comes later, calendars cannot write.
MAX_TIME = 253_402_300_799
MAX_DAY = MAX_TIME // 86400

Member = TypeVar("Member", bound=IntEnum)
Word = TypeVar("Word", bound=StrEnum)


def check_uint(field: str, value: object, *, low: int = 0, high: int = MAX_INT) -> None:
    """Refuse anything but an integer from ``low`` to ``high``.

    Raises:
        ProtocolError: ``type_wrong`` or ``value_out_of_range``.
    """
    # bool is an int in Python and is not one here.
    if type(value) is not int:
        raise ProtocolError("type_wrong", f"{field} must be a whole number", field)
    if not low <= value <= high:
        raise ProtocolError("value_out_of_range", f"{field} is out of range", field)


def check_enum(field: str, value: object, kind: type[Member]) -> Member:
    """Return the member of an enumeration that a number stands for.

    Raises:
        ProtocolError: ``type_wrong`` or ``value_out_of_range``.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProtocolError("type_wrong", f"{field} must be a whole number", field)
    try:
        return kind(value)
    except ValueError as error:
        raise ProtocolError("value_out_of_range", f"{field} is unknown", field) from error


def check_word(field: str, value: object, kind: type[Word]) -> Word:
    """Return the member of an enumeration that a word stands for.

    Raises:
        ProtocolError: ``type_wrong`` or ``value_out_of_range``.
    """
    if not isinstance(value, str):
        raise ProtocolError("type_wrong", f"{field} must be text", field)
    try:
        return kind(value)
    except ValueError as error:
        raise ProtocolError("value_out_of_range", f"{field} is unknown", field) from error


def check_bytes(field: str, value: object, size: int) -> None:
    """Refuse anything but exactly ``size`` bytes.

    Raises:
        ProtocolError: ``type_wrong`` or ``value_out_of_range``.
    """
    if type(value) is not bytes:
        raise ProtocolError("type_wrong", f"{field} must be bytes", field)
    if len(value) != size:
        raise ProtocolError("value_out_of_range", f"{field} must have {size} bytes", field)


def check_list(field: str, value: object, low: int, high: int | None = None) -> list[Any]:
    """Return the value if it is a list of ``low`` to ``high`` (default ``low``) items.

    Raises:
        ProtocolError: ``type_wrong``.
    """
    if type(value) is not list or not low <= len(value) <= (low if high is None else high):
        raise ProtocolError("type_wrong", f"{field} has the wrong number of parts", field)
    return value


def check_map(
    field: str, value: object, allowed: int, *, required: tuple[int, ...]
) -> dict[int, Any]:
    """Return the value if it is a map with keys from 1 to ``allowed`` and no null.

    Raises:
        ProtocolError: ``type_wrong``, ``key_unknown`` or ``field_missing``.
    """
    if type(value) is not dict or None in value.values():
        raise ProtocolError("type_wrong", f"{field} must be a map without nulls", field)
    if not all(1 <= key <= allowed for key in value):
        raise ProtocolError("key_unknown", f"{field} holds an unknown key", field)
    if not all(key in value for key in required):
        raise ProtocolError("field_missing", f"{field} lacks a field", field)
    return value


def versioned(field: str, value: object, length: int, *, version: int = VERSION) -> list[Any]:
    """Return the parts behind the version of a message array of ``length`` parts.

    Raises:
        ProtocolError: ``type_wrong`` or ``version_unknown``.
    """
    if type(value) is list and value and value[0] != version:
        raise ProtocolError("version_unknown", f"this {field} has an unknown version", field)
    return check_list(field, value, length)[1:]
