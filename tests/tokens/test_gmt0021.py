"""GM/T 0021: which suites there are, what is hashed, and what is refused as unsettled."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.errors import QuestionInvalidError, SeedInvalidError, SuiteInvalidError
from tokens.gmt0021 import Function, GMT0021Suite, compute, data_input
from tokens.question import question_for

SEED = b"1234567890123456"
SM3 = GMT0021Suite.parse("GMT0021:SM3-8:T60-Q64")
SM4 = GMT0021Suite.parse("GMT0021:SM4-8:T60-Q8")
DIGEST = bytes(range(32))


@st.composite
def suites(draw: st.DrawFn) -> GMT0021Suite:
    """Every choice of what a suite says, those that are no suites included."""
    return GMT0021Suite(
        function=draw(st.sampled_from(Function)),
        digits=draw(st.integers(6, 9)),
        time_step_seconds=draw(st.none() | st.integers(1, 60)),
        counter=draw(st.booleans()),
        question_length=draw(st.just(0) | st.integers(4, 64)),
    )


@given(suites())
def test_a_suite_is_read_back_as_it_was_printed_or_it_asks_for_what_is_not_settled(
    suite: GMT0021Suite,
) -> None:
    time = 8 if suite.time_step_seconds else 0
    octets = time + (4 if suite.counter else 0) + suite.question_length
    if octets == 0 or (suite.function is Function.SM4 and octets > 16):
        with pytest.raises(SuiteInvalidError):
            GMT0021Suite.parse(str(suite))
    else:
        assert GMT0021Suite.parse(str(suite)) == suite


@given(st.text() | st.from_regex(r"GMT0021:SM[34]-[0-9]:(T[0-9]+)?-?C?-?(Q[0-9]+)?"))
def test_a_text_is_refused_with_our_error_or_printed_as_it_was(text: str) -> None:
    with suppress(SuiteInvalidError):
        assert str(GMT0021Suite.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("GMT0021:SM2-6:T60", id="another function"),
        pytest.param("GMT0021:SM3-5:T60", id="five digits"),
        pytest.param("GMT0021:SM3-10:T60", id="ten digits"),
        pytest.param("GMT0021:SM3-6:", id="no input"),
        pytest.param("GMT0021:SM3-6", id="no third part"),
        pytest.param("GMT0021:SM3-6:T61", id="a time step over 60 seconds"),
        pytest.param("GMT0021:SM3-6:T0", id="a time step of no seconds"),
        pytest.param("GMT0021:SM3-6:T060", id="a zero in front"),
        pytest.param("GMT0021:SM3-6:Q3", id="a question under 4 characters"),
        pytest.param("GMT0021:SM3-6:Q65", id="a question over 64 characters"),
        pytest.param("GMT0021:SM3-6:C-T60", id="another order"),
        pytest.param("GMT0021:SM3-6:T60C", id="no hyphen"),
        pytest.param("GMT0021:SM3-6:-C", id="a hyphen in front"),
        pytest.param("GMT0021:SM3-6:T60-", id="a hyphen behind"),
        pytest.param("gmt0021:sm3-6:t60", id="lower case"),
        pytest.param("GMT0021:SM3-6:T60\n", id="line end"),
    ],
)
def test_what_is_no_suite_is_refused(text: str) -> None:
    with pytest.raises(SuiteInvalidError, match=r"a suite of GM/T 0021 is"):
        GMT0021Suite.parse(text)


@pytest.mark.parametrize("data_input", ["T60-Q9", "T60-C-Q8", "C-Q13", "Q17", "T60-Q64"])
def test_sm4_over_more_than_one_block_is_refused_since_the_standard_does_not_settle_it(
    data_input: str,
) -> None:
    with pytest.raises(SuiteInvalidError, match="does not settle it"):
        GMT0021Suite.parse(f"GMT0021:SM4-8:{data_input}")


@pytest.mark.parametrize("octets", [17, 32, 48])
def test_sm4_under_a_longer_key_is_refused_since_the_standard_does_not_settle_it(
    octets: int,
) -> None:
    with pytest.raises(SeedInvalidError, match="does not settle it"):
        compute(SM4, bytes(octets), question="12345678", time_step=1)


def test_the_edition_of_2023_is_refused_since_nobody_can_check_it() -> None:
    with pytest.raises(SuiteInvalidError, match="neither its text nor known answers"):
        GMT0021Suite.parse("GMT0021-2023:SM3-8:T60-Q64")


@pytest.mark.parametrize("suite", [SM3, SM4])
@pytest.mark.parametrize("octets", [0, 15])
def test_a_seed_under_16_octets_is_refused(suite: GMT0021Suite, octets: int) -> None:
    question = question_for(suite, DIGEST)
    with pytest.raises(SeedInvalidError, match="16 or more"):
        compute(suite, bytes(octets), question=question, time_step=1)


def test_a_scanned_question_is_the_whole_digest_and_a_typed_one_eight_digits() -> None:
    assert (SM3.sight, question_for(SM3, DIGEST)) == (2, DIGEST.hex())
    typed = question_for(SM4, DIGEST)
    assert SM4.sight == 1
    assert typed == str(10**7 + int.from_bytes(DIGEST) % (9 * 10**7))


def test_a_suite_without_a_question_sees_nothing_of_a_statement() -> None:
    suite = GMT0021Suite.parse("GMT0021:SM3-6:T60")
    assert (suite.sight, suite.has_question, question_for(suite, DIGEST)) == (0, False, None)


def test_time_counter_and_question_stand_one_behind_the_other_and_zeros_fill_the_block() -> None:
    suite = GMT0021Suite.parse("GMT0021:SM3-6:T60-C-Q4")
    laid = data_input(suite, question="5678", counter=1234, time_step=1313998979)
    assert laid.hex() == "000000004e520883000004d235363738"
    short = data_input(GMT0021Suite.parse("GMT0021:SM3-6:C"), counter=1)
    assert short.hex() == "00000001" + 12 * "00"


def test_a_longer_input_is_not_padded() -> None:
    question = question_for(SM3, DIGEST)
    assert data_input(SM3, question=question, time_step=1) == (1).to_bytes(8) + bytes(
        str(question), "ascii"
    )


@pytest.mark.parametrize("question", ["1234567", "123456789", "1234567\0", "1234 678", "1234567é"])
def test_a_question_of_another_length_or_with_other_characters_is_refused(question: str) -> None:
    with pytest.raises(QuestionInvalidError):
        compute(SM4, SEED, question=question, time_step=1)


def test_a_question_under_8_characters_is_not_enrolled_but_computes() -> None:
    short = GMT0021Suite.parse("GMT0021:SM4-6:T60-C-Q4")
    assert "fewer than 8" in str(short.enrolment_problem())
    assert SM3.enrolment_problem() is SM4.enrolment_problem() is None
    assert len(compute(short, SEED, question="1234", counter=1, time_step=1)) == 6
