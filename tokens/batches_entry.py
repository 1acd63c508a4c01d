"""One token of a batch: what every format brings, and the rules that it must keep."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from tokens.errors import BatchError, BatchProblem, SeedInvalidError, TokenError
from tokens.responses import compute
from tokens.suites import Suite, parse_suite

# 80 bits: less is guessed from one response.  RFC 4226 asks for 128.
MIN_SEED_OCTETS, MAX_SEED_OCTETS = 10, 128
MAX_COUNTER = 2**53 - 1
# As far as a clock may be off and still be found again by resynchronising.
MAX_DRIFT_SECONDS = 3600
SHOWN_SERIAL = 40

_SERIAL = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,15}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One token.

    Attributes:
        place: Line of a CSV file, or which key of a PSKC document it is, from 1.
        serial: Its serial.
        suite: Text of its suite.
        seed: Its seed.
        counter: Next counter; None for suites without one.
        drift: Time steps by which its clock is ahead.
        expires_at: When it ends, or None.
    """

    place: int
    serial: str
    suite: str
    seed: bytes = field(repr=False)
    counter: int | None = None
    drift: int = 0
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """One token that cannot be used.

    Attributes:
        place: As of an entry.
        serial: As it stands in the file, cut; empty for none.
        problem: Why.
        sentence: The same in words.
    """

    place: int
    serial: str
    problem: BatchProblem
    sentence: str

    @classmethod
    def of(cls, place: int, serial: str, error: BatchError) -> "Refused":
        """Name the token and say what is wrong with it."""
        return cls(place, serial[:SHOWN_SERIAL], error.problem, str(error))


def checked(entry: Entry, now: datetime) -> Entry:
    """Return an entry as it is stored, with its serial in capitals.

    Raises:
        BatchError: ``serial_missing``, ``serial_invalid``, ``suite_refused``, ``seed_refused``,
            ``counter_refused``, ``time_refused`` or ``expired``.
    """
    if not entry.serial:
        raise BatchError(BatchProblem.SERIAL_MISSING, "The token has no serial.")
    if _SERIAL.fullmatch(entry.serial) is None:
        raise BatchError(
            BatchProblem.SERIAL_INVALID,
            "A serial has 1 to 16 letters A to Z, digits, dots, hyphens or underscores.",
        )
    if entry.expires_at is not None and entry.expires_at <= now:
        raise BatchError(BatchProblem.EXPIRED, "The token has expired.")
    suite = _suite(entry.suite)
    _check_seed(suite, entry.seed)
    _check_drift(suite, entry.drift)
    counter = _counter(suite, entry.counter)
    return replace(entry, serial=entry.serial.upper(), suite=str(suite), counter=counter)


@lru_cache(maxsize=256)
def _suite(text: str) -> Suite:
    try:
        suite = parse_suite(text)
    except TokenError as error:
        raise BatchError(BatchProblem.SUITE_REFUSED, _sentence(error)) from error
    problem = suite.enrolment_problem()
    if problem is not None:
        raise BatchError(BatchProblem.SUITE_REFUSED, _sentence(problem))
    return suite


def _check_seed(suite: Suite, seed: bytes) -> None:
    if not MIN_SEED_OCTETS <= len(seed) <= MAX_SEED_OCTETS:
        raise BatchError(
            BatchProblem.SEED_REFUSED,
            f"The seed has {len(seed)} octets; {MIN_SEED_OCTETS} to {MAX_SEED_OCTETS} are taken.",
        )
    _try_length(suite, len(seed))


@lru_cache(maxsize=256)
def _try_length(suite: Suite, octets: int) -> None:
    """Compute with a seed of this length: nothing else of a seed matters."""
    question = "1" * suite.question_length if suite.has_question else None
    counter = 0 if suite.counter else None
    step = 0 if suite.time_step_seconds else None
    try:
        compute(suite, bytes(octets), question=question, counter=counter, time_step=step)
    except SeedInvalidError as error:
        raise BatchError(BatchProblem.SEED_REFUSED, _sentence(error)) from error
    except TokenError as error:
        # A suite with a PIN or session information: a statement gives neither.
        raise BatchError(BatchProblem.SUITE_REFUSED, _sentence(error)) from error


def _check_drift(suite: Suite, drift: int) -> None:
    if abs(drift) * (suite.time_step_seconds or 0) > MAX_DRIFT_SECONDS:
        raise BatchError(BatchProblem.TIME_REFUSED, "The token's clock is off by over an hour.")


def _counter(suite: Suite, counter: int | None) -> int | None:
    if not suite.counter:
        return None
    if not 0 <= (counter or 0) <= MAX_COUNTER:
        raise BatchError(BatchProblem.COUNTER_REFUSED, "The counter is out of bounds.")
    return counter or 0


def _sentence(text: object) -> str:
    words = str(text)
    return f"{words[:1].upper()}{words[1:]}."
