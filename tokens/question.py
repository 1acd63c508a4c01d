"""Derive the question that a token answers from the digest of a statement."""

from tokens.errors import QuestionInvalidError
from tokens.suite import OCRASuite, QuestionFormat

DIGEST_OCTETS = 32


def question_for(suite: OCRASuite, digest: bytes) -> str:
    """Derive the question in the suite's own form, at exactly the suite's length.

    The RFC pads a question without saying how long it was.  One fixed length per suite, and no
    leading zero in a number, keep two questions from filling the padded field alike.

    Args:
        suite: The token's suite; QN of any length, or QH of even length.
        digest: S of the statement, 32 octets.

    Returns:
        ``question_length`` ASCII characters: decimal digits, the first not zero; or the first
        lower-case hexadecimal digits of S.

    Raises:
        QuestionInvalidError: the suite's form has no derivation, or S is not 32 octets.

    Source:
        docs/protocol.md section 4.
    """
    if not suite.has_statement_question:
        raise QuestionInvalidError(
            f"{suite} cannot answer statements: it needs QN, or QH of even length"
        )
    if suite.question_format is QuestionFormat.NUMERIC:
        return decimal_question(digest, suite.question_length)
    return hex_question(digest)[: suite.question_length]


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
