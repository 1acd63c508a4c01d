"""Bodies of requests: JSON objects whose fields have exactly the expected names and types."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from django.http import HttpRequest

from authserver import base64url
from authserver.errors import AuthserverError, Code
from protocol.cbor import MAX_INT


@dataclass(frozen=True, slots=True, repr=False)
class Body:
    """The fields of one request; each reader refuses what is not of its type."""

    fields: dict[str, Any]

    @classmethod
    def read(
        cls, request: HttpRequest, required: Sequence[str] = (), optional: Sequence[str] = ()
    ) -> "Body":
        """Read the body; an empty one is an object without fields.

        Raises:
            AuthserverError: ``json_invalid``, or ``input_invalid`` when a field is missing,
                unknown or given twice.
        """
        return cls.of(_parse(request.body or b"{}"), required, optional)

    @classmethod
    def of(
        cls, fields: dict[str, Any], required: Sequence[str], optional: Sequence[str] = ()
    ) -> "Body":
        """Take an object that has exactly these fields; raises ``input_invalid`` otherwise."""
        missing = [name for name in required if name not in fields]
        unknown = fields.keys() - {*required, *optional}
        if missing or unknown:
            raise _invalid(f"The fields are {', '.join([*required, *optional]) or 'none'}.")
        return cls(fields)

    def has(self, name: str) -> bool:
        """Whether an optional field is given; ``null`` counts as not given."""
        return self.fields.get(name) is not None

    def text(self, name: str) -> str:
        """Return a field that holds text."""
        value = self.fields.get(name)
        if type(value) is not str:
            raise _invalid(f"{name} must be text.")
        try:
            value.encode()
        except UnicodeEncodeError:
            # JSON can name half a character (\ud800); no encoding can.
            raise _invalid(f"{name} holds half a character.") from None
        if "\0" in value:
            # PostgreSQL takes none, and no text has a use for it.
            raise _invalid(f"{name} holds a zero byte.")
        return value

    def binary(self, name: str, size: int | None = None) -> bytes:
        """Return a field that holds bytes as base64url, of exactly this many where given."""
        try:
            value = base64url.decode(self.text(name))
        except ValueError as error:
            raise _invalid(f"{name} must be base64url without padding.") from error
        if size is not None and len(value) != size:
            raise _invalid(f"{name} must have {size} bytes.")
        return value

    def integer(self, name: str) -> int:
        """Return a field that holds a whole number from 0 to 2^53-1."""
        value = self.fields.get(name)
        if type(value) is not int or not 0 <= value <= MAX_INT:
            raise _invalid(f"{name} must be a whole number from 0.")
        return value

    def integers(self, name: str) -> list[int]:
        """Return a field that holds a list of such numbers."""
        values = self.fields.get(name)
        if type(values) is not list:
            raise _invalid(f"{name} must be a list.")
        return [Body({name: value}).integer(name) for value in values]

    def objects(
        self, name: str, count: int, required: Sequence[str], optional: Sequence[str] = ()
    ) -> list["Body"]:
        """Return a field that holds a list of so many objects with these fields."""
        values = self.fields.get(name)
        if type(values) is not list or len(values) != count:
            raise _invalid(f"{name} must be a list of {count}.")
        return [Body({name: value}).object(name, required, optional) for value in values]

    def object(self, name: str, required: Sequence[str], optional: Sequence[str] = ()) -> "Body":
        """Return a field that holds an object with these fields."""
        value = self.fields.get(name)
        if type(value) is not dict:
            raise _invalid(f"{name} must hold objects.")
        return Body.of(value, required, optional)

    def binaries(self, name: str, most: int, size: int) -> list[bytes]:
        """Return a field that holds a list of at most so many bytes, each of this size."""
        values = self.fields.get(name)
        if type(values) is not list or len(values) > most:
            raise _invalid(f"{name} must be a list of at most {most}.")
        return [Body({name: value}).binary(name, size) for value in values]


def number_in_query(request: HttpRequest, name: str, *, default: int, high: int) -> int:
    """Return a whole number from the query, from 0 to ``high``.

    Raises:
        AuthserverError: ``input_invalid``.
    """
    text = request.GET.get(name, str(default))
    # Length first: Python refuses to read numbers of thousands of digits.
    if len(text) > len(str(high)) or not (text.isascii() and text.isdigit()) or int(text) > high:
        raise _invalid(f"{name} must be a whole number from 0 to {high}.")
    return int(text)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        # Strictly UTF-8: json.loads would guess UTF-16 and UTF-32 from bytes.
        value = json.loads(
            body.decode(), object_pairs_hook=_without_duplicates, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise AuthserverError(Code.JSON_INVALID) from error
    if type(value) is not dict:
        raise AuthserverError(Code.JSON_INVALID)
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _invalid(detail: str) -> AuthserverError:
    return AuthserverError(Code.INPUT_INVALID, detail)
