"""OCRASuite: which texts are suites, and what a suite says about itself."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokens.strategies import suites
from tokens.errors import SuiteInvalidError, TokenError
from tokens.suite import Hash, OCRASuite, QuestionFormat


def test_every_part_of_a_suite_is_read() -> None:
    assert OCRASuite.parse("OCRA-1:HOTP-SHA512-10:C-QA40-PSHA256-S064-T30S") == OCRASuite(
        hash=Hash.SHA512,
        digits=10,
        counter=True,
        question_format=QuestionFormat.ALPHANUMERIC,
        question_length=40,
        pin_hash=Hash.SHA256,
        session_length=64,
        time_step_seconds=30,
    )


@given(suites())
def test_a_printed_suite_is_read_back_unchanged(suite: OCRASuite) -> None:
    assert OCRASuite.parse(str(suite)) == suite


@given(suites().map(str))
def test_a_suite_that_was_read_is_printed_character_by_character(text: str) -> None:
    assert str(OCRASuite.parse(text)) == text


@given(
    st.text()
    | st.from_regex(r"OCRA-1:HOTP-SHA[125]+-[0-9]+:.*")
    | st.from_regex(r"OCRA-1:HOTP-SHA1-6:C?-?Q[NAH][0-9]+(-P[A-Z0-9]+)?(-S\d+)?(-T\d+[SMH])?")
)
def test_a_text_is_refused_with_our_error_or_printed_as_it_was(text: str) -> None:
    with suppress(TokenError):
        assert str(OCRASuite.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("ocra-1:hotp-sha1-6:qn08", id="lower case"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN08\n", id="line end"),
        pytest.param(" OCRA-1:HOTP-SHA1-6:QN08", id="space in front"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN08:", id="fourth part"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN0\N{FULLWIDTH DIGIT EIGHT}", id="digits beyond ASCII"),
        pytest.param("OCRA-1:HOTP-SHA1-06:QN08", id="response digits with a zero in front"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN3", id="question length below 4"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN008", id="question length of three digits"),
        pytest.param("OCRA-1:HOTP-SHA1-6:Q", id="bare Q"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN08-P", id="bare P"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN08-S", id="bare S"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN08-T", id="bare T"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN08-S64", id="session length of two digits"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN08-S000", id="session of no octets"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN08-T01M", id="time step with a zero in front"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN08-T0S", id="time step of no seconds"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN08-T0H", id="time step of no hours"),
        pytest.param("OCRA-1:HOTP-SHA1-6:QN08-", id="empty element"),
    ],
)
def test_what_the_rfc_does_not_fix_is_refused(text: str) -> None:
    with pytest.raises(SuiteInvalidError):
        OCRASuite.parse(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("OCRA-2:HOTP-SHA1-6:QN08", "three parts"),
        ("OCRA-1:HOTP-MD5-6:QN08", "the function"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T60S", "the data input"),
    ],
)
def test_the_refusal_names_the_part_that_is_wrong(text: str, sentence: str) -> None:
    with pytest.raises(SuiteInvalidError, match=sentence):
        OCRASuite.parse(text)


@pytest.mark.parametrize(
    ("step", "seconds"),
    [("1S", 1), ("59S", 59), ("1M", 60), ("59M", 3540), ("1H", 3600), ("48H", 172_800)],
)
def test_the_time_step_is_kept_in_seconds(step: str, seconds: int) -> None:
    assert OCRASuite.parse(f"OCRA-1:HOTP-SHA256-8:QN08-T{step}").time_step_seconds == seconds


def test_two_spellings_of_a_question_length_are_two_suites() -> None:
    assert OCRASuite.parse("OCRA-1:HOTP-SHA1-6:QH8") != OCRASuite.parse("OCRA-1:HOTP-SHA1-6:QH08")


@pytest.mark.parametrize(
    ("data_input", "sight"),
    [("QH64", 2), ("QH64-T1M", 2), ("QH62", 1), ("QN10", 1), ("QN64", 1), ("QA64", 1)],
)
def test_only_the_whole_digest_counts_as_having_seen_the_statement(
    data_input: str, sight: int
) -> None:
    assert OCRASuite.parse(f"OCRA-1:HOTP-SHA256-8:{data_input}").sight == sight


@pytest.mark.parametrize(("name", "weak"), [("SHA1", True), ("SHA256", False), ("SHA512", False)])
def test_sha1_is_flagged(name: str, weak: bool) -> None:  # noqa: FBT001 - a column of the table
    assert OCRASuite.parse(f"OCRA-1:HOTP-{name}-8:QH64").is_weak_hash is weak


@pytest.mark.parametrize(
    ("tail", "sentence"),
    [
        ("0:QH64", "0 digits"),
        ("4:QH64", "fewer than 6 digits"),
        ("5:QN10", "fewer than 6 digits"),
        ("10:QH64", "10 digits"),
        ("8:QN07", "fewer than 8 characters"),
        ("8:QA10", "no question"),
        ("8:QH63", "no question"),
    ],
)
def test_a_suite_too_weak_or_without_statements_may_not_be_enrolled(
    tail: str, sentence: str
) -> None:
    problem = OCRASuite.parse(f"OCRA-1:HOTP-SHA256-{tail}").enrolment_problem()
    assert problem is not None
    assert sentence in problem


@pytest.mark.parametrize("tail", ["6:QN08", "8:QN10-T1M", "9:QH08", "8:C-QH64-PSHA1-S064-T1M"])
def test_other_suites_may_be_enrolled(tail: str) -> None:
    assert OCRASuite.parse(f"OCRA-1:HOTP-SHA256-{tail}").enrolment_problem() is None
