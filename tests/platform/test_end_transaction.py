"""POST /transactions/{tx}/close, /cancel and /dispute."""

from typing import Any

import pytest

from enrolment.models import AuthserverHost
from tests.platform.world import Person, everything_stored, read_receipt, step_row, unreachable
from transactions import selectors
from transactions.models import Step
from transactions.services import challenge

WAYS = ["close", "cancel", "dispute"]


def path(step: dict[str, str], way: str) -> str:
    return f"/transactions/{step['transaction']}/{way}"


def test_the_owner_closes(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)

    assert anna.post(path(step, "close"))["state"] == "closed"


def test_a_transaction_is_not_closed_while_a_step_is_under_way(anna: Person) -> None:
    answer = anna.call("POST", path(anna.open(), "close"))

    assert answer.refusal == (409, "transaction_closed")
    assert "under way" in answer.body["detail"]


def test_the_last_signer_closes_if_the_owner_allowed_it(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open(last_signer_may_close=True)))
    ben.sign(step)

    assert ben.post(path(step, "close"))["state"] == "closed"


def test_the_last_signer_does_not_close_otherwise(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))
    ben.sign(step)

    assert ben.call("POST", path(step, "close")).refusal == (403, "not_your_turn")


def test_an_earlier_signer_does_not_close(anna: Person, ben: Person, cora: Person) -> None:
    second = ben.sign(ben.follow(anna.sign(anna.open(last_signer_may_close=True))))
    step = cora.follow(second)
    cora.sign(step)

    assert ben.call("POST", path(step, "close")).refusal == (403, "not_your_turn")


def test_the_owner_cancels_and_an_open_step_ends_with_it(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))

    assert anna.post(path(step, "cancel"))["state"] == "cancelled"
    assert step_row(step).state == Step.State.CANCELLED


def test_nothing_is_cancelled_while_an_open_step_cannot_be_ended(
    anna: Person, host: AuthserverHost
) -> None:
    step = anna.open()

    with unreachable(host):
        answer = anna.call("POST", path(step, "cancel"))

    assert answer.refusal == (503, "authserver_unavailable")
    assert anna.get(f"/transactions/{step['transaction']}")["state"] == "open"


def test_only_the_owner_cancels(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))

    assert ben.call("POST", path(step, "cancel")).refusal == (403, "not_your_turn")


def test_each_party_may_dispute(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))
    ben.sign(step)

    assert ben.post(path(step, "dispute"))["state"] == "disputed"


def test_a_closed_transaction_may_be_disputed(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    anna.post(path(step, "close"))

    assert anna.post(path(step, "dispute"))["state"] == "disputed"


@pytest.mark.parametrize("way", WAYS)
def test_a_cancelled_transaction_changes_no_more(anna: Person, way: str) -> None:
    step = anna.open()
    anna.post(path(step, "cancel"))

    assert anna.call("POST", path(step, way)).refusal == (409, "transaction_closed")


@pytest.mark.parametrize("way", WAYS)
def test_a_disputed_transaction_is_not_continued(anna: Person, ben: Person, way: str) -> None:
    receipt = anna.sign(anna.open())
    anna.post(f"/transactions/{read_receipt(receipt).tx.hex()}/dispute")

    assert ben.try_follow(receipt).refusal == (409, "transaction_closed")
    assert anna.call("POST", f"/transactions/{read_receipt(receipt).tx.hex()}/{way}").refusal == (
        409,
        "transaction_closed",
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_stranger_is_not_even_told_that_there_is_a_transaction(
    anna: Person, mallory: Person, way: str
) -> None:
    step = anna.open()
    before = everything_stored()

    refusal = mallory.call("POST", path(step, way)).refusal

    assert refusal == (404, "not_found")
    assert refusal == mallory.call("POST", f"/transactions/{'0' * 16}/{way}").refusal
    assert everything_stored() == before


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_id_of_a_transaction_is_refused(anna: Person, way: str) -> None:
    answer = anna.call("POST", f"/transactions/nonsense/{way}")

    assert answer.refusal == (422, "input_invalid")


def test_a_transaction_closed_while_a_step_is_being_made_takes_it_no_more(
    anna: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = anna.open()
    receipt = anna.sign(first)
    look = selectors.recent_steps

    def close_first(**asked: Any) -> list[Step]:
        anna.post(path(first, "close"))
        return look(**asked)

    # The last look before the step is written: the owner closes right behind it.
    monkeypatch.setattr(challenge, "recent_steps", close_first)

    assert ben.try_follow(receipt).refusal == (409, "transaction_closed")
    assert Step.objects.filter(state__in=Step.OPEN).count() == 0
