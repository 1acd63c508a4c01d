"""GET /receipts/{tx}/steps?to=POS: what a receipt folded away, to be hashed again."""

import base64

import pytest

from protocol.digests import link_digest, statement_digest, verdict_digest
from protocol.rebuild import rebuild
from protocol.statement import Statement
from tests.platform.world import Person, call, read_receipt


def from_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def chain_of_five(anna: Person, ben: Person) -> str:
    receipt = anna.sign(anna.open())
    for person in (ben, anna, ben, anna):
        receipt = person.sign(person.follow(receipt))
    return receipt


def test_the_links_from_the_first_step_on_lead_to_the_anchor(anna: Person, ben: Person) -> None:
    receipt = read_receipt(chain_of_five(anna, ben))
    assert receipt.folded

    folded = anna.get(f"/receipts/{receipt.tx.hex()}/steps?to={receipt.folded - 1}")

    link = None
    for place, step in enumerate(folded):
        payload = from_base64(step["statement"])
        statement = Statement.from_payload(payload)
        assert (statement.pos, statement.prev) == (place, link)
        link = link_digest(statement_digest(payload), verdict_digest(from_base64(step["verdict"])))
    assert len(folded) == receipt.folded
    assert link == receipt.anchor


def test_the_steps_in_clear_are_those_that_are_rebuilt(anna: Person, ben: Person) -> None:
    receipt = read_receipt(chain_of_five(anna, ben))

    steps = ben.get(f"/receipts/{receipt.tx.hex()}/steps?to=4")

    again = [(step.payload, step.verdict) for step in rebuild(receipt)]
    stored = [(from_base64(s["statement"]), from_base64(s["verdict"])) for s in steps]
    assert stored[-len(again) :] == again


def test_steps_that_came_to_nothing_are_no_part_of_the_chain(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    ben.post(f"/steps/{ben.follow(receipt)['id']}/cancel")

    assert len(anna.get(f"/receipts/{read_receipt(receipt).tx.hex()}/steps?to=9")) == 1


def test_strangers_get_nothing(anna: Person, mallory: Person) -> None:
    path = f"/receipts/{read_receipt(anna.sign(anna.open())).tx.hex()}/steps?to=0"

    assert mallory.call("GET", path).refusal == (404, "not_found")
    assert call("GET", path).refusal == (401, "not_authenticated")


@pytest.mark.parametrize("to", ["-1", "-" + "9" * 40])
def test_before_the_first_there_are_none(anna: Person, to: str) -> None:
    tx = read_receipt(anna.sign(anna.open())).tx.hex()

    assert anna.get(f"/receipts/{tx}/steps?to={to}") == []


@pytest.mark.parametrize("to", ["9" * 9, "9" * 40])
def test_behind_the_last_there_is_the_whole_chain(anna: Person, to: str) -> None:
    tx = read_receipt(anna.sign(anna.open())).tx.hex()

    assert len(anna.get(f"/receipts/{tx}/steps?to={to}")) == 1


@pytest.mark.parametrize("query", ["", "to=", "to=x", "to=1.5", "to=%00", "to=" + "9" * 5000])
def test_a_position_that_is_none_is_refused(anna: Person, query: str) -> None:
    tx = read_receipt(anna.sign(anna.open())).tx.hex()

    assert anna.call("GET", f"/receipts/{tx}/steps?{query}").refusal == (422, "input_invalid")
