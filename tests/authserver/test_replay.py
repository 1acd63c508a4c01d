"""Step (2): one terminal verdict for each statement, given again to its own response alone."""

import pytest
import time_machine

from authserver.models import Verdict
from tests.authserver.world import COUNTER_SUITE, Bank, LocalHost, Paired, opened


def test_the_same_response_gets_the_same_bytes(active: Paired) -> None:
    statement = active.statement()
    first = active.answer(statement)
    assert active.answer(statement).raw == first.raw
    assert active.status()["seq"] == 2


def test_the_stored_verdict_is_given_after_expiry(
    active: Paired, clock: time_machine.Traveller
) -> None:
    statement = active.statement()
    right = active.token.respond(statement)
    first = active.answer(statement, right)
    clock.shift(86_400)
    assert active.answer(statement, right).raw == first.raw


def test_another_response_to_an_accepted_statement_is_replayed_and_not_counted(
    active: Paired,
) -> None:
    statement = active.statement()
    active.answer(statement)
    refused = active.answer(statement, active.wrong(statement))
    assert (refused.status, refused.code) == (409, "response_replayed")
    assert active.status()["tries_left"] == 5


@pytest.mark.parametrize("response", ["", "1", "\uff11" * 8, "x" * 1000])
def test_no_form_of_response_gets_past_an_accepted_statement(
    active: Paired, response: str
) -> None:
    statement = active.statement()
    active.answer(statement)
    assert active.answer(statement, response).code == "response_replayed"


def test_the_response_of_the_next_minute_is_another_one(
    active: Paired, clock: time_machine.Traveller
) -> None:
    statement = active.statement()
    active.answer(statement)
    clock.shift(60)
    assert active.answer(statement).code == "response_replayed"


def test_a_counter_response_is_checked_at_its_own_counter(host: LocalHost, bank: Bank) -> None:
    paired = Paired.make(host, bank, COUNTER_SUITE)
    paired.activate()
    statement = paired.statement()
    first = paired.answer(statement)
    assert paired.answer(statement).raw == first.raw
    paired.token.counter += 1
    assert paired.answer(statement).code == "response_replayed"


def test_a_refused_statement_keeps_its_verdict_whatever_the_response(active: Paired) -> None:
    statement = active.statement()
    last = active.fail(statement, 5)
    assert active.answer(statement).raw == last.raw
    assert active.answer(statement, "nonsense").raw == last.raw


def test_a_voided_statement_cannot_be_accepted_any_more(active: Paired) -> None:
    statement = active.statement()
    void = active.void(statement, "declined")
    assert active.answer(statement).body == void.body
    assert opened(void, active).accepted is False


@pytest.mark.parametrize("action", ["suspend", "revoke"])
def test_a_stored_verdict_outlives_its_token(active: Paired, action: str) -> None:
    statement = active.statement()
    first = active.answer(statement)
    active.call("POST", f"/{action}")
    assert active.answer(statement).raw == first.raw


def test_a_response_is_not_kept(active: Paired) -> None:
    statement = active.statement()
    right = active.token.respond(statement)
    active.answer(statement, right)
    for row in Verdict.objects.values():
        assert right not in map(str, row.values())
        assert right.encode() not in row["message"]
