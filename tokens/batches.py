"""Batches of tokens: read a file in whatever format it comes, token by token."""

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tokens import batches_csv
from tokens.batches_csv import Lines
from tokens.batches_entry import Entry, Refused, checked
from tokens.errors import BatchError, BatchProblem
from tokens.pskc import read_keys
from tokens.pskc_profiles import entry_of
from tokens.pskc_xml import Readable


class Format(StrEnum):
    """The formats that are read."""

    PSKC = "pskc"
    OATH_CSV = "oath-csv"
    YUBICO_CSV = "yubico-csv"


class Source(Readable, Lines, Protocol):
    """A file, as ``open(…, "rb")`` gives it."""

    def peek(self, size: int = 0, /) -> bytes:
        """Return some octets, and leave them there."""
        ...


def read_batch(
    stream: Source,
    form: Format,
    *,
    now: datetime,
    key: bytes | None = None,
    password: str | None = None,
) -> Iterator[Entry | Refused]:
    """Read a file token by token, in bounded memory.

    Args:
        stream: The file.
        form: Its format.
        now: Current time.
        key: The pre-shared key of a sealed PSKC document.
        password: The password of a sealed PSKC document.

    Raises:
        BatchError: the file as a whole is refused; what came before that point was yielded.
    """
    if form is Format.PSKC:
        found = _of_pskc(stream, now, key, password)
    else:
        reader = _CSV[form]
        found = reader(stream)
    for entry in found:
        yield _judged(entry, now)


_CSV: dict[Format, Callable[[Lines], Iterator[Entry | Refused]]] = {
    Format.OATH_CSV: batches_csv.read_oath,
    Format.YUBICO_CSV: batches_csv.read_yubico,
}


def format_of(stream: Source) -> Format:
    """Find out the format of a file by how it begins; nothing is read away.

    Raises:
        BatchError: ``format_unknown``.
    """
    head = stream.peek(4096)[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"<"):
        return Format.PSKC
    if b"\0" in head or b"," not in head:
        raise BatchError(
            BatchProblem.FORMAT_UNKNOWN, "This is neither PSKC nor CSV in UTF-8 with commas."
        )
    return Format.YUBICO_CSV if batches_csv.is_yubico(head) else Format.OATH_CSV


def _of_pskc(
    stream: Readable, now: datetime, key: bytes | None, password: str | None
) -> Iterator[Entry | Refused]:
    for found in read_keys(stream, key=key, password=password):
        try:
            yield entry_of(found, now)
        except BatchError as error:
            yield Refused.of(found.place, found.serial or found.id, error)


def _judged(entry: Entry | Refused, now: datetime) -> Entry | Refused:
    if isinstance(entry, Refused):
        return entry
    try:
        return checked(entry, now)
    except BatchError as error:
        return Refused.of(entry.place, entry.serial, error)
