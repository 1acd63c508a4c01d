"""Parse and print the suites of RFC 6287: which algorithm, how many digits, what is hashed."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from tokens.errors import SuiteInvalidError

SEED_OCTETS = 32
MIN_ENROLLED_DIGITS = 6
MAX_ENROLLED_DIGITS = 9
MIN_ENROLLED_QUESTION_LENGTH = 8
SHORT_QUESTION = "questions have fewer than 8 characters"

_FUNCTION = re.compile(r"HOTP-(SHA1|SHA256|SHA512)-(0|[4-9]|10)")
_DATA_INPUT = re.compile(
    r"(?P<counter>C-)?"
    r"Q(?P<format>[NAH])(?P<length>0?[4-9]|[1-5][0-9]|6[0-4])"
    r"(?:-P(?P<pin>SHA1|SHA256|SHA512))?"
    r"(?:-S(?!000)(?P<session>[0-9]{3}))?"
    # Erratum 3729 (verified): hours are 1 to 48; the 0 of RFC 6287 table 3 is a misprint.
    r"(?:-T(?P<step>(?:[1-9]|[1-5][0-9])[SM]|(?:[1-9]|[1-3][0-9]|4[0-8])H))?"
)
_UNIT_SECONDS = {"S": 1, "M": 60, "H": 3600}


class Hash(StrEnum):
    """A hash function, by the name ``hashlib`` knows it by."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"


class QuestionFormat(StrEnum):
    """How a question is written, by its letter in the suite."""

    NUMERIC = "N"
    ALPHANUMERIC = "A"
    HEXADECIMAL = "H"


@dataclass(frozen=True, slots=True)
class OCRASuite:
    """One OCRA suite, such as ``OCRA-1:HOTP-SHA256-8:QH64-T1M``; made by ``parse``.

    Attributes:
        hash: Hash function of the HMAC.
        digits: Length of a response, 4 to 10; 0 is the whole HMAC.
        counter: Whether a counter is hashed (``C``).
        question_format: How the question is written (``QN``, ``QA``, ``QH``).
        question_length: Greatest length of one party's question, 4 to 64 characters.
        pin_hash: Hash function applied to the PIN (``P``), or None for no PIN.
        session_length: Octets of session information (``S``), 1 to 999, or None.
        time_step_seconds: Length of a time step (``T``), or None for no time.
        one_digit_length: Whether the question length is written ``QH8``, as RFC 6287 section 6.4
            does once, and not ``QH08``.  The text itself is hashed, so these are two suites.

    Source:
        RFC 6287 sections 6.1 to 6.3, with erratum 3729.
    """

    hash: Hash
    digits: int
    counter: bool
    question_format: QuestionFormat
    question_length: int
    pin_hash: Hash | None = None
    session_length: int | None = None
    time_step_seconds: int | None = None
    one_digit_length: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a suite; case, order and number of digits must be those of the RFC.

        The bare letters ``Q``, ``P``, ``S`` and ``T`` are refused: the RFC describes defaults, but
        not whether they may be left out of the text that both sides hash.

        Raises:
            SuiteInvalidError: ``text`` is no suite; the message says which part is wrong.

        >>> OCRASuite.parse("OCRA-1:HOTP-SHA256-8:QH64-T1M").time_step_seconds
        60
        """
        parts = text.split(":")
        if len(parts) != 3 or parts[0] != "OCRA-1":
            raise SuiteInvalidError(
                "a suite has three parts: OCRA-1, a function and a data input, with colons between"
            )
        function = _FUNCTION.fullmatch(parts[1])
        if function is None:
            raise SuiteInvalidError(
                "the function of a suite is HOTP-SHA1-t, HOTP-SHA256-t or HOTP-SHA512-t,"
                " with t = 0 or 4 to 10"
            )
        data = _DATA_INPUT.fullmatch(parts[2])
        if data is None:
            raise SuiteInvalidError(
                "the data input of a suite is [C-]Qfnn[-Phash][-Snnn][-Tn]: f = N, A or H; nn = 04"
                " to 64; a time step of 1-59S, 1-59M or 1-48H"
            )
        pin, session, step = data.group("pin", "session", "step")
        return cls(
            hash=Hash(function[1].lower()),
            digits=int(function[2]),
            counter=data["counter"] is not None,
            question_format=QuestionFormat(data["format"]),
            question_length=int(data["length"]),
            pin_hash=Hash(pin.lower()) if pin else None,
            session_length=int(session) if session else None,
            time_step_seconds=int(step[:-1]) * _UNIT_SECONDS[step[-1]] if step else None,
            one_digit_length=len(data["length"]) == 1,
        )

    def __str__(self) -> str:
        """Return the text that ``parse`` reads back, character by character."""
        width = 1 if self.one_digit_length else 2
        data_input = ["C"] if self.counter else []
        data_input.append(f"Q{self.question_format}{self.question_length:0{width}}")
        if self.pin_hash is not None:
            data_input.append(f"P{self.pin_hash.upper()}")
        if self.session_length is not None:
            data_input.append(f"S{self.session_length:03}")
        if self.time_step_seconds is not None:
            data_input.append(f"T{_print_step(self.time_step_seconds)}")
        return f"OCRA-1:HOTP-{self.hash.upper()}-{self.digits}:{'-'.join(data_input)}"

    @property
    def seed_octets(self) -> int:
        """Length of a seed that is made for this suite."""
        return SEED_OCTETS

    @property
    def has_question(self) -> bool:
        """Whether it answers a question, which is bound to a statement: always."""
        return True

    @property
    def sight(self) -> int:
        """What the holder saw (docs/protocol.md section 3).

        Returns:
            2 where the question is the whole digest of the statement, so that the token scanned
            the statement and showed it; 1 otherwise, where the holder typed the question.
        """
        return 2 if self._is_hexadecimal and self.question_length == 64 else 1

    @property
    def is_weak_hash(self) -> bool:
        """Whether the suite rests on SHA-1: still accepted, but shown to the operator."""
        return self.hash is Hash.SHA1

    @property
    def has_statement_question(self) -> bool:
        """Whether a statement's digest gives a question: any QN, and QH of even length.

        An odd number of hexadecimal digits is no whole number of octets, and the RFC does not say
        how to pad it; letters and digits (QA) have no derivation in docs/protocol.md section 4.
        """
        if self._is_hexadecimal:
            return self.question_length % 2 == 0
        return self.question_format is QuestionFormat.NUMERIC

    def enrolment_problem(self) -> str | None:
        """Say why a token with this suite may not be enrolled, or return None.

        A refused suite still computes (``tokens.ocra.compute``).
        """
        rules = (
            (self.digits == 0, "the suite does not shorten its response: 0 digits"),
            (self.digits < MIN_ENROLLED_DIGITS, "responses have fewer than 6 digits"),
            (
                self.digits > MAX_ENROLLED_DIGITS,
                "responses have 10 digits: the first is 0, 1 or 2",
            ),
            (self.question_length < MIN_ENROLLED_QUESTION_LENGTH, SHORT_QUESTION),
            (not self.has_statement_question, "no question of this form comes from a statement"),
        )
        return next((sentence for broken, sentence in rules if broken), None)

    @property
    def _is_hexadecimal(self) -> bool:
        return self.question_format is QuestionFormat.HEXADECIMAL


def _print_step(seconds: int) -> str:
    # The ranges of the units do not overlap, so that every length has one way to be written.
    if seconds < 60:
        return f"{seconds}S"
    return f"{seconds // 60}M" if seconds < 3600 else f"{seconds // 3600}H"
