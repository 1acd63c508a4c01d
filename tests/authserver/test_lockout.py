"""Five failures in a row lock, longer each time; thirty in thirty days block."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from authserver.models import Failure
from authserver.services import unlock_by_operator
from protocol.statement import Kind, Statement
from protocol.verdict import Reason
from tests.authserver.world import NOON, Answer, Paired, opened

MINUTE = 60


def fail(paired: Paired, times: int, number: int = 0) -> Answer:
    return paired.fail(paired.statement(number=number), times)


def fresh(paired: Paired) -> Statement:
    return paired.statement(number=999)


def test_the_fifth_failure_in_a_row_locks_and_ends_the_statement_signed(
    active: Paired,
) -> None:
    last = fail(active, 5)
    assert last.body["accepted"] is False
    assert last.body["reason"] == "attempts_exhausted"
    assert last.body["tries_left"] == 0
    assert last.body["locked_until"] == int(NOON.timestamp()) + MINUTE
    verdict = opened(last, active)
    assert (verdict.reason, verdict.seq) == (Reason.ATTEMPTS_EXHAUSTED, 2)
    assert verdict.s == active.statement().digest


def test_failures_add_up_over_statements(active: Paired) -> None:
    for number in range(4):
        assert fail(active, 1, number).body["tries_left"] == 4 - number
    assert fail(active, 1, 4).body["reason"] == "attempts_exhausted"


def test_the_sixth_try_is_refused_even_if_the_code_is_right(active: Paired) -> None:
    fail(active, 5)
    locked = active.answer(fresh(active))
    assert (locked.status, locked.code) == (423, "token_locked")
    assert locked.body["locked_until"] == int(NOON.timestamp()) + MINUTE
    assert active.status()["tries_left"] == 0


def test_a_lock_ends_by_itself_and_gives_five_tries(
    active: Paired, clock: time_machine.Traveller
) -> None:
    fail(active, 5)
    clock.shift(MINUTE - 1)
    assert active.answer(fresh(active)).code == "token_locked"
    clock.shift(1)
    status = active.status()
    assert (status["locked"], status["locked_until"], status["tries_left"]) == (False, None, 5)
    assert active.answer(fresh(active)).body["accepted"] is True


def test_each_lock_is_longer_than_the_one_before(
    active: Paired, clock: time_machine.Traveller
) -> None:
    lengths = []
    for number in range(5):
        end = fail(active, 5, number).body["locked_until"]
        lengths.append(end - int(time.time()))
        clock.move_to(end)
    assert lengths == [MINUTE, 5 * MINUTE, 30 * MINUTE, 24 * 60 * MINUTE, 24 * 60 * MINUTE]


def test_success_alone_brings_the_first_length_back(
    active: Paired, clock: time_machine.Traveller
) -> None:
    clock.move_to(fail(active, 5, 1).body["locked_until"])
    clock.move_to(fail(active, 5, 2).body["locked_until"])
    active.answer(fresh(active))
    assert active.row.lock_level == 0
    before = int(time.time())
    assert fail(active, 5, 3).body["locked_until"] == before + MINUTE


def test_thirty_failures_in_thirty_days_block_whatever_lies_between(
    active: Paired, clock: time_machine.Traveller
) -> None:
    for number in range(7):
        fail(active, 4, number)
        active.answer(active.statement(number=100 + number))
        clock.shift(timedelta(days=4))
    assert fail(active, 1, 200).body["reason"] == "response_wrong"
    last = fail(active, 1, 201)
    assert last.body["reason"] == "attempts_exhausted"
    assert last.body["locked_until"] is None
    clock.shift(timedelta(days=300))
    blocked = active.answer(fresh(active))
    assert (blocked.code, blocked.body["locked_until"]) == ("token_locked", None)
    status = active.status()
    assert (status["locked"], status["locked_until"], status["tries_left"]) == (True, None, 0)


def test_failures_of_more_than_thirty_days_ago_are_not_in_the_budget(
    active: Paired, clock: time_machine.Traveller
) -> None:
    for number in range(7):
        fail(active, 4, number)
        active.answer(active.statement(number=100 + number))
    clock.shift(timedelta(days=30))
    assert fail(active, 4, 200).body == {
        "accepted": False,
        "reason": "response_wrong",
        "tries_left": 1,
    }


def test_the_platform_ends_a_timed_lock_but_not_its_growth(active: Paired) -> None:
    fail(active, 5, 1)
    assert active.unlock().body == {"state": "active"}
    assert active.status()["tries_left"] == 5
    assert fail(active, 5, 2).body["locked_until"] == int(time.time()) + 5 * MINUTE


def test_the_platform_lifts_a_block_once_in_thirty_days(
    active: Paired, clock: time_machine.Traveller
) -> None:
    for number in range(6):
        fail(active, 5, number)
        assert active.unlock().body == {"state": "active"}
    assert (active.status()["is_blocked"], active.status()["failures"]) == (False, 0)
    for number in range(6):
        active.unlock()
        fail(active, 5, 100 + number)
    refused = active.unlock()
    assert (refused.status, refused.code) == (409, "state_conflict")
    assert active.answer(fresh(active)).code == "token_locked"
    assert Failure.objects.count() == 60
    clock.shift(timedelta(days=30))
    assert active.unlock().status == 200
    assert active.answer(fresh(active)).body["accepted"] is True


@pytest.mark.parametrize("proof", ["", "holder", "Passkey", "passkey "])
def test_an_unlocking_names_its_second_proof(active: Paired, proof: str) -> None:
    fail(active, 5)
    refused = active.unlock(proof)
    assert (refused.status, refused.code) == (422, "input_invalid")
    assert active.status()["locked"] is True


def test_the_tries_left_are_the_smaller_of_both_counts(
    active: Paired, clock: time_machine.Traveller
) -> None:
    for number in range(7):
        fail(active, 4, number)
        active.answer(active.statement(number=100 + number))
    status = active.status()
    assert (status["failures"], status["budget"], status["tries_left"]) == (28, 30, 2)
    assert fail(active, 1, 200).body["tries_left"] == 1
    repeat = fail(active, 1, 200)
    assert repeat.body["tries_left"] == 1


@pytest.mark.parametrize("name", ["vk", "serial"])
def test_the_operator_unlocks_and_begins_the_budget_anew(active: Paired, name: str) -> None:
    for number in range(6):
        active.unlock()
        fail(active, 5, number)
    unlock_by_operator(name=getattr(active, name).lower(), operator="kim", now=datetime.now(UTC))
    assert active.status()["tries_left"] == 5
    assert active.answer(fresh(active)).body["accepted"] is True
    assert active.row.lock_level == 0


def test_a_repeat_of_a_wrong_response_is_answered_while_tries_are_left(active: Paired) -> None:
    first, second = active.statement(number=1), active.statement(number=2)
    active.answer(first, active.wrong(first))
    active.answer(second, active.wrong(second))
    assert active.answer(first, active.wrong(first)).body["tries_left"] == 3


def test_an_activation_locks_like_any_other_statement(paired: Paired) -> None:
    paired.enrol()
    paired.confirm()
    last = paired.fail(paired.statement(Kind.ACTIVATION), 5)
    assert last.body["reason"] == "attempts_exhausted"
    assert paired.status()["state"] == "confirmed"
