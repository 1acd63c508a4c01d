"""What happens when somebody else was faster between looking and writing: constraints decide."""

from typing import Any

import pytest

from enrolment.authserver_client import AuthserverClient
from enrolment.errors import AuthserverRefusedError
from tests.platform.world import Person, everything_stored, lose_the_answer, step_row
from transactions.models import Step, Transaction
from transactions.services import chain, challenge


def test_a_slot_that_was_taken_meanwhile_is_given_up_for_another(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = step_row(anna.open()).slot
    looked: list[int] = []
    free_slot = challenge._free_slot

    def late(*arguments: Any) -> int:
        looked.append(free_slot(*arguments))
        return taken if len(looked) == 1 else looked[-1]

    monkeypatch.setattr(challenge, "_free_slot", late)

    assert step_row(anna.open()).slot != taken
    assert len(looked) == 2


def test_a_head_that_was_continued_meanwhile_has_moved(
    anna: Person, ben: Person, cora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = anna.sign(anna.open())
    ben.follow(receipt)
    before = everything_stored()
    monkeypatch.setattr(chain, "clear_way", lambda *_: None)

    assert cora.try_follow(receipt).refusal == (409, "chain_head_moved")
    assert everything_stored() == before


def test_a_first_step_that_finds_no_slot_leaves_no_transaction(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = step_row(anna.open()).slot
    monkeypatch.setattr(challenge, "_free_slot", lambda *_: taken)
    chains = Transaction.objects.count()

    assert anna.try_open().refusal == (409, "chain_head_moved")
    assert Transaction.objects.count() == chains


def test_a_verdict_that_somebody_else_took_in_meanwhile_ends_the_step_once(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = anna.open()
    response = anna.response(step)
    judge = AuthserverClient.judge
    inner: list[Any] = []

    def twice(client: AuthserverClient, **asked: Any) -> Any:
        outcome = judge(client, **asked)
        if not inner:
            inner.append(None)
            inner[0] = anna.answer(step, response)
        return outcome

    monkeypatch.setattr(AuthserverClient, "judge", twice)

    outer = anna.answer(step, response)

    assert outer.body == inner[0].body
    assert outer.body["accepted"] is True


def test_an_expired_challenge_that_somebody_answered_in_time_is_a_replay(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = anna.open()
    response = anna.response(step)
    lose_the_answer(step, response)

    def too_late(*_: object, **__: object) -> None:
        raise AuthserverRefusedError(code="challenge_expired", status=410, detail="Too late.")

    monkeypatch.setattr(AuthserverClient, "judge", too_late)

    assert anna.answer(step, response).refusal == (409, "response_replayed")
    assert step_row(step).state == Step.State.SIGNED


def test_a_step_that_ended_meanwhile_is_not_ended_again(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = anna.open()
    void = AuthserverClient.void

    def after_the_signature(client: AuthserverClient, **asked: Any) -> Any:
        monkeypatch.undo()
        anna.sign(step)
        return void(client, **asked)

    monkeypatch.setattr(AuthserverClient, "void", after_the_signature)

    assert anna.post(f"/steps/{step['id']}/cancel")["state"] == "signed"
