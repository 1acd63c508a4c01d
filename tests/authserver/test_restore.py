"""python -m authserver after_restore: a host whose database came back from a backup."""

from datetime import UTC, datetime

import pytest
import time_machine

from authserver.services import after_restore
from protocol.statement import Kind
from tests.authserver.world import COUNTER_SUITE, Bank, LocalHost, Paired, opened

PAUSE = 660


@pytest.fixture
def restored(active: Paired) -> Paired:
    after_restore(now=datetime.now(UTC))
    return active


def test_the_host_is_not_ready_for_the_longest_life_of_a_statement(
    restored: Paired, host: LocalHost, clock: time_machine.Traveller
) -> None:
    clock.shift(PAUSE - 1)
    assert host.call("GET", "/readyz").code == "not_ready"
    clock.shift(1)
    assert host.call("GET", "/readyz").status == 200


def test_no_response_is_judged_until_every_statement_of_then_has_expired(
    restored: Paired, clock: time_machine.Traveller
) -> None:
    assert restored.answer(restored.statement()).code == "token_locked"
    clock.shift(PAUSE)
    assert restored.answer(restored.statement()).body["accepted"] is True


def test_sequence_numbers_go_on_in_a_new_generation(
    restored: Paired, clock: time_machine.Traveller
) -> None:
    restored.last_seq = 1000
    clock.shift(PAUSE)
    assert opened(restored.answer(restored.statement()), restored).seq == 2**32 + 1


def test_a_server_paired_later_begins_in_the_new_generation(
    restored: Paired, host: LocalHost, bank: Bank
) -> None:
    later = Paired.make(host, bank)
    assert opened(later.void(later.statement(Kind.ACTIVATION)), later).seq == 2**32 + 1


def test_the_next_wrong_response_locks(restored: Paired, clock: time_machine.Traveller) -> None:
    clock.shift(PAUSE)
    statement = restored.statement()
    wrong = restored.answer(statement, restored.wrong(statement))
    assert wrong.body["reason"] == "attempts_exhausted"


def test_counters_move_past_what_may_have_been_used(host: LocalHost, bank: Bank) -> None:
    paired = Paired.make(host, bank, COUNTER_SUITE)
    paired.activate()
    after_restore(now=datetime.now(UTC))
    assert paired.row.counter == 1 + 20


def test_open_invitations_are_void(paired: Paired) -> None:
    after_restore(now=datetime.now(UTC))
    assert paired.enrol().code == "ticket_unknown"
    assert paired.status()["state"] == "revoked"


def test_a_longer_lock_stays(active: Paired) -> None:
    for number in range(2):
        active.fail(active.statement(number=number), 5)
        active.call("POST", "/unlock")
    last = active.fail(active.statement(number=2), 5)
    after_restore(now=datetime.now(UTC))
    assert active.status()["locked_until"] == last.body["locked_until"]
