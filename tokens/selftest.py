"""Check this package against files of known answers.

A file is a JSON object with ``algorithm`` and a list of rows, ``vectors`` or ``cases``.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tokens import ocra, responses
from tokens.errors import SeedInvalidError, SuiteInvalidError, TokenError, VectorFileError
from tokens.suite import OCRASuite
from tokens.suites import parse_suite

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

    Rows that the standard leaves open are skipped: those with an ``ambiguity`` or a
    ``cnpack_reading``, those whose ``status`` does not begin as ``SETTLED_STATUSES``, and all rows
    of a file with a ``warning``.

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
    if other := row.get("cnpack_reading"):
        return f"another implementation computes {other}"
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
    return _compare(row, computed)


def _check_gmt0021(row: Row) -> str | None:
    return _compare(row, _compute_gmt0021(row))


def _check_unsettled(row: Row) -> str | None:
    try:
        computed = _compute_gmt0021(row)
    except (SuiteInvalidError, SeedInvalidError):
        return None
    return f"computed {computed}, and should have been refused"


def _compute_gmt0021(row: Row) -> str:
    counter = _optional_field(row, "counter", int)
    question = _optional_field(row, "challenge", str)
    time_step = _optional_field(row, "T", int)
    parts = (
        (time_step, f"T{_field(row, 'interval_seconds', int)}"),
        (counter, "C"),
        (question, f"Q{len(question or '')}"),
    )
    data_input = "-".join(part for given, part in parts if given is not None)
    function, digits = _field(row, "function", str), _field(row, "digits", int)
    return responses.compute(
        parse_suite(f"GMT0021:{function}-{digits}:{data_input}"),
        _octets(row, "key_hex"),
        question=question,
        counter=counter,
        time_step=time_step,
    )


def _check_hotp(row: Row) -> str | None:
    suite = parse_suite(f"HOTP:{_field(row, 'hash', str)}-{_field(row, 'digits', int)}")
    counter = _field(row, "counter", int)
    return _compare(row, responses.compute(suite, _octets(row, "key_hex"), counter=counter))


def _check_totp(row: Row) -> str | None:
    seconds = _field(row, "timestep_seconds", int)
    name = f"TOTP:{_field(row, 'hash', str)}-{_field(row, 'digits', int)}:T{seconds}"
    time_step = _field(row, "unix_time", int) // max(seconds, 1)
    return _compare(
        row, responses.compute(parse_suite(name), _octets(row, "key_hex"), time_step=time_step)
    )


def _check_hotp_or_totp(row: Row) -> str | None:
    return (_check_hotp if _field(row, "algorithm", str) == "HOTP" else _check_totp)(row)


def _compare(row: Row, computed: str) -> str | None:
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
    "GM/T 0021-2012": _check_gmt0021,
    "GM/T 0021-2012 dynamic password (same text as GB/T 38556-2020 as far as seen)": (
        _check_gmt0021
    ),
    "GM/T 0021 SM4 with more than one 16-byte block of key or ID": _check_unsettled,
    "HOTP (RFC 4226)": _check_hotp,
    "TOTP (RFC 6238)": _check_totp,
    "HOTP/TOTP": _check_hotp_or_totp,
}
