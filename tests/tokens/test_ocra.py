"""compute and match: responses, and the search over a window."""

import hashlib
import hmac
from string import ascii_letters, digits

import oath
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.tokens.strategies import DIGESTS, PIN_CHARACTERS, UINT64, octets, suites
from tokens.errors import DataInputError, SeedInvalidError, TokenError
from tokens.ocra import compute, data_input, match
from tokens.question import question_for
from tokens.suite import OCRASuite, QuestionFormat

SEED = b"12345678901234567890123456789012"
ABC = hashlib.sha256(b"abc").hexdigest()
TIMED = OCRASuite.parse("OCRA-1:HOTP-SHA256-8:QH64-T1M")
UNTIMED = OCRASuite.parse("OCRA-1:HOTP-SHA256-8:QH64")
COUNTED = OCRASuite.parse("OCRA-1:HOTP-SHA256-8:C-QN08-T1M")


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


@pytest.mark.parametrize("time_step", [99, 100, 101])
def test_a_right_response_is_found_at_any_place_of_the_window(time_step: int) -> None:
    response = compute(TIMED, SEED, question=ABC, time_step=time_step)
    found = match(TIMED, SEED, response, question=ABC, time_steps=[100, 99, 101])
    assert found == (None, time_step)


def test_a_window_spans_every_pair_of_counter_and_time_step() -> None:
    response = compute(COUNTED, SEED, question="12345678", counter=8, time_step=101)
    found = match(
        COUNTED, SEED, response, question="12345678", counters=[7, 8], time_steps=[100, 101]
    )
    assert found == (8, 101)


def test_of_several_matches_the_first_of_the_window_is_returned() -> None:
    suite = OCRASuite.parse("OCRA-1:HOTP-SHA256-4:QN08-T1M")
    steps: dict[str, list[int | None]] = {}
    for time_step in range(400):
        response = compute(suite, SEED, question="12345678", time_step=time_step)
        steps.setdefault(response, []).append(time_step)
    response, window = next(item for item in steps.items() if len(item[1]) > 1)
    for order in (window, window[::-1]):
        found = match(suite, SEED, response, question="12345678", time_steps=order)
        assert found == (None, order[0])


def test_a_suite_without_counter_and_time_matches_at_neither() -> None:
    assert match(UNTIMED, SEED, "38694796", question=ABC) == (None, None)


def test_pin_and_session_count_in_a_match() -> None:
    suite = OCRASuite.parse("OCRA-1:HOTP-SHA256-8:QN08-PSHA1-S004")
    pin_hash = hashlib.sha1(b"1234", usedforsecurity=False).digest()
    response = compute(suite, SEED, question="12345678", pin="1234", session=b"sess")

    def find(session: bytes) -> tuple[int | None, int | None] | None:
        return match(
            suite, SEED, response, question="12345678", pin_hash=pin_hash, session=session
        )

    assert find(b"sess") == (None, None)
    assert find(b"Sess") is None


@pytest.mark.parametrize(
    "response",
    [
        "",
        "38694797",
        "3869479",
        "038694796",
        "\N{FULLWIDTH DIGIT THREE}8694796",
        "\ud800",
        "38694796\n",
    ],
)
def test_any_other_text_does_not_match(response: str) -> None:
    assert match(UNTIMED, SEED, response, question=ABC) is None


def test_a_response_to_another_question_does_not_match() -> None:
    other = hashlib.sha256(b"abd").hexdigest()
    assert match(UNTIMED, SEED, "38694796", question=other) is None


def test_an_empty_window_matches_nothing() -> None:
    assert match(TIMED, SEED, "04286074", question=ABC, time_steps=[]) is None


def test_every_pair_of_the_window_is_computed_even_after_a_match() -> None:
    response = compute(TIMED, SEED, question=ABC, time_step=100)
    # The last step of this window cannot be computed, and is reached all the same.
    with pytest.raises(DataInputError):
        match(TIMED, SEED, response, question=ABC, time_steps=[100, -1])


@given(suites(), st.text())
def test_no_message_shows_the_seed(suite: OCRASuite, question: str) -> None:
    try:
        said = compute(suite, b"do-not-show-this-seed", question=question)
    except TokenError as error:
        said = repr(error)
    assert "do-not-show" not in said
