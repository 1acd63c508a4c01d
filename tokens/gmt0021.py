"""Tokens to GM/T 0021-2012: SM3 and SM4; `cryptography` does hash and cipher.

Of the standard only what all readings of it agree on is computed.  The rest is refused:

- SM4 where key or input have more than one block of 16 octets: four public implementations give
  four different responses (tests/vectors/gmt0021_sm4_multiblock_unsettled.json);
- the edition of 2023: neither its text nor known answers of it are public.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tokens.errors import QuestionInvalidError, SeedInvalidError, SuiteInvalidError
from tokens.fields import check_presence, number_field
from tokens.suite import MIN_ENROLLED_QUESTION_LENGTH, SEED_OCTETS, SHORT_QUESTION

MIN_SEED_OCTETS = 16
BLOCK_OCTETS = 16
TIME_OCTETS, COUNTER_OCTETS = 8, 4
MAX_TIME_STEP_SECONDS = 60
MIN_QUESTION_LENGTH, STATEMENT_QUESTION_LENGTH = 4, 64

NEWER_EDITION = (
    "GM/T 0021-2023 is not supported: neither its text nor known answers of it are public;"
    " GMT0021: names the edition of 2012"
)
MORE_BLOCKS = (
    "SM4 over more than one block of 16 octets is refused: GM/T 0021-2012 does not settle it,"
    " and implementations give different responses"
)

_SUITE = re.compile(
    r"GMT0021:(?P<function>SM3|SM4)-(?P<digits>[6-9]):"
    r"(?=[TCQ])(?:T(?P<step>[1-9][0-9]?))?"
    r"(?:(?:(?<=:)|-)(?P<counter>C))?"
    r"(?:(?:(?<=:)|-)Q(?P<length>[4-9]|[1-5][0-9]|6[0-4]))?"
)


class Function(StrEnum):
    """What turns key and input into a response."""

    SM3 = "SM3"
    SM4 = "SM4"


@dataclass(frozen=True, slots=True)
class GMT0021Suite:
    """One suite of GM/T 0021-2012, such as ``GMT0021:SM3-8:T60-Q64``; the names are ours.

    Attributes:
        function: SM3 or SM4.
        digits: Length of a response, 6 to 9.
        time_step_seconds: Length of a time step (``T``), 1 to 60, or None for no time.
        counter: Whether a counter is hashed (``C``).
        question_length: Exact length of the question (``Q``), 4 to 64 characters; 0 for none.
    """

    function: Function
    digits: int
    time_step_seconds: int | None = None
    counter: bool = False
    question_length: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a suite.

        Raises:
            SuiteInvalidError: ``text`` is none, or means what the standard does not settle.

        >>> GMT0021Suite.parse("GMT0021:SM4-8:T60-Q8").question_length
        8
        """
        if text.startswith("GMT0021-2023:"):
            raise SuiteInvalidError(NEWER_EDITION)
        fields = _SUITE.fullmatch(text)
        step = int(fields["step"] or 0) if fields else 0
        if fields is None or step > MAX_TIME_STEP_SECONDS:
            raise SuiteInvalidError(
                "a suite of GM/T 0021 is GMT0021:SM3-t:input or GMT0021:SM4-t:input, with t = 6 to"
                " 9 and an input of Tn, C and Qn in this order and with hyphens between, at least"
                " one of them; time steps of 1 to 60 seconds, questions of 4 to 64 characters"
            )
        suite = cls(
            function=Function(fields["function"]),
            digits=int(fields["digits"]),
            time_step_seconds=step or None,
            counter=fields["counter"] is not None,
            question_length=int(fields["length"] or 0),
        )
        if suite.function is Function.SM4 and suite._input_octets > BLOCK_OCTETS:
            raise SuiteInvalidError(MORE_BLOCKS)
        return suite

    def __str__(self) -> str:
        """Return the text that ``parse`` reads back."""
        parts = (
            (self.time_step_seconds is not None, f"T{self.time_step_seconds}"),
            (self.counter, "C"),
            (self.has_question, f"Q{self.question_length}"),
        )
        data_input = "-".join(part for used, part in parts if used)
        return f"GMT0021:{self.function}-{self.digits}:{data_input}"

    @property
    def seed_octets(self) -> int:
        """Length of a seed that is made for this suite."""
        return BLOCK_OCTETS if self.function is Function.SM4 else SEED_OCTETS

    @property
    def has_question(self) -> bool:
        """Whether it answers a question, which is bound to a statement."""
        return self.question_length > 0

    @property
    def sight(self) -> int:
        """What the holder saw (docs/protocol.md section 3).

        Returns:
            2 where the question is the whole digest of the statement, so that the token scanned
            the statement and showed it; 1 where the holder typed the question; 0 without one.
        """
        if self.question_length == STATEMENT_QUESTION_LENGTH:
            return 2
        return 1 if self.has_question else 0

    @property
    def is_weak_hash(self) -> bool:
        """Whether the suite rests on a broken hash function: no."""
        return False

    def enrolment_problem(self) -> str | None:
        """Say why a token with this suite may not be enrolled, or return None."""
        if self.has_question and self.question_length < MIN_ENROLLED_QUESTION_LENGTH:
            return SHORT_QUESTION
        return None

    @property
    def _input_octets(self) -> int:
        time = TIME_OCTETS if self.time_step_seconds else 0
        return time + (COUNTER_OCTETS if self.counter else 0) + self.question_length


