"""Compute OCRA responses (RFC 6287)."""

import hashlib
import hmac
import re

from tokens.errors import DataInputError, QuestionInvalidError, SeedInvalidError
from tokens.fields import check_presence, number_field
from tokens.oath import hotp
from tokens.suite import Hash, OCRASuite, QuestionFormat

QUESTION_OCTETS = 128

_DECIMAL = re.compile(r"[0-9]+")
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2})+")


def compute(
    suite: OCRASuite,
    seed: bytes,
    *,
    question: str,
    counter: int | None = None,
    pin: str | None = None,
    pin_hash: bytes | None = None,
    session: bytes | None = None,
    time_step: int | None = None,
) -> str:
    """Compute a token's response to a question.

    Args:
        suite: What is hashed, and how.
        seed: The shared secret, at least 1 octet.
        question: See ``data_input``, as for all further arguments.
        counter: 0 to 2^64-1.
        pin: The PIN in clear.
        pin_hash: The hash of the PIN.
        session: Session information.
        time_step: Whole time steps since 1970-01-01T00:00Z.

    Returns:
        ``suite.digits`` ASCII digits.  For 0 digits the whole HMAC in lower-case hexadecimal: the
        RFC says which value it is, but not how to write it.

    Raises:
        SeedInvalidError: the seed is empty.
        QuestionInvalidError: the question does not fit the suite.
        DataInputError: another input is missing, superfluous or out of range.

    Source:
        RFC 6287 sections 5.1 and 5.2; RFC 4226 section 5.3.

    >>> seed = b"12345678901234567890123456789012"
    >>> question = hashlib.sha256(b"abc").hexdigest()
    >>> compute(OCRASuite.parse("OCRA-1:HOTP-SHA256-8:QH64"), seed, question=question)
    '38694796'
    >>> timed = OCRASuite.parse("OCRA-1:HOTP-SHA256-8:QH64-T1M")
    >>> compute(timed, seed, question=question, time_step=0x132D0B6)
    '04286074'
    """
    message = data_input(
        suite,
        question=question,
        counter=counter,
        pin=pin,
        pin_hash=pin_hash,
        session=session,
        time_step=time_step,
    )
    if not seed:
        raise SeedInvalidError("the seed is empty")
    if suite.digits == 0:
        return hmac.digest(seed, message, suite.hash).hex()
    # Exactly the message is hashed: its first octet is "O", not 0.
    return hotp(suite.hash, seed, int.from_bytes(message), suite.digits)


def data_input(
    suite: OCRASuite,
    *,
    question: str,
    counter: int | None = None,
    pin: str | None = None,
    pin_hash: bytes | None = None,
    session: bytes | None = None,
    time_step: int | None = None,
) -> bytes:
    """Lay out the octets that are hashed.

    ========== ============ ===================================================================
    field      octets       content
    ========== ============ ===================================================================
    suite      its length   the suite's text, ASCII
    separator  1            00
    C          0 or 8       counter, unsigned, big-endian
    Q          128          question, padded on the right with zeros: QN the number in
                            hexadecimal digits without leading zeros, padded by the digit; QH
                            those octets; QA the text in UTF-8
    P          0, 20, 32,   hash of the PIN's UTF-8 octets
               or 64
    S          0 or nnn     session information
    T          0 or 8       time steps since 1970-01-01T00:00Z, unsigned, big-endian
    ========== ============ ===================================================================

    Args:
        suite: Says which fields there are.  Each of them must be given, and no other may be: an
            input that silently was not hashed would seem to be approved.
        question: 1 to ``question_length`` characters, or to twice that for mutual
            challenge-response, where the other party's question comes first and the own follows.
            QN takes ASCII digits, QH an even number of hexadecimal digits of either case, QA
            printable text.
        counter: 0 to 2^64-1.
        pin: The PIN in clear; or else
        pin_hash: its hash, by the suite's PIN hash function.
        session: Exactly as many octets as the suite says; the RFC does not say how to pad fewer.
        time_step: 0 to 2^64-1.

    Raises:
        QuestionInvalidError: the question does not fit the suite.
        DataInputError: another input is missing, superfluous or out of range.

    Source:
        RFC 6287 section 5.1; for QN the reference implementation in its Appendix A.
    """
    return b"".join(
        (
            str(suite).encode("ascii"),
            b"\0",
            number_field("counter", counter, used=suite.counter),
            _question_field(suite, question),
            _pin_field(suite.pin_hash, pin, pin_hash),
            _session_field(suite.session_length, session),
            number_field("time step", time_step, used=suite.time_step_seconds is not None),
        )
    )


def _question_field(suite: OCRASuite, question: str) -> bytes:
    longest = 2 * suite.question_length
    if not 1 <= len(question) <= longest:
        raise QuestionInvalidError(
            f"a question has 1 to {longest} characters, not {len(question)}"
        )
    octets = _QUESTION_OCTETS[suite.question_format](question)
    if len(octets) > QUESTION_OCTETS:
        raise QuestionInvalidError(f"the question is longer than {QUESTION_OCTETS} octets")
    return octets.ljust(QUESTION_OCTETS, b"\0")


def _numeric_octets(question: str) -> bytes:
    if _DECIMAL.fullmatch(question) is None:
        raise QuestionInvalidError("the question must be ASCII digits")
    digits = f"{int(question):x}"
    return bytes.fromhex(digits if len(digits) % 2 == 0 else digits + "0")


def _hexadecimal_octets(question: str) -> bytes:
    if _HEXADECIMAL.fullmatch(question) is None:
        raise QuestionInvalidError("the question must be an even number of hexadecimal digits")
    return bytes.fromhex(question)


def _text_octets(question: str) -> bytes:
    # Control characters are out: a NUL at the end would look like padding.
    if not question.isprintable():
        raise QuestionInvalidError("the question must be printable text")
    return question.encode("utf-8")


_QUESTION_OCTETS = {
    QuestionFormat.NUMERIC: _numeric_octets,
    QuestionFormat.HEXADECIMAL: _hexadecimal_octets,
    QuestionFormat.ALPHANUMERIC: _text_octets,
}


def _pin_field(algorithm: Hash | None, pin: str | None, pin_hash: bytes | None) -> bytes:
    if pin is not None and pin_hash is not None:
        raise DataInputError("give the PIN or its hash, not both")
    given = pin is not None or pin_hash is not None
    check_presence("PIN", used=algorithm is not None, given=given)
    octets = pin_hash if pin is None or algorithm is None else _hash_pin(algorithm, pin)
    if algorithm is None or octets is None:
        return b""
    length = hashlib.new(algorithm).digest_size
    if len(octets) != length:
        raise DataInputError(f"the PIN hash has {len(octets)} octets, {algorithm} makes {length}")
    return octets


def _hash_pin(algorithm: Hash, pin: str) -> bytes:
    try:
        return hashlib.new(algorithm, pin.encode("utf-8")).digest()
    except UnicodeEncodeError:
        # Without its cause: that would show the PIN.
        raise DataInputError("the PIN is not valid Unicode text") from None


def _session_field(length: int | None, session: bytes | None) -> bytes:
    check_presence("session", used=length is not None, given=session is not None)
    if session is None:
        return b""
    if len(session) != length:
        raise DataInputError(f"the session has {len(session)} octets, the suite says {length}")
    return session
