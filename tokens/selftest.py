"""Check this package against files of known answers.

A file is a JSON object with ``algorithm`` and a list of rows, ``vectors`` or ``cases``.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tokens import ocra
from tokens.errors import SuiteInvalidError, TokenError, VectorFileError
from tokens.suite import OCRASuite

Row = Mapping[str, object]
Check = Callable[[Row], str | None]
T = TypeVar("T")

# What a row's "status" begins with when the standard decides it.
SETTLED_STATUSES = ("certain", "grammar of RFC")


@dataclass(frozen=True, slots=True)
class Summary:
    """How many rows agreed; which did not, and which were not checked, one line each."""

    passed: int
    failed: tuple[str, ...]
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        """Return ``N passed, M failed``, and the number skipped if there are any.

        >>> str(Summary(passed=2, failed=(), skipped=("row 3: unsettled",)))
        '2 passed, 0 failed, 1 skipped'
        """
        counts = f"{self.passed} passed, {len(self.failed)} failed"
        return f"{counts}, {len(self.skipped)} skipped" if self.skipped else counts


def run(paths: Iterable[Path]) -> Summary:
    """Check every row of these files.

    Rows that the standard leaves open are skipped: those with an ``ambiguity``, those whose
    ``status`` does not begin as ``SETTLED_STATUSES``, and all rows of a file with a ``warning``.

    Args:
        paths: JSON files, UTF-8.

    Raises:
        VectorFileError: a file cannot be read, is of an unknown algorithm or has no rows, or a
            row that should be checked lacks a field or has one of the wrong type.
    """
    passed = 0
    failed: list[str] = []
    skipped: list[str] = []
    for path in paths:
        document, check, rows = _read(path)
        for number, row in enumerate(rows, start=1):
            place = f"{path.name}: {row.get('id') or row.get('suite') or f'row {number}'}"
            if (reason := _open_question(document, row)) is not None:
                skipped.append(f"{place}: {reason}")
            elif (problem := _check_row(check, row, place)) is not None:
                failed.append(f"{place}: {problem}")
            else:
                passed += 1
    return Summary(passed=passed, failed=tuple(failed), skipped=tuple(skipped))


def _read(path: Path) -> tuple[Row, Check, list[Row]]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise VectorFileError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise VectorFileError(f"{path}: is not JSON") from error
    if not isinstance(document, dict):
        raise VectorFileError(f"{path}: is not a file of known answers")
    check = CHECKS.get(str(document.get("algorithm")))
    if check is None:
        raise VectorFileError(f"{path}: algorithm {document.get('algorithm')!r} is not known here")
    rows = document.get("vectors", document.get("cases"))
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise VectorFileError(f"{path}: has no list of rows, 'vectors' or 'cases'")
    return document, check, rows


def _open_question(document: Row, row: Row) -> str | None:
    if reason := row.get("ambiguity") or document.get("warning"):
        return str(reason)
    status = str(row.get("status", SETTLED_STATUSES[0]))
    return None if status.startswith(SETTLED_STATUSES) else status


def _check_row(check: Check, row: Row, place: str) -> str | None:
    try:
        return check(row)
    except VectorFileError as error:
        raise VectorFileError(f"{place}: {error}") from error
    except TokenError as error:
        return str(error)


def _check_ocra(row: Row) -> str | None:
    computed = ocra.compute(
        OCRASuite.parse(_field(row, "suite", str)),
        _octets(row, "key_hex"),
        question=_field(row, "question", str),
        counter=_optional_field(row, "counter", int),
        pin=_optional_field(row, "pin", str),
        session=None if row.get("session_info_hex") is None else _octets(row, "session_info_hex"),
        time_step=_optional_field(row, "timestamp_steps", int),
    )
    expected = _field(row, "expected", str)
    return None if computed == expected else f"computed {computed}, expected {expected}"


def _check_suite(row: Row) -> str | None:
    text = _field(row, "suite", str)
    valid = _field(row, "valid", bool)
    try:
        printed = str(OCRASuite.parse(text))
    except SuiteInvalidError as error:
        return f"refused: {error}" if valid else None
    if not valid:
        return "should have been refused"
    return None if printed == text else f"printed as {printed}"


def _field(row: Row, name: str, kind: type[T]) -> T:
    value = row.get(name)
    # type(), not isinstance(): true is no number here.
    if type(value) is not kind:
        raise VectorFileError(f"needs the field {name!r}, of type {kind.__name__}")
    return value


def _optional_field(row: Row, name: str, kind: type[T]) -> T | None:
    return None if row.get(name) is None else _field(row, name, kind)


def _octets(row: Row, name: str) -> bytes:
    try:
        return bytes.fromhex(_field(row, name, str))
    except ValueError as error:
        raise VectorFileError(f"the field {name!r} is not hexadecimal") from error


# By the file's "algorithm".  A check says what is wrong with a row, or returns None.
CHECKS: Mapping[str, Check] = {
    "OCRA (RFC 6287)": _check_ocra,
    "OCRASuite parsing": _check_suite,
}