def compute(
    suite: GMT0021Suite,
    seed: bytes,
    *,
    question: str | None = None,
    counter: int | None = None,
    time_step: int | None = None,
) -> str:
    """Compute a token's response.

    Args:
        suite: What is hashed, and how.
        seed: The shared secret K: at least 16 octets; for SM4 exactly 16.
        question: See ``data_input``, as for all further arguments.
        counter: 0 to 2^32-1.
        time_step: Whole time steps since 1970-01-01T00:00Z.

    Returns:
        ``suite.digits`` ASCII digits.

    Raises:
        SeedInvalidError: the seed is too short, or SM4 would need more than one block for it.
        QuestionInvalidError: the question does not fit the suite.
        DataInputError: another input is missing, superfluous or out of range.

    Source:
        GM/T 0021-2012 section 6: S = F(K, ID), OD = the sum of the 32-bit words of S modulo
        2^32, P = OD modulo 10^N.

    >>> seed = bytes.fromhex("1234567890abcdefabcdef1234567890")
    >>> suite = GMT0021Suite.parse("GMT0021:SM3-6:T1-C-Q4")
    >>> compute(suite, seed, question="3698", counter=5621, time_step=1313998995)
    '959691'
    """
    message = data_input(suite, question=question, counter=counter, time_step=time_step)
    if len(seed) < MIN_SEED_OCTETS:
        raise SeedInvalidError(f"the seed has {len(seed)} octets; GM/T 0021 wants 16 or more")
    output = _sm3(seed + message) if suite.function is Function.SM3 else _sm4(seed, message)
    words = (int.from_bytes(output[at : at + 4]) for at in range(0, len(output), 4))
    return f"{sum(words) % 2**32 % 10**suite.digits:0{suite.digits}}"


def data_input(
    suite: GMT0021Suite,
    *,
    question: str | None = None,
    counter: int | None = None,
    time_step: int | None = None,
) -> bytes:
    """Lay out ID, the octets that are hashed or encrypted.

    ===== ============ ========================================================================
    field octets       content
    ===== ============ ========================================================================
    T     0 or 8       time steps since 1970-01-01T00:00Z, unsigned, big-endian
    C     0 or 4       counter, unsigned, big-endian
    Q     its length   the question, ASCII
    zeros as needed    up to 16 octets in all
    ===== ============ ========================================================================

    What a suite does not name is left out, not filled with zeros.

    Args:
        suite: Says which fields there are.  Each of them must be given, and no other may be.
        question: Exactly ``question_length`` characters: printable ASCII without spaces.
        counter: 0 to 2^32-1.
        time_step: 0 to 2^64-1.

    Raises:
        QuestionInvalidError: the question does not fit the suite.
        DataInputError: another input is missing, superfluous or out of range.
    """
    fields = (
        number_field("time step", time_step, used=suite.time_step_seconds is not None),
        number_field("counter", counter, used=suite.counter, octets=COUNTER_OCTETS),
        _question_field(suite, question),
    )
    return b"".join(fields).ljust(BLOCK_OCTETS, b"\0")


def _question_field(suite: GMT0021Suite, question: str | None) -> bytes:
    check_presence("question", used=suite.has_question, given=question is not None)
    if question is None:
        return b""
    if len(question) != suite.question_length:
        raise QuestionInvalidError(
            f"the question has {len(question)} characters, the suite says {suite.question_length}"
        )
    if re.fullmatch(r"[!-~]+", question) is None:
        raise QuestionInvalidError("the question must be printable ASCII without spaces")
    return question.encode("ascii")


def _sm3(message: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(message)
    return digest.finalize()


def _sm4(seed: bytes, message: bytes) -> bytes:
    if len(seed) != BLOCK_OCTETS:
        raise SeedInvalidError(MORE_BLOCKS)
    # One block, so that no mode of operation is in play.
    encryptor = Cipher(algorithms.SM4(seed), modes.ECB()).encryptor()  # noqa: S305
    return encryptor.update(message) + encryptor.finalize()
