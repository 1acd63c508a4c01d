"""/tokens/<serial>/resynchronise: two following responses find a token again."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from audit.models import AuditRow
from enrolment.models import Token
from tests.platform.operators import browser_of, text
from tests.platform.policies import set_policy
from tests.platform.stock import CLOCKLESS, COUNTING, HOTP, TOTP, TYPED, Hand, Stock
from tests.platform.world import Person, now, unreachable
from tokens.token import Token as Card
from transactions.models import Step, Transaction


def runs_away(hand: Hand, presses: int = 300) -> None:
    """Press the button far too often."""
    for _ in range(presses):
        hand.card = hand.card.advanced()


def begin(hand: Hand) -> list[dict[str, Any]]:
    return list(hand.person.post(f"/tokens/{hand.card.serial}/resynchronisations"))


def finish(hand: Hand, steps: list[dict[str, Any]], codes: list[str]) -> dict[str, Any]:
    answers = [
        {"step": step["id"], "response": code} for step, code in zip(steps, codes, strict=True)
    ]
    path = f"/tokens/{hand.card.serial}/resynchronise"
    return dict(hand.person.post(path, {"answers": answers}))


@pytest.mark.parametrize("suite", [COUNTING, HOTP])
def test_a_counter_that_ran_away_is_found_by_two_following_codes(
    mallory: Person, stock: Stock, suite: str
) -> None:
    hand = Hand.active(mallory, stock.take(suite))
    runs_away(hand)
    steps = begin(hand)
    kind = "test" if suite == COUNTING else "login"
    assert [step["demand"]["kind"] for step in steps] == [kind] * 2

    answer = finish(hand, steps, [hand.code(step) for step in steps])

    assert answer["accepted"] is True
    assert AuditRow.objects.filter(action="token.resynchronised").count() == 1
    assert set(Transaction.objects.values_list("state", flat=True)) == {"closed"}
    if suite == COUNTING:
        assert hand.answer(mallory.post(f"/tokens/{hand.card.serial}/test"))["accepted"] is True


def test_a_clock_that_ran_away_is_found(mallory: Person, stock: Stock) -> None:
    hand = Hand.active(mallory, stock.take(TOTP))
    ahead = timedelta(minutes=20)
    steps = begin(hand)
    with time_machine.travel(now() + ahead, tick=False):
        first = hand.card.press(now())
    with time_machine.travel(now() + ahead + timedelta(seconds=30), tick=False):
        second = hand.card.press(now())

    assert finish(hand, steps, [first, second])["accepted"] is True


def test_two_wrong_codes_are_one_try(mallory: Person, stock: Stock) -> None:
    hand = Hand.active(mallory, stock.take(COUNTING))
    steps = begin(hand)

    answer = finish(hand, steps, ["000000", "000000"])

    assert (answer["accepted"], answer["tries_left"]) == (False, 4)
    assert Token.objects.get().tries_left == 4


def test_a_lost_answer_is_given_again(mallory: Person, stock: Stock) -> None:
    hand = Hand.active(mallory, stock.take(COUNTING))
    steps = begin(hand)
    codes = [hand.code(step) for step in steps]
    finish(hand, steps, codes)
    Step.objects.filter(s=bytes.fromhex(steps[1]["id"])).update(
        state="challenged", seq=None, receipt=None, receipt_id=None, link=None
    )

    assert finish(hand, steps, codes)["accepted"] is True


def test_the_codes_that_found_it_are_never_right_again(mallory: Person, stock: Stock) -> None:
    hand = Hand.active(mallory, stock.take(HOTP))
    steps = begin(hand)
    codes = [hand.code(step) for step in steps]
    finish(hand, steps, codes)

    assert finish(hand, begin(hand), codes)["accepted"] is False


def test_a_policy_of_one_challenge_at_a_time_does_not_stand_in_the_way(
    mallory: Person, stock: Stock
) -> None:
    hand = Hand.active(mallory, stock.take(COUNTING))
    set_policy(open_challenges=1)

    assert len(begin(hand)) == 2


def test_a_token_without_clock_and_counter_cannot_run_away(mallory: Person, stock: Stock) -> None:
    hand = Hand.active(mallory, stock.take(CLOCKLESS))

    answer = mallory.call("POST", f"/tokens/{hand.card.serial}/resynchronisations")

    assert answer.refusal == (409, "nothing_to_resynchronise")
    page = text(browser_of(mallory).get(f"/tokens/{hand.card.serial}"))
    assert "resynchronise" not in page


def test_without_room_for_two_none_is_left_open(mallory: Person, stock: Stock) -> None:
    hand = Hand.active(mallory, stock.take(COUNTING))
    for _ in range(2):
        mallory.post(f"/tokens/{hand.card.serial}/test")

    answer = mallory.call("POST", f"/tokens/{hand.card.serial}/resynchronisations")

    assert answer.refusal == (429, "too_many_challenges")
    assert Step.objects.filter(state__in=Step.OPEN).count() == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda steps, theirs: [steps[0], steps[0]],
        lambda steps, theirs: [steps[0], theirs],
        lambda steps, theirs: [steps[0], {"id": "0" * 64}],
    ],
    ids=["twice the same", "another's", "unknown"],
)
def test_what_are_no_two_steps_of_the_token_is_not_there(
    mallory: Person, anna: Person, stock: Stock, spoil: Any
) -> None:
    hand = Hand.active(mallory, stock.take(COUNTING))
    first, second = spoil(begin(hand), anna.open())
    answers = [{"step": step["id"], "response": "123456"} for step in (first, second)]

    path = f"/tokens/{hand.card.serial}/resynchronise"

    assert mallory.call("POST", path, {"answers": answers}).refusal == (404, "not_found")


@pytest.mark.parametrize("answers", [[], [{"step": "0" * 64, "response": "1"}], None, "x"])
def test_what_are_no_two_answers_is_refused(mallory: Person, answers: object) -> None:
    answer = mallory.call("POST", "/tokens/T/resynchronise", {"answers": answers})

    assert answer.refusal == (422, "input_invalid")


# The pages.


def test_the_pages_lead_through_it(mallory: Person, stock: Stock) -> None:
    hand = Hand.active(mallory, stock.take(TYPED))
    browser, path = browser_of(mallory), f"/tokens/{hand.card.serial}/resynchronise"
    assert "count as one try" in text(browser.get(path))
    place = browser.post(path, {"csrfmiddlewaretoken": "1"})["Location"]
    page = text(browser.get(place))
    assert "This is a TEST" in page
    steps = [mallory.get(f"/steps/{s}") for s in place.split("/")[-2:]]
    for step in steps:
        question = step["question"]
        assert f"{question[:4]} {question[4:8]} {question[8:]}" in page

    with time_machine.travel(now() + timedelta(minutes=10), tick=False):
        first = hand.code(steps[0])
    with time_machine.travel(now() + timedelta(minutes=11), tick=False):
        second = hand.code(steps[1])
    wrong = browser.post(place, {"first": "00000000", "second": "00000000"})
    assert wrong.status_code == 422
    assert "4 tries are left" in text(wrong)
    answer = browser.post(place, {"first": first, "second": second})

    assert answer["Location"] == f"/tokens/{hand.card.serial}"
    assert "are right again" in text(browser.get(answer["Location"]))


def test_a_host_without_an_answer_loses_nothing(mallory: Person, stock: Stock) -> None:
    hand = Hand.active(mallory, stock.take(COUNTING))
    browser, path = browser_of(mallory), f"/tokens/{hand.card.serial}/resynchronise"
    place = browser.post(path, {})["Location"]
    steps = [mallory.get(f"/steps/{s}") for s in place.split("/")[-2:]]
    first, second = (hand.code(step) for step in steps)
    fields = {"first": first, "second": second}
    with unreachable(Token.objects.get().host):
        answer = browser.post(place, fields)

    assert answer.status_code == 503
    assert "You may send the same digits once more" in text(answer)
    assert browser.post(place, fields)["Location"] == f"/tokens/{hand.card.serial}"


def test_steps_that_have_ended_lead_back_to_the_beginning(mallory: Person, stock: Stock) -> None:
    hand = Hand.active(mallory, stock.take(COUNTING))
    browser, path = browser_of(mallory), f"/tokens/{hand.card.serial}/resynchronise"
    place = browser.post(path, {})["Location"]
    mallory.post(f"/steps/{place.split('/')[-1]}/cancel")

    assert browser.get(place)["Location"] == path


def test_a_card_without_questions_has_nothing_to_scan_or_type(
    mallory: Person, stock: Stock
) -> None:
    hand = Hand.active(mallory, stock.take(HOTP))
    browser = browser_of(mallory)
    place = browser.post(f"/tokens/{hand.card.serial}/resynchronise", {})["Location"]

    page = text(browser.get(place))

    assert "Have your card show a code" in page
    assert "<img" not in page
    assert isinstance(hand.card, Card)
