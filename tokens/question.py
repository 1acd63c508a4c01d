"""Derive the question that a token answers from the digest of a statement."""

import re
import secrets
from typing import overload

from tokens.errors import QuestionInvalidError
from tokens.gmt0021 import STATEMENT_QUESTION_LENGTH, GMT0021Suite
from tokens.suite import OCRASuite, QuestionFormat
from tokens.suites import Suite

DIGEST_OCTETS = 32


@overload
def question_for(suite: OCRASuite, digest: bytes) -> str: ...
@overload
def question_for(suite: Suite, digest: bytes) -> str | None: ...
def question_for(suite: Suite, digest: bytes) -> str | None:
    """Derive the question in the suite's own form, at exactly the suite's length.

    OCRA and GM/T 0021 pad a question without saying how long it was.  One fixed length per suite,
    and no leading zero in a number, keep two questions from filling the padded field alike.

    Args:
        suite: The token's suite; of OCRA QN of any length, or QH of even length.
        digest: S of the statement, 32 octets.

    Returns:
        ``question_length`` ASCII characters: decimal digits, the first not zero; or the first
        lower-case hexadecimal digits of S.  None for a suite without a question.

    Raises:
        QuestionInvalidError: the suite's form has no derivation, or S is not 32 octets.

    Source:
        docs/protocol.md section 4.
    """
    match suite:
        case OCRASuite() if not suite.has_statement_question:
            raise QuestionInvalidError(
                f"{suite} cannot answer statements: it needs QN, or QH of even length"
            )
        case OCRASuite(question_format=QuestionFormat.NUMERIC):
            return decimal_question(digest, suite.question_length)
        case OCRASuite():
            return hex_question(digest)[: suite.question_length]
        case GMT0021Suite(question_length=int(length)) if length > 0:
            is_whole = length == STATEMENT_QUESTION_LENGTH
            return hex_question(digest) if is_whole else decimal_question(digest, length)
        case _:
            return None


def draw_challenge(suite: OCRASuite) -> str:
    """Draw a token's own challenge, to which its host answers before the token does.

    It has the form and length of the questions that statements give; in the data input the two
    stand one behind the other, the challenge of whoever is asked first (RFC 6287 section 7.3).

    Raises:
        QuestionInvalidError: as :func:`question_for`.
    """
    return question_for(suite, secrets.token_bytes(DIGEST_OCTETS))


def is_question(suite: OCRASuite, text: str) -> bool:
    """Tell whether a text has exactly the form of the questions that statements give."""
    length = suite.question_length
    if suite.question_format is QuestionFormat.NUMERIC:
        form = rf"[1-9][0-9]{{{length - 1}}}"
    else:
        form = rf"[0-9a-f]{{{length}}}"
    return suite.has_statement_question and re.fullmatch(form, text) is not None


def hex_question(digest: bytes) -> str:
    """Write S as the 64 lower-case hexadecimal digits of H64.

    Args:
        digest: S of the statement, 32 octets.

    Raises:
        QuestionInvalidError: S is not 32 octets.

    Source:
        docs/protocol.md section 4.
    """
    _check_digest(digest)
    return digest.hex()


def decimal_question(digest: bytes, digits: int) -> str:
    """Reduce S to a decimal number of exactly this many digits, the first not zero.

    Args:
        digest: S of the statement, 32 octets, read as a big-endian integer.
        digits: Length of the question, 4 to 64.

    Returns:
        ``10^(digits-1) + S mod 9*10^(digits-1)`` in ASCII digits.

    Raises:
        QuestionInvalidError: S is not 32 octets, or ``digits`` is out of range.

    Source:
        docs/protocol.md section 4.

    >>> decimal_question(bytes(32), 10)
    '1000000000'
    """
    _check_digest(digest)
    if not 4 <= digits <= 64:
        raise QuestionInvalidError(f"a numeric question has 4 to 64 digits, not {digits}")
    smallest = 10 ** (digits - 1)
    return str(smallest + int.from_bytes(digest) % (9 * smallest))


def _check_digest(digest: bytes) -> None:
    if len(digest) != DIGEST_OCTETS:
        raise QuestionInvalidError(f"a statement's digest has 32 octets, not {len(digest)}")
