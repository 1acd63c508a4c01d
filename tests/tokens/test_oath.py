"""HOTP and TOTP cards: which suites there are, and what pyotp alone would refuse."""

import hashlib
import hmac
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.errors import SeedInvalidError, SuiteInvalidError, TokenError
from tokens.oath import HOTPSuite, TOTPSuite, compute
from tokens.suite import Hash
from tokens.suites import parse_suite

HASHES = st.sampled_from(Hash)
DIGITS = st.integers(6, 9)
CARDS = st.builds(HOTPSuite, HASHES, DIGITS) | st.builds(
    TOTPSuite, HASHES, DIGITS, st.integers(1, 3600)
)


@given(CARDS)
def test_a_printed_suite_is_read_back_unchanged(suite: HOTPSuite | TOTPSuite) -> None:
    assert parse_suite(str(suite)) == suite


@given(st.text() | st.from_regex(r"[HT]OTP:SHA[125]+-[0-9]+(:T[0-9]+)?"))
def test_a_text_is_refused_with_our_error_or_printed_as_it_was(text: str) -> None:
    with suppress(TokenError):
        assert str(parse_suite(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("HOTP:SHA1-5", id="five digits"),
        pytest.param("HOTP:SHA1-10", id="ten digits"),
        pytest.param("HOTP:MD5-6", id="another hash"),
        pytest.param("HOTP:SHA1-6:T30", id="a counting card with a time step"),
        pytest.param("TOTP:SHA1-6", id="a card with a clock and no time step"),
        pytest.param("TOTP:SHA1-6:T0", id="a time step of no seconds"),
        pytest.param("TOTP:SHA1-6:T3601", id="a time step over an hour"),
        pytest.param("TOTP:SHA1-6:T030", id="a zero in front"),
        pytest.param("HOTP:SHA1-6\n", id="line end"),
        pytest.param("hotp:SHA1-6", id="lower case"),
        pytest.param("OATH:SHA1-6", id="unknown family"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_is_no_suite_is_refused(text: str) -> None:
    with pytest.raises(SuiteInvalidError):
        parse_suite(text)


@pytest.mark.parametrize(
    ("parse", "text"), [(HOTPSuite.parse, "TOTP:SHA1-6:T30"), (TOTPSuite.parse, "HOTP:SHA1-6")]
)
def test_a_card_of_the_other_kind_is_refused(parse: object, text: str) -> None:
    assert callable(parse)
    with pytest.raises(SuiteInvalidError):
        parse(text)


@given(CARDS)
def test_a_card_is_asked_nothing_and_counts_or_has_a_clock(suite: HOTPSuite | TOTPSuite) -> None:
    assert (suite.has_question, suite.sight, suite.question_length) == (False, 0, 0)
    assert suite.counter is (suite.time_step_seconds is None)
    assert suite.is_weak_hash is (suite.hash is Hash.SHA1)
    assert suite.enrolment_problem() is None


@given(HASHES, DIGITS, st.binary(min_size=1, max_size=20), st.integers(0, 2**64 - 1))
def test_short_seeds_and_every_counter_give_the_code_of_the_rfc(
    algorithm: Hash, digits: int, seed: bytes, counter: int
) -> None:
    mac = hmac.digest(seed, counter.to_bytes(8), algorithm)
    at = mac[-1] & 15
    code = (int.from_bytes(mac[at : at + 4]) & 0x7FFFFFFF) % 10**digits
    assert compute(HOTPSuite(algorithm, digits), seed, counter=counter) == f"{code:0{digits}}"


def test_time_steps_over_two_minutes_are_computed() -> None:
    card = TOTPSuite.parse("TOTP:SHA256-8:T300")
    counted = HOTPSuite.parse("HOTP:SHA256-8")
    seed = hashlib.sha256(b"seed").digest()
    assert compute(card, seed, time_step=7) == compute(counted, seed, counter=7)


def test_an_empty_seed_is_refused() -> None:
    with pytest.raises(SeedInvalidError):
        compute(HOTPSuite.parse("HOTP:SHA1-6"), b"", counter=0)
