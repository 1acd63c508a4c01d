"""Cards, keypad tokens, and a token that lets its platform prove itself first."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.tokens.world import COUNTER_SUITE, NOW, SECONDS, FakeHost, FakePlatform
from tokens.errors import RefusedError, TokenError
from tokens.question import is_question, question_for
from tokens.responses import compute
from tokens.suites import parse_suite
from tokens.token import Token

SEED = b"12345678901234567890123456789012"
PLATFORM = FakePlatform()
COUNTING = Token(serial="CARD", suite=parse_suite("HOTP:SHA1-6"), seed=SEED[:20])
TICKING = Token(serial="CLOCK", suite=parse_suite("TOTP:SHA1-6:T30"), seed=SEED[:20])
PADS = [
    "OCRA-1:HOTP-SHA256-8:QN10-T1M",
    "OCRA-1:HOTP-SHA256-8:QN10",
    "OCRA-1:HOTP-SHA256-8:C-QN10",
    "OCRA-1:HOTP-SHA1-6:QH40",
]


def pad(suite: str, counter: int = 0) -> Token:
    """A token with a keypad."""
    return Token(serial="PAD", suite=parse_suite(suite), seed=SEED, counter=counter)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(TokenError) as refused:
        action()
    return refused.value.code


def test_a_counting_card_shows_the_next_code_at_each_press() -> None:
    # RFC 4226 appendix D.
    codes = [COUNTING.press(NOW), COUNTING.advanced().press(NOW)]
    assert codes == ["755224", "287082"]


def test_a_card_with_a_clock_shows_one_code_for_each_time_step() -> None:
    # RFC 6238 appendix B, of its eight digits the last six.
    at_59_seconds = NOW - timedelta(seconds=SECONDS - 59)
    assert TICKING.press(at_59_seconds) == "287082"
    assert TICKING.advanced() is TICKING


def test_a_card_is_asked_nothing_and_a_token_that_is_asked_has_no_button() -> None:
    assert refusal(lambda: COUNTING.respond_typed("12345678", NOW)) == "question_unfit"
    assert refusal(lambda: pad(PADS[0]).press(NOW)) == "question_needed"


def test_eight_digits_are_typed_into_a_token_to_gmt_0021() -> None:
    token = Token(serial="SM4", suite=parse_suite("GMT0021:SM4-8:T60-Q8"), seed=SEED[:16])
    assert token.takes("12345678")
    expected = compute(token.suite, token.seed, question="12345678", time_step=SECONDS // 60)
    assert token.respond_typed("12345678", NOW) == expected


@pytest.mark.parametrize("suite", ["GMT0021:SM3-8:T60-Q64", "GMT0021:SM4-8:T60-Q8"])
def test_a_token_to_gmt_0021_answers_the_statement_it_scanned(suite: str) -> None:
    token = FakeHost(PLATFORM).enrol(suite)
    statement = PLATFORM.statement(token)
    shown = token.read(PLATFORM.challenge(statement), NOW)
    question = question_for(token.suite, statement.digest)
    expected = compute(token.suite, token.seed, question=question, time_step=SECONDS // 60)
    assert token.respond(shown, NOW) == expected


@pytest.mark.parametrize("suite", ["HOTP:SHA1-6", "TOTP:SHA1-6:T30"])
def test_a_token_without_a_question_gives_its_next_code_to_any_statement(suite: str) -> None:
    token = FakeHost(PLATFORM).enrol(suite)
    shown = token.read(PLATFORM.challenge(PLATFORM.statement(token)), NOW)
    assert token.respond(shown, NOW) == token.press(NOW)


# The platform proves itself


@pytest.mark.parametrize("suite", PADS)
def test_a_challenge_has_the_form_of_the_suites_questions_and_is_drawn_anew(suite: str) -> None:
    token = pad(suite)
    first, second = token.challenge(), token.challenge()
    assert first != second
    assert is_question(token.suite, first)  # type: ignore[arg-type]  # all are OCRA


@pytest.mark.parametrize("suite", ["HOTP:SHA1-6", "GMT0021:SM3-8:T60-Q64"])
def test_only_tokens_with_ocra_have_a_challenge(suite: str) -> None:
    assert refusal(replace(COUNTING, suite=parse_suite(suite)).challenge) == "challenge_unfit"


def host_answer(
    token: Token, question: str, challenge: str, *, counter: int = 0, late: int = 0
) -> str:
    """What the paired server answers to the token's challenge."""
    return compute(
        token.suite,
        token.seed,
        question=challenge + question,
        counter=counter if token.suite.counter else None,
        time_step=SECONDS // 60 + late if token.suite.time_step_seconds else None,
    )


@pytest.mark.parametrize("suite", PADS)
def test_the_true_platform_is_known_by_its_answer_however_it_is_spaced(suite: str) -> None:
    token = pad(suite)
    question, challenge = str(question_for(token.suite, bytes(32))), token.challenge()
    answer = host_answer(token, question, challenge)
    for typed in (answer, f" {answer[:4]} {answer[4:]}\n"):
        token.check_platform(question, challenge, typed, NOW)


@pytest.mark.parametrize("suite", PADS)
def test_an_answer_to_anything_else_is_refused(suite: str) -> None:
    token = pad(suite)
    question, challenge = str(question_for(token.suite, bytes(32))), token.challenge()
    other = str(question_for(token.suite, b"\x01" * 32))
    stranger = replace(token, seed=SEED[::-1])
    for answer in (
        "",
        "00000000",
        host_answer(token, question, other),
        host_answer(token, other, challenge),
        # The two the other way round are the token's own response.
        host_answer(token, challenge, question),
        host_answer(stranger, question, challenge),
    ):
        with pytest.raises(RefusedError, match="not the true platform") as refused:
            token.check_platform(question, challenge, answer, NOW)
        assert refused.value.code == "platform_untrue"


@pytest.mark.parametrize(
    ("suite", "place", "is_known"),
    [
        *((PADS[0], {"late": late}, abs(late) < 2) for late in (-2, -1, 1, 2)),
        *((PADS[2], {"counter": at}, 10 <= at <= 30) for at in (9, 10, 30, 31)),
    ],
)
def test_the_hosts_clock_may_be_one_step_away_and_its_counter_behind(
    suite: str, place: dict[str, int], *, is_known: bool
) -> None:
    token = pad(suite, counter=30)
    question, challenge = "1234567890", "9876543210"
    answer = host_answer(token, question, challenge, **place)
    try:
        token.check_platform(question, challenge, answer, NOW)
    except RefusedError:
        assert not is_known
    else:
        assert is_known


def test_after_the_proof_the_response_answers_both_questions() -> None:
    token = FakeHost(PLATFORM).enrol(COUNTER_SUITE)
    statement = PLATFORM.statement(token)
    shown = token.read(PLATFORM.challenge(statement), NOW)
    challenge = token.challenge()
    expected = compute(
        token.suite, token.seed, question=statement.digest.hex() + challenge, counter=0
    )
    assert token.respond(shown, NOW, challenge) == expected != token.respond(shown, NOW)
    typed = pad(PADS[1])
    expected = compute(typed.suite, SEED, question="12345678909876543210")
    assert typed.respond_typed("1234567890", NOW, "9876543210") == expected


def test_repr_shows_no_seed() -> None:
    assert repr(COUNTING) == "Token(CARD)"
