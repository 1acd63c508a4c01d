"""compute and match for every suite: responses, and the search over a window."""

import hashlib

import pytest

from tokens.errors import DataInputError, TokenError
from tokens.question import question_for
from tokens.responses import compute, match
from tokens.suites import Suite, parse_suite

SEED = b"12345678901234567890123456789012"
ABC = hashlib.sha256(b"abc").hexdigest()
TIMED = parse_suite("OCRA-1:HOTP-SHA256-8:QH64-T1M")
UNTIMED = parse_suite("OCRA-1:HOTP-SHA256-8:QH64")
COUNTED = parse_suite("OCRA-1:HOTP-SHA256-8:C-QN08-T1M")
# One of each kind, with every combination of question, counter and time that has one.
KINDS = [
    *(TIMED, UNTIMED, COUNTED),
    *map(
        parse_suite,
        (
            "OCRA-1:HOTP-SHA1-6:QN08",
            "GMT0021:SM3-8:T60-Q64",
            "GMT0021:SM3-6:C-Q8",
            "GMT0021:SM3-6:T60",
            "GMT0021:SM4-8:T60-Q8",
            "GMT0021:SM4-8:C-Q8",
            "HOTP:SHA1-6",
            "TOTP:SHA1-6:T30",
        ),
    ),
]


@pytest.mark.parametrize("suite", KINDS, ids=str)
def test_of_every_kind_the_right_code_matches_and_one_of_other_inputs_does_not(
    suite: Suite,
) -> None:
    seed = SEED[: suite.seed_octets]

    def inputs(digest: str, number: int) -> tuple[str | None, int | None, int | None]:
        return (
            question_for(suite, bytes.fromhex(digest)),
            number if suite.counter else None,
            number if suite.time_step_seconds else None,
        )

    def find(response: str, seed: bytes, given: tuple[str | None, int | None, int | None]) -> bool:
        question, counter, step = given
        found = match(
            suite, seed, response, question=question, counters=[counter], time_steps=[step]
        )
        assert found in (None, (counter, step))
        return found is not None

    question, counter, step = right = inputs(ABC, 7)
    response = compute(suite, seed, question=question, counter=counter, time_step=step)
    assert len(response) == suite.digits
    assert response.isdigit()
    assert find(response, seed, right)
    assert not find(response, seed[::-1], right)
    for other in {inputs(ABC, 8), inputs(ABC[::-1], 7)} - {right}:
        assert not find(response, seed, other)


@pytest.mark.parametrize("suite", KINDS, ids=str)
def test_of_every_kind_an_input_that_is_missing_or_superfluous_is_refused(suite: Suite) -> None:
    inputs = {
        "question": question_for(suite, bytes(32)),
        "counter": 1 if suite.counter else None,
        "time_step": 1 if suite.time_step_seconds else None,
    }
    for name, value in inputs.items():
        changed = None if value is not None else ("12345678" if name == "question" else 1)
        with pytest.raises(TokenError):
            compute(suite, SEED[: suite.seed_octets], **{**inputs, name: changed})  # type: ignore[arg-type]


@pytest.mark.parametrize("suite", KINDS, ids=str)
def test_of_every_kind_no_counter_or_time_out_of_range_is_hashed(suite: Suite) -> None:
    for value in (-1, 2**64):
        with pytest.raises(TokenError):
            compute(
                suite,
                SEED[: suite.seed_octets],
                question=question_for(suite, bytes(32)),
                counter=value,
                time_step=value,
            )


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
    suite = parse_suite("OCRA-1:HOTP-SHA256-4:QN08-T1M")
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
