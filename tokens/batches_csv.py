"""Read CSV files of tokens: OATH's usual columns, and what Yubico's tools write."""

import csv
import re
from collections.abc import Callable, Iterator
from typing import Protocol

from tokens.batches_entry import Entry, Refused
from tokens.errors import BatchError, BatchProblem

MAX_LINE = 4096
OATH_COLUMNS = ("serial", "seed", "type", "digits", "step", "hash", "counter")
DEFAULT_DIGITS, DEFAULT_STEP = "6", "30"
# Kinds of Yubico's older files.
_YUBICO_KINDS = ("yubico otp", "oath-hotp", "static password", "challenge-response")
_YUBICO_LOG = "logging start"
_YUBICO_MIN_COLUMNS = 6
_NUMBER = re.compile(r"[0-9]{1,16}")

Row = list[str]


class Lines(Protocol):
    """Lines of octets from anywhere."""

    def readline(self, size: int = -1, /) -> bytes:
        """Return the next line, or at most so many octets of it; none at the end."""
        ...


def read_oath(stream: Lines) -> Iterator[Entry | Refused]:
    """Read ``serial,seed[,type[,digits or suite[,step[,hash[,counter]]]]]``.

    Left out: HOTP, 6 digits, 30 seconds, SHA1, counter 0.  The seed is hexadecimal; ``type`` is
    HOTP, TOTP, OCRA or GMT0021, and of the latter two the fourth column is the suite.  A first
    line may name the columns.

    Raises:
        BatchError: ``row_invalid`` when a line never ends.
    """
    is_first = True
    for place, line in _lines(stream):
        if is_first and line.lower().startswith(b"serial"):
            is_first = False
            continue
        is_first = False
        yield _read(place, line, _oath)


def read_yubico(stream: Lines) -> Iterator[Entry | Refused]:
    """Read the log of Yubico's Personalization Tool, in either of its two forms.

    ``serial,public id,private id,key,lock code,time``: OATH-HOTP where the private id is 0; the
    digits are not said, and 6.  ``kind,time,slot,public id,private id,key,…``: with the digits in
    the twelfth column, and the public id for a serial.  Other kinds than OATH-HOTP are refused.

    Raises:
        BatchError: ``row_invalid`` when a line never ends.
    """
    for place, line in _lines(stream):
        if not line.lower().startswith(_YUBICO_LOG.encode()):
            yield _read(place, line, _yubico)


def is_yubico(head: bytes) -> bool:
    """Tell by its first line whether a CSV file is one of Yubico's tools."""
    row = head.decode("utf-8", "replace").splitlines()[0].split(",")
    first = row[0].strip().lower()
    if first in (_YUBICO_LOG, *_YUBICO_KINDS):
        return True
    # In OATH's own files the second column is a seed.
    return first.isdigit() and len(row) >= _YUBICO_MIN_COLUMNS and len(row[3].strip()) >= 32


def _lines(stream: Lines) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that say something, with their numbers."""
    lines = iter(lambda: stream.readline(MAX_LINE + 1), b"")
    for place, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise BatchError(BatchProblem.ROW_INVALID, f"Line {place} is far too long.")
        told = (line.removeprefix(b"\xef\xbb\xbf") if place == 1 else line).strip()
        if told and not told.startswith(b"#"):
            yield place, told


def _read(place: int, line: bytes, reader: Callable[[int, Row], Entry]) -> Entry | Refused:
    serial = ""
    try:
        row = _columns(line)
        serial = row[0]
        return reader(place, row)
    except BatchError as error:
        return Refused.of(place, serial, error)


def _columns(line: bytes) -> Row:
    try:
        row = next(csv.reader([line.decode("utf-8")], strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise BatchError(BatchProblem.ROW_INVALID, "The line is not CSV in UTF-8.") from error
    return [value.strip() for value in row]


def _oath(place: int, row: Row) -> Entry:
    if not 2 <= len(row) <= len(OATH_COLUMNS):
        raise BatchError(
            BatchProblem.ROW_INVALID, f"The columns are {', '.join(OATH_COLUMNS)}; two are needed."
        )
    given = dict(zip(OATH_COLUMNS, row, strict=False))
    return Entry(
        place=place,
        serial=given["serial"],
        suite=_oath_suite(given),
        seed=_seed(given["seed"]),
        counter=_number(given.get("counter") or "0", "counter"),
    )


def _oath_suite(given: dict[str, str]) -> str:
    kind = (given.get("type") or "HOTP").upper()
    algorithm = (given.get("hash") or "SHA1").upper()
    digits = given.get("digits") or DEFAULT_DIGITS
    step = given.get("step", "")
    if kind == "TOTP":
        return f"TOTP:{algorithm}-{digits}:T{step or DEFAULT_STEP}"
    if kind not in ("HOTP", "OCRA", "GMT0021"):
        raise BatchError(BatchProblem.KIND_UNSUPPORTED, "The type is not one that is known here.")
    if step or (kind != "HOTP" and given.get("hash")):
        raise BatchError(BatchProblem.ROW_INVALID, f"{kind} takes no step or hash of its own.")
    return f"HOTP:{algorithm}-{digits}" if kind == "HOTP" else given.get("digits", "")


def _yubico(place: int, row: Row) -> Entry:
    if len(row) < _YUBICO_MIN_COLUMNS:
        raise BatchError(BatchProblem.ROW_INVALID, "The line has too few columns.")
    if row[0].isdigit():
        serial, is_oath, seed, digits = row[0], row[2] == "0" and not row[1], row[3], ""
    else:
        serial, is_oath, seed = row[3], row[0].lower() == "oath-hotp", row[5]
        digits = row[11] if len(row) > 11 else ""
    if not is_oath:
        raise BatchError(
            BatchProblem.KIND_UNSUPPORTED, "The key is not set to OATH-HOTP without an id."
        )
    return Entry(
        place=place,
        serial=serial,
        suite=f"HOTP:SHA1-{digits or DEFAULT_DIGITS}",
        seed=_seed(seed),
        counter=0,
    )


def _seed(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        # Without its cause: that would show a part of the seed.
        raise BatchError(BatchProblem.VALUE_INVALID, "The seed is not hexadecimal.") from None


def _number(text: str, name: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise BatchError(BatchProblem.VALUE_INVALID, f"The {name} is not a whole number.")
    return int(text)
