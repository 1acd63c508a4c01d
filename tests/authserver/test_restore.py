"""python -m authserver after_restore: a host whose database came back from a backup."""

from datetime import UTC, datetime

import pytest
import time_machine

from authserver.errors import AuthserverError
from authserver.models import Event, Server, Verdict
from authserver.services import after_restore, unlock_by_operator
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
        active.unlock()
    last = active.fail(active.statement(number=2), 5)
    after_restore(now=datetime.now(UTC))
    assert active.status()["locked_until"] == last.body["locked_until"]


def test_a_server_that_has_come_further_elsewhere_goes_on_from_there(
    active: Paired, clock: time_machine.Traveller
) -> None:
    # It came from a host that had been restored often.
    Server.objects.update(seq=(7 << 32) + 41)
    after_restore(now=datetime.now(UTC))
    clock.shift(PAUSE)
    active.last_seq = (7 << 32) + 1000
    assert opened(active.answer(active.statement()), active).seq == (8 << 32) + 1
    after_restore(now=datetime.now(UTC))
    assert active.status()["seq"] == 9 << 32


@pytest.mark.parametrize("seconds", [30, 3600])
def test_a_code_without_a_question_that_may_have_been_used_is_not_accepted(
    host: LocalHost, bank: Bank, clock: time_machine.Traveller, seconds: int
) -> None:
    paired = Paired.make(host, bank, f"TOTP:SHA1-6:T{seconds}")
    paired.activate()
    clock.shift(seconds)
    statement = paired.statement(Kind.LOGIN)
    codes = [paired.token.respond(statement, steps=ahead) for ahead in (0, 1)]
    # What was accepted is lost with the database.
    assert paired.answer(statement, codes[0]).body["accepted"] is True
    Server.objects.update(time_step=None)
    Verdict.objects.all().delete()
    after_restore(now=datetime.now(UTC))
    clock.shift(PAUSE)
    for number, code in enumerate(codes):
        later = paired.answer(paired.statement(Kind.LOGIN, number=number), code)
        assert later.body.get("accepted", False) is False
    paired.unlock()
    clock.shift(2 * seconds)
    assert paired.answer(paired.statement(Kind.LOGIN, number=9)).body["accepted"] is True


@pytest.mark.parametrize("who", ["platform", "operator"])
def test_nobody_unlocks_before_every_statement_of_then_has_expired(
    restored: Paired, clock: time_machine.Traveller, who: str
) -> None:
    def unlock() -> str:
        if who == "platform":
            return restored.unlock().code
        try:
            unlock_by_operator(name=restored.vk, operator="kim", now=datetime.now(UTC))
        except AuthserverError as error:
            return error.code.name.lower()
        return ""

    assert unlock() == "not_ready"
    assert restored.answer(restored.statement()).code == "token_locked"
    clock.shift(PAUSE)
    assert unlock() == ""


@pytest.mark.parametrize("state", ["stock", "suspended", "revoked", "replaced", "moved"])
def test_a_state_that_is_no_enrolment_stays(active: Paired, state: str) -> None:
    Server.objects.update(state=state)
    after_restore(now=datetime.now(UTC))
    assert active.row.state == state


def test_what_it_voids_is_told(paired: Paired) -> None:
    after_restore(now=datetime.now(UTC))
    event = Event.objects.last()
    assert event is not None
    assert (event.kind, event.actor) == ("revoked", "host")
