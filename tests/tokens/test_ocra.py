"""OCRA responses, beside a second implementation."""

import hashlib
import hmac
from string import ascii_letters, digits

import oath
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.tokens.strategies import DIGESTS, PIN_CHARACTERS, UINT64, octets, suites
from tokens.errors import SeedInvalidError, TokenError
from tokens.ocra import compute, data_input
from tokens.question import question_for
from tokens.suite import OCRASuite, QuestionFormat

SEED = b"12345678901234567890123456789012"
ABC = hashlib.sha256(b"abc").hexdigest()
TIMED = OCRASuite.parse("OCRA-1:HOTP-SHA256-8:QH64-T1M")
UNTIMED = OCRASuite.parse("OCRA-1:HOTP-SHA256-8:QH64")


def test_the_check_values_hold() -> None:
    assert compute(UNTIMED, SEED, question=ABC) == "38694796"
    assert compute(TIMED, SEED, question=ABC, time_step=0x132D0B6) == "04286074"


@given(st.data(), suites(), st.binary(min_size=1, max_size=200))
def test_oath_as_a_second_implementation_agrees(
    data: st.DataObject, suite: OCRASuite, seed: bytes
) -> None:
    # oath has its own reading of 0 digits, and refuses an odd number of hexadecimal digits.
    assume(suite.digits > 0)
    if suite.question_format is QuestionFormat.ALPHANUMERIC:
        letters = st.text(ascii_letters + digits, min_size=1, max_size=suite.question_length)
        question = data.draw(letters)
    else:
        assume(suite.has_statement_question)
        question = question_for(suite, data.draw(DIGESTS))
    counter = data.draw(UINT64) if suite.counter else None
    pin = data.draw(st.text(PIN_CHARACTERS)) if suite.pin_hash else None
    session = data.draw(octets(suite.session_length)) if suite.session_length else None
    time_step = data.draw(UINT64) if suite.time_step_seconds else None
    second = oath.str2ocrasuite(str(suite))(
        seed, C=counter, Q=question, P=pin, S=session, T_precomputed=time_step
    )
    response = compute(
        suite,
        seed,
        question=question,
        counter=counter,
        pin=pin,
        session=session,
        time_step=time_step,
    )
    assert response == second


@given(st.binary(min_size=1, max_size=200), DIGESTS, UINT64)
def test_without_truncation_the_response_is_the_whole_hmac(
    seed: bytes, digest: bytes, time_step: int
) -> None:
    suite = OCRASuite.parse("OCRA-1:HOTP-SHA512-0:QH64-T1M")
    hashed = data_input(suite, question=digest.hex(), time_step=time_step)
    response = compute(suite, seed, question=digest.hex(), time_step=time_step)
    assert response == hmac.new(seed, hashed, "sha512").hexdigest()


def test_a_response_keeps_its_leading_zeros() -> None:
    suite = OCRASuite.parse("OCRA-1:HOTP-SHA256-10:QN08")
    responses = [compute(suite, SEED, question=str(number)) for number in range(100)]
    assert {len(response) for response in responses} == {10}
    assert any(response.startswith("0") for response in responses)


def test_an_empty_seed_is_refused() -> None:
    with pytest.raises(SeedInvalidError):
        compute(UNTIMED, b"", question=ABC)


@given(suites(), st.text())
def test_no_message_shows_the_seed(suite: OCRASuite, question: str) -> None:
    try:
        said = compute(suite, b"do-not-show-this-seed", question=question)
    except TokenError as error:
        said = repr(error)
    assert "do-not-show" not in said
