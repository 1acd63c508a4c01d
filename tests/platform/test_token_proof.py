"""POST /steps/{S}/proof, "check that this is really us": mutual OCRA on the page of a step."""

import pytest
from django.test import Client

from audit.models import AuditRow
from tests.platform.operators import browser_of, text
from tests.platform.stock import HOTP, TYPED, Hand, Stock
from tests.platform.world import Person, everything_as_bytes, now, unreachable
from tokens.errors import RefusedError


@pytest.fixture
def hand(mallory: Person, stock: Stock) -> Hand:
    """A card with a keypad."""
    return Hand.active(mallory, stock.take(TYPED))


@pytest.fixture
def browser(mallory: Person) -> Client:
    return browser_of(mallory)


def opened(hand: Hand) -> dict[str, str]:
    body = {"demand": {"kind": "approval"}, "remark": "Yes", "token": hand.card.serial}
    return dict(hand.person.post("/transactions", body))


def test_the_server_answers_and_the_token_then_answers_in_the_same_exchange(hand: Hand) -> None:
    step, challenge = opened(hand), hand.card.challenge()
    proof = hand.person.post(f"/steps/{step['id']}/proof", {"challenge": challenge})

    hand.card.check_platform(step["question"], challenge, proof["answer"], now())
    response = hand.card.respond_typed(step["question"], now(), challenge)

    answer = hand.person.post(f"/steps/{step['id']}/response", {"response": response})
    assert answer["accepted"] is True
    assert AuditRow.objects.get(action="host.proved").subject == step["id"]


def test_after_the_check_the_plain_response_is_wrong(hand: Hand) -> None:
    step = opened(hand)
    hand.person.post(f"/steps/{step['id']}/proof", {"challenge": hand.card.challenge()})

    assert hand.answer(step)["accepted"] is False


def test_another_site_cannot_answer(hand: Hand) -> None:
    step, challenge = opened(hand), hand.card.challenge()

    with pytest.raises(RefusedError, match="not the true platform"):
        hand.card.check_platform(step["question"], challenge, "12345678", now())


def test_the_same_digits_are_answered_again_and_others_are_not(hand: Hand) -> None:
    step, challenge = opened(hand), "1234567890"
    path = f"/steps/{step['id']}/proof"
    first, second = (hand.person.post(path, {"challenge": challenge}) for _ in range(2))
    assert first == second

    other = hand.person.call("POST", path, {"challenge": "1234567891"})

    assert other.refusal == (409, "proof_given")


def test_nobody_has_the_server_answer_for_another_s_step(hand: Hand, anna: Person) -> None:
    step = opened(hand)

    for s in (step["id"], "0" * 64):
        answer = anna.call("POST", f"/steps/{s}/proof", {"challenge": "1234567890"})
        assert answer.refusal == (404, "not_found")


def test_a_step_that_has_ended_proves_nothing(hand: Hand) -> None:
    step = opened(hand)
    hand.person.post(f"/steps/{step['id']}/cancel")

    answer = hand.person.call("POST", f"/steps/{step['id']}/proof", {"challenge": "1234567890"})

    assert answer.refusal == (409, "challenge_void")


def test_the_page_shows_what_the_server_answers(hand: Hand, browser: Client) -> None:
    step, challenge = opened(hand), hand.card.challenge()
    path = f"/steps/{step['id']}"
    assert "Check that this is really us first" in text(browser.get(path))

    answer = browser.post(
        path, {"action": "prove", "challenge": f"{challenge[:5]} {challenge[5:]}"}
    )

    assert answer["Location"] == path
    page = text(browser.get(path))
    proof = hand.person.post(f"{path}/proof", {"challenge": challenge})["answer"]
    assert f"{proof[:4]} {proof[4:]}" in page
    assert 'value="prove"' not in page


def test_what_the_server_answered_is_readable_in_no_table(hand: Hand, browser: Client) -> None:
    step, challenge = opened(hand), hand.card.challenge()
    browser.post(f"/steps/{step['id']}", {"action": "prove", "challenge": challenge})

    proof = hand.person.post(f"/steps/{step['id']}/proof", {"challenge": challenge})["answer"]

    assert proof.encode() not in everything_as_bytes()
    assert challenge.encode() not in everything_as_bytes()


@pytest.mark.parametrize(
    "challenge", ["", "123", "0123456789", "12345678901", "abcdefghij", "\uff11" * 10]
)
def test_what_no_token_shows_is_refused_beside_the_field(
    hand: Hand, browser: Client, challenge: str
) -> None:
    step = opened(hand)

    answer = browser.post(f"/steps/{step['id']}", {"action": "prove", "challenge": challenge})

    assert answer.status_code == 422
    assert hand.answer(step)["accepted"] is True, "nothing was used up"


def test_scanning_tokens_and_cards_are_not_offered_it(
    anna: Person, mallory: Person, stock: Stock
) -> None:
    step = anna.open()
    assert 'value="prove"' not in text(browser_of(anna).get(f"/steps/{step['id']}"))
    answer = browser_of(anna).post(f"/steps/{step['id']}", {"action": "prove", "challenge": "1"})
    assert answer.status_code == 400

    card = stock.take(HOTP)
    mallory.post("/tokens/assign", {"serial": card.serial})
    step = mallory.post(f"/tokens/{card.serial}/activate")
    assert 'value="prove"' not in text(browser_of(mallory).get(f"/steps/{step['id']}"))


def test_an_outage_uses_nothing_up(hand: Hand, browser: Client) -> None:
    step, challenge = opened(hand), hand.card.challenge()
    fields = {"action": "prove", "challenge": challenge}
    with unreachable(hand.person.holder.tokens.get().host):
        assert browser.post(f"/steps/{step['id']}", fields).status_code == 503

    assert browser.post(f"/steps/{step['id']}", fields).status_code == 302
