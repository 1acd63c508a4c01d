"""Which time steps and counters a response may be right at."""

import pytest
import time_machine

from authserver.models import Server
from protocol.statement import Statement
from tests.authserver.world import COUNTER_SUITE, Bank, LocalHost, Paired

STEP_AND_COUNTER = "OCRA-1:HOTP-SHA256-8:C-QH64-T1M"


def long_after_activation(paired: Paired) -> Statement:
    """Make a statement when the activation's own time step is no bound any more."""
    Server.objects.update(time_step=0)
    return paired.statement()


@pytest.mark.parametrize("minutes", [-1, 0, 1])
def test_a_clock_one_step_off_is_accepted(active: Paired, minutes: int) -> None:
    statement = long_after_activation(active)
    right = active.token.respond(statement, minutes=minutes)
    assert active.answer(statement, right).body["accepted"] is True


@pytest.mark.parametrize("minutes", [-2, 2])
def test_a_clock_two_steps_off_is_wrong(active: Paired, minutes: int) -> None:
    statement = long_after_activation(active)
    right = active.token.respond(statement, minutes=minutes)
    assert active.answer(statement, right).body["reason"] == "response_wrong"


def test_two_statements_in_one_minute_are_two_questions(active: Paired) -> None:
    assert active.answer(active.statement(number=1)).body["accepted"] is True
    assert active.answer(active.statement(number=2)).body["accepted"] is True


def test_a_step_before_the_last_accepted_one_is_wrong(active: Paired) -> None:
    first, second = active.statement(number=1), active.statement(number=2)
    active.answer(first, active.token.respond(first, minutes=1))
    earlier = active.token.respond(second, minutes=0)
    assert active.answer(second, earlier).body["reason"] == "response_wrong"
    later = active.token.respond(second, minutes=1)
    assert active.answer(second, later).body["accepted"] is True


def test_a_wrong_response_moves_no_step(active: Paired, clock: time_machine.Traveller) -> None:
    before = active.row.time_step
    clock.shift(60)
    statement = active.statement()
    active.answer(statement, active.wrong(statement))
    assert active.row.time_step == before


def test_a_host_whose_clock_went_back_counts_nothing(
    active: Paired, clock: time_machine.Traveller
) -> None:
    clock.shift(-600)
    refused = active.answer(active.statement())
    assert (refused.status, refused.code) == (503, "not_ready")
    assert active.status()["tries_left"] == 5


@pytest.fixture
def counting(host: LocalHost, bank: Bank) -> Paired:
    paired = Paired.make(host, bank, COUNTER_SUITE)
    paired.activate()
    return paired


def test_the_counter_moves_past_the_one_that_matched(counting: Paired) -> None:
    assert counting.row.counter == 1
    counting.token.counter = 7
    assert counting.answer(counting.statement()).body["accepted"] is True
    assert counting.row.counter == 8


def test_a_used_counter_is_wrong(counting: Paired) -> None:
    counting.token.counter = 0
    assert counting.answer(counting.statement()).body["reason"] == "response_wrong"


@pytest.mark.parametrize(("ahead", "accepted"), [(19, True), (20, False)])
def test_the_look_ahead_has_an_end(counting: Paired, *, ahead: int, accepted: bool) -> None:
    counting.token.counter = 1 + ahead
    assert counting.answer(counting.statement()).body["accepted"] is accepted


def test_a_suite_with_both_needs_both_right(host: LocalHost, bank: Bank) -> None:
    paired = Paired.make(host, bank, STEP_AND_COUNTER)
    paired.activate()
    statement = paired.statement()
    late = paired.token.respond(statement, minutes=-2)
    assert paired.answer(statement, late).body["accepted"] is False
    paired.token.counter += 5
    assert paired.answer(statement).body["accepted"] is True
