"""POST /v1/servers/{vk}/resynchronise: a token is found again, never where it has been."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine

from authserver.models import Event, Server
from protocol.statement import Kind, Statement
from tests.authserver.world import COUNTER_SUITE, Answer, Bank, LocalHost, Paired, opened

TIMED, COUNTED = "OCRA-1:HOTP-SHA256-8:QH64-T1M", COUNTER_SUITE
HOTP, TOTP = "HOTP:SHA1-6", "TOTP:SHA1-6:T30"


def made(host: LocalHost, bank: Bank, suite: str) -> Paired:
    paired = Paired.make(host, bank, suite)
    paired.activate()
    return paired


@pytest.fixture
def token(
    request: pytest.FixtureRequest, host: LocalHost, bank: Bank, clock: time_machine.Traveller
) -> Paired:
    """An active token, long after its activation."""
    paired = made(host, bank, request.param)
    clock.shift(timedelta(hours=2))
    return paired


of = pytest.mark.parametrize
counted = of("token", [COUNTED, HOTP, "GMT0021:SM3-8:C-Q64"], indirect=True)
timed = of("token", [TIMED, TOTP, "GMT0021:SM4-8:T60-Q8"], indirect=True)


def statements(paired: Paired, number: int = 1) -> list[Statement]:
    kind = Kind.TEST if paired.token.suite.has_question else Kind.LOGIN
    return [paired.statement(kind, number=number + more) for more in (0, 1)]


def two_following(
    paired: Paired, *, ahead: int = 0, steps: int = 0, number: int = 1
) -> list[tuple[Statement, str]]:
    """Answer two statements one after the other, by a counter or a clock so far ahead."""
    first, second = statements(paired, number)
    token = replace(paired.token, counter=paired.token.counter + ahead)
    following = replace(token, counter=token.counter + 1)
    # Without a question a token shows one code in a time step.
    after = 0 if token.suite.has_question else 1
    return [
        (first, token.respond(first, steps=steps)),
        (second, following.respond(second, steps=steps + after)),
    ]


def resynchronise(paired: Paired, **where: int) -> Answer:
    return paired.resynchronise(*two_following(paired, **where))


@counted
@of("ahead", [0, 20, 998])
def test_a_counter_far_ahead_is_found(token: Paired, ahead: int) -> None:
    found = resynchronise(token, ahead=ahead)
    assert found.body["accepted"] is True
    assert token.row.counter == 1 + ahead + 2
    token.token.counter += ahead + 2
    assert token.answer(statements(token, 9)[0]).body["accepted"] is True


@counted
def test_a_counter_further_ahead_or_behind_is_not_found(token: Paired) -> None:
    for ahead in (1000, -1):
        assert resynchronise(token, ahead=ahead).body["reason"] == "response_wrong"
    assert token.row.counter == 1


@timed
@of("minutes", [-59, -2, 0, 2, 58])
def test_a_clock_within_the_hour_is_found_and_followed(token: Paired, minutes: int) -> None:
    per_minute = 60 // (token.token.suite.time_step_seconds or 60)
    steps = minutes * per_minute
    assert resynchronise(token, steps=steps).body["accepted"] is True
    after = 0 if token.token.suite.has_question else 1
    assert token.status()["drift"] == steps + after
    statement = statements(token, 9)[0]
    right = token.token.respond(statement, steps=steps + after + 1)
    assert token.answer(statement, right).body["accepted"] is True


@timed
def test_a_clock_further_off_is_not_found(token: Paired) -> None:
    for hours in (-2, 2):
        steps = hours * 3600 // (token.token.suite.time_step_seconds or 60)
        assert resynchronise(token, steps=steps).body["reason"] == "response_wrong"


@timed
def test_no_step_before_the_last_accepted_one_is_found(
    token: Paired, clock: time_machine.Traveller
) -> None:
    statement = statements(token, 9)[0]
    right = token.token.respond(statement, steps=1)
    assert token.answer(statement, right).body["accepted"] is True
    before = token.row.time_step
    assert resynchronise(token, steps=-10).body["reason"] == "response_wrong"
    assert token.row.time_step == before


@of("token", [TIMED], indirect=True)
def test_the_step_may_turn_between_the_two(token: Paired) -> None:
    first, second = statements(token)
    answers = [
        (first, token.token.respond(first, steps=10)),
        (second, token.token.respond(second, steps=11)),
    ]
    assert token.resynchronise(*answers).body["accepted"] is True
    assert token.status()["drift"] == 11


WRONG: dict[str, Callable[[str, str], tuple[str, str]]] = {
    "the first wrong": lambda first, second: (wrong(first), second),
    "the second wrong": lambda first, second: (first, wrong(second)),
    "in the other order": lambda first, second: (second, first),
    "the first twice": lambda first, second: (first, first),
}


def wrong(code: str) -> str:
    return code[:-1] + str((int(code[-1]) + 1) % 10)


@of("token", [TIMED, COUNTED, HOTP, TOTP], indirect=True)
@of("case", WRONG)
def test_both_have_to_be_right_and_one_after_the_other(token: Paired, case: str) -> None:
    (first, one), (second, two) = two_following(token, ahead=100, steps=10)
    before = token.row
    answer = token.resynchronise(*zip((first, second), WRONG[case](one, two), strict=True))
    assert answer.body == {"accepted": False, "reason": "response_wrong", "tries_left": 4}
    after = token.row
    assert (after.counter, after.time_step, after.drift) == (
        before.counter,
        before.time_step,
        before.drift,
    )


@of("token", [HOTP], indirect=True)
def test_two_codes_with_one_between_are_not_following(token: Paired) -> None:
    (first, one), (second, _) = two_following(token, ahead=100)
    later = two_following(token, ahead=101)[1][1]
    answer = token.resynchronise((first, one), (second, later))
    assert answer.body["reason"] == "response_wrong"


@of("token", [COUNTED], indirect=True)
def test_both_statements_end_accepted_and_a_repeat_is_answered_alike(token: Paired) -> None:
    answers = two_following(token, ahead=300)
    first = token.resynchronise(*answers)
    for (statement, response), verdict in zip(answers, first.body["verdicts"], strict=True):
        stored = token.stored(statement)
        assert stored.body["verdict"] == verdict
        assert opened(stored, token).accepted is True
        assert token.answer(statement, response).body["verdict"] == verdict
    assert token.resynchronise(*answers).raw == first.raw
    assert token.row.counter == 303


@of("token", [COUNTED], indirect=True)
def test_two_wrong_responses_are_one_attempt_and_a_repeat_is_none(token: Paired) -> None:
    (first, one), (second, two) = two_following(token, ahead=2000)
    for _ in range(2):
        assert token.resynchronise((first, one), (second, two)).body["tries_left"] == 4
    assert token.status()["failures"] == 1


@of("token", [COUNTED], indirect=True)
def test_the_last_wrong_attempt_locks_and_ends_the_second_statement(token: Paired) -> None:
    token.fail(token.statement(number=50), 4)
    answers = two_following(token, ahead=2000)
    last = token.resynchronise(*answers)
    assert last.body["reason"] == "attempts_exhausted"
    assert opened(last, token).s == answers[1][0].digest
    assert token.resynchronise(*answers).body["verdict"] == last.body["verdict"]
    assert resynchronise(token, number=10).code == "token_locked"


@of("token", [COUNTED], indirect=True)
def test_a_statement_that_has_ended_is_no_part_of_a_resynchronisation(token: Paired) -> None:
    (first, _), (second, _) = two_following(token)
    accepted = token.token.respond(first)
    token.answer(first, accepted)
    answer = token.resynchronise((first, accepted), (second, token.token.respond(second)))
    assert answer.code == "state_conflict"
    assert token.row.counter == 2


@of("token", [TIMED, HOTP], indirect=True)
def test_only_tests_and_for_tokens_without_questions_logins_serve(token: Paired) -> None:
    has_question = token.token.suite.has_question
    for kind in Kind:
        if kind.needs or kind is (Kind.TEST if has_question else Kind.LOGIN):
            continue
        answers = [(token.statement(kind, number=number), "00000000") for number in (1, 2)]
        assert token.resynchronise(*answers).code == "kind_refused"


@of("token", [TIMED], indirect=True)
def test_a_mistake_of_the_caller_is_not_counted(token: Paired) -> None:
    (first, one), (second, two) = two_following(token)
    other = replace(second, vk=bytes(8))
    cases = [
        (token.resynchronise((first, one), (first, one)), "input_invalid"),
        (token.resynchronise((first, one)), "input_invalid"),
        (token.resynchronise((first, one), (second, two), (second, two)), "input_invalid"),
        (token.resynchronise((first, one), (second, two), answers=["", ""]), "input_invalid"),
        (token.resynchronise((first, one), (second, two), answers=[{}, {}]), "input_invalid"),
        (token.resynchronise((first, one), (other, two)), "wrong_authserver"),
        (token.resynchronise((first, one), (second, two[:-1])), "response_malformed"),
        (token.resynchronise((first, "\uff11" * 8), (second, two)), "response_malformed"),
        (token.resynchronise((first, one), (second, two), last_seq=99), "host_rolled_back"),
    ]
    assert [answer.code for answer, _ in cases] == [code for _, code in cases]
    assert token.status()["tries_left"] == 5


@of("token", [COUNTED], indirect=True)
@of("action", ["suspend", "revoke"])
def test_a_token_that_is_not_active_is_not_looked_for(token: Paired, action: str) -> None:
    token.call("POST", f"/{action}")
    assert resynchronise(token).code == "token_not_active"


@of("token", [TIMED], indirect=True)
def test_it_is_told_as_an_event(token: Paired) -> None:
    resynchronise(token, steps=7)
    event = Event.objects.get(kind="resynchronised")
    assert (event.actor, event.detail) == ("token", {"drift": 7})


@of("token", [TIMED], indirect=True)
def test_the_window_follows_a_clock_that_goes_slowly_wrong(
    token: Paired, clock: time_machine.Traveller
) -> None:
    for late in range(1, 8):
        clock.shift(timedelta(days=30))
        statement = token.statement(number=late)
        right = token.token.respond(statement, steps=-late)
        assert token.answer(statement, right).body["accepted"] is True
        assert token.status()["drift"] == -late
    statement = token.statement(number=9)
    assert token.answer(statement).body["reason"] == "response_wrong"


@of("token", [COUNTED], indirect=True)
def test_a_counter_at_its_end_is_no_fault(token: Paired) -> None:
    Server.objects.update(counter=2**32 - 2)
    assert resynchronise(token).body["reason"] == "response_wrong"
    assert token.answer(token.statement(number=9)).body["reason"] == "response_wrong"
