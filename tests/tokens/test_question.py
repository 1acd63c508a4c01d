"""Questions derived from a statement's digest."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokens.strategies import DIGESTS, statement_suites
from tokens.errors import QuestionInvalidError
from tokens.question import decimal_question, hex_question, question_for
from tokens.suite import OCRASuite, QuestionFormat

ABC = hashlib.sha256(b"abc").digest()


def test_the_question_of_a_scanning_token_is_the_whole_digest() -> None:
    suite = OCRASuite.parse("OCRA-1:HOTP-SHA256-8:QH64-T1M")
    assert question_for(suite, ABC) == hex_question(ABC) == ABC.hex()


def test_the_question_of_a_typing_token_is_the_digest_reduced_to_ten_digits() -> None:
    suite = OCRASuite.parse("OCRA-1:HOTP-SHA256-8:QN10")
    expected = str(10**9 + int(ABC.hex(), 16) % (9 * 10**9))
    assert question_for(suite, ABC) == decimal_question(ABC, 10) == expected


def test_a_shorter_hexadecimal_question_is_the_beginning_of_the_digest() -> None:
    assert question_for(OCRASuite.parse("OCRA-1:HOTP-SHA1-6:QH40"), ABC) == ABC.hex()[:40]


@given(statement_suites(), DIGESTS)
def test_a_question_has_exactly_the_length_and_form_of_its_suite(
    suite: OCRASuite, digest: bytes
) -> None:
    question = question_for(suite, digest)
    assert len(question) == suite.question_length
    if suite.question_format is QuestionFormat.NUMERIC:
        assert question.isascii()
        assert question.isdigit()
        assert question[0] != "0"
    else:
        assert set(question) <= set("0123456789abcdef")


@given(DIGESTS, st.integers(4, 64))
def test_a_decimal_question_never_begins_with_zero(digest: bytes, digits: int) -> None:
    assert 10 ** (digits - 1) <= int(decimal_question(digest, digits)) < 10**digits


@pytest.mark.parametrize("data_input", ["QA10", "QA64", "QH63", "QH09"])
def test_a_form_without_a_derivation_is_refused(data_input: str) -> None:
    with pytest.raises(QuestionInvalidError, match="cannot answer statements"):
        question_for(OCRASuite.parse(f"OCRA-1:HOTP-SHA256-8:{data_input}"), ABC)


@pytest.mark.parametrize("digest", [b"", ABC[:31], ABC + b"\0"])
def test_a_digest_of_another_length_is_refused(digest: bytes) -> None:
    for derive in (hex_question, lambda octets: decimal_question(octets, 10)):
        with pytest.raises(QuestionInvalidError, match="32 octets"):
            derive(digest)


@pytest.mark.parametrize("digits", [-1, 0, 3, 65])
def test_a_decimal_question_of_another_length_is_refused(digits: int) -> None:
    with pytest.raises(QuestionInvalidError, match="4 to 64"):
        decimal_question(ABC, digits)
