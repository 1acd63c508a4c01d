"""POST /tokens/assign, /tokens/assign: take a token from stock by its serial, and activate it."""

import time
from datetime import timedelta

import pytest
import time_machine

from accounts.models import Holder
from audit.models import AuditRow
from enrolment.models import AuthserverHost, Token
from enrolment.services import assign_token, release_unclaimed, settle_owed
from enrolment.services.approvals import Order, act
from notices.models import Notice
from tests.platform.operators import browser_of, text
from tests.platform.policies import set_policy
from tests.platform.stock import COUNTING, HOTP, TOTP, TYPED, Hand, Stock
from tests.platform.world import Person, everything_stored, now, unreachable
from transactions.models import Step

DAY = timedelta(hours=24, minutes=1)
UNKNOWN = (404, "serial_unknown")


def state_of(serial: str) -> str:
    return Token.objects.get(serial=serial).state


def take(person: Person, serial: str) -> tuple[int, str]:
    """Try to take a token; return how that was refused."""
    return person.call("POST", "/tokens/assign", {"serial": serial}).refusal


# By the holder.


def test_a_token_is_taken_by_its_serial_and_active_after_one_answer(
    mallory: Person, stock: Stock
) -> None:
    hand = Hand(mallory, stock.take(TYPED))

    taken = mallory.post("/tokens/assign", {"serial": hand.card.serial, "name": "Card"})
    assert (taken["state"], taken["name"], taken["sight"]) == ("confirmed", "Card", 1)
    assert hand.answer(mallory.post(f"/tokens/{hand.card.serial}/activate"))["accepted"] is True

    assert state_of(hand.card.serial) == "active"
    rows = AuditRow.objects.filter(subject=hand.card.serial).order_by("pk")
    assert [row.action for row in rows] == ["token.assigned", "token.activated"]
    assert Notice.objects.get().kind == "added"


@pytest.mark.parametrize("suite", [HOTP, TOTP])
def test_a_card_without_questions_is_activated_by_a_code_and_signs_nothing(
    mallory: Person, stock: Stock, suite: str
) -> None:
    hand = Hand.active(mallory, stock.take(suite))

    assert mallory.get(f"/tokens/{hand.card.serial}")["sight"] == 0
    for path in ("/transactions", f"/tokens/{hand.card.serial}/test"):
        body = {"demand": {"kind": "approval"}, "remark": "Yes", "token": hand.card.serial}
        answer = mallory.call("POST", path, body if path == "/transactions" else {})
        assert answer.refusal == (409, "token_signs_in_only")


def test_a_token_is_not_active_before_it_has_answered(mallory: Person, stock: Stock) -> None:
    serial = stock.take().serial
    mallory.post("/tokens/assign", {"serial": serial})

    body = {"demand": {"kind": "approval"}, "remark": "Yes", "token": serial}
    assert mallory.call("POST", "/transactions", body).refusal == (409, "token_not_active")


def test_a_wrong_first_answer_activates_nothing(mallory: Person, stock: Stock) -> None:
    hand = Hand(mallory, stock.take())
    mallory.post("/tokens/assign", {"serial": hand.card.serial})
    step = mallory.post(f"/tokens/{hand.card.serial}/activate")

    right = hand.code(step)
    wrong = f"{(int(right) + 1) % 10**8:08}"
    answer = mallory.post(f"/steps/{step['id']}/response", {"response": wrong})

    assert answer["accepted"] is False
    assert state_of(hand.card.serial) == "confirmed"


def test_spaces_of_the_serial_do_not_matter_on_the_page(mallory: Person, stock: Stock) -> None:
    serial = stock.take().serial

    answer = browser_of(mallory).post(
        "/tokens/assign", {"serial": f" {serial[:4]} {serial[4:]} ", "name": "Card"}
    )

    assert answer["Location"] == f"/tokens/{serial}/activate"
    assert "It is reserved for you" in text(browser_of(mallory).get(answer["Location"]))


def test_asked_again_while_it_waits_the_same_token_is_returned(
    mallory: Person, stock: Stock
) -> None:
    serial = stock.take().serial

    first, second = (mallory.post("/tokens/assign", {"serial": serial}) for _ in range(2))

    assert first == second
    assert Token.objects.count() == 1
    assert AuditRow.objects.filter(action="token.assigned").count() == 1


def test_where_operators_give_out_tokens_a_holder_takes_none(
    mallory: Person, stock: Stock
) -> None:
    serial = stock.take().serial
    set_policy(self_assignment=False)

    assert take(mallory, serial) == (403, "self_assignment_off")
    page = text(browser_of(mallory).get("/tokens/assign"))
    assert "given out by an operator" in page
    assert '<input type="text" name="serial"' not in page
    assert not Token.objects.exists()


def test_a_suite_that_the_policy_does_not_want_goes_back_at_once(
    mallory: Person, stock: Stock
) -> None:
    serial = stock.take(TYPED).serial
    set_policy(suites=[COUNTING])
    assert take(mallory, serial) == (422, "suite_not_allowed")

    set_policy(suites=[])
    assert mallory.post("/tokens/assign", {"serial": serial})["state"] == "confirmed"


# What tells nothing.


def test_an_unknown_serial_and_another_s_token_are_answered_alike(
    anna: Person, ben: Person, mallory: Person, stock: Stock
) -> None:
    waiting, active = stock.take(), Hand.active(anna, stock.take()).card
    ben.post("/tokens/assign", {"serial": waiting.serial})
    before = everything_stored()

    answers = [
        mallory.call("POST", "/tokens/assign", {"serial": serial})
        for serial in ("CARD9999", waiting.serial, active.serial, anna.token.serial)
    ]

    assert [answer.refusal for answer in answers] == [UNKNOWN] * 4
    bodies = [{**answer.body, "trace_id": ""} for answer in answers]
    assert bodies == [bodies[0]] * 4
    assert everything_stored() == before
    assert state_of(waiting.serial) == "confirmed"


def test_the_page_answers_an_unknown_serial_and_another_s_token_alike(
    ben: Person, mallory: Person, stock: Stock
) -> None:
    taken = stock.take().serial
    ben.post("/tokens/assign", {"serial": taken})
    browser = browser_of(mallory)

    pages = []
    for serial in ("CARD9999", taken):
        answer = browser.post("/tokens/assign", {"serial": serial, "name": ""})
        assert answer.status_code == 404
        pages.append(text(answer).replace(serial, "SERIAL"))

    masked = [page.split('name="csrfmiddlewaretoken"') for page in pages]
    assert [len(parts) for parts in masked] == [len(masked[0])] * 2
    assert masked[0][0] == masked[1][0]
    assert "There is no token of this serial" in pages[0]


def test_an_unknown_serial_takes_no_longer_than_another_s_token(
    ben: Person, mallory: Person, stock: Stock
) -> None:
    taken = stock.take().serial
    ben.post("/tokens/assign", {"serial": taken})
    spans: dict[str, list[float]] = {"CARD9999": [], taken: []}
    for _ in range(30):
        for serial, measured in spans.items():
            began = time.perf_counter()
            assert_unknown(mallory.holder, serial)
            measured.append(time.perf_counter() - began)

    # The shortest: what else the machine does only makes a call longer.
    unknown, others = map(min, spans.values())
    # Both ask every host and look once; what differs is less than the noise of one call.
    assert abs(unknown - others) < max(0.004, unknown / 2)


def assert_unknown(holder: Holder, serial: str) -> None:
    # As an operator's request, which no limit ends.
    with pytest.raises(Exception, match="no token of this serial"):
        assign_token(holder=holder, serial=serial, name="", now=now(), actor="operator:1")


def test_ten_unknown_serials_are_enough_for_an_hour(mallory: Person, stock: Stock) -> None:
    serial = stock.take().serial
    assert {take(mallory, f"NONE{number}") for number in range(10)} == {UNKNOWN}

    assert take(mallory, serial) == (429, "too_many_serials")
    with time_machine.travel(now() + timedelta(minutes=61), tick=False):
        assert mallory.post("/tokens/assign", {"serial": serial})["state"] == "confirmed"


def test_nobody_takes_a_fourth_before_one_is_active(mallory: Person, stock: Stock) -> None:
    serials = [stock.take().serial for _ in range(4)]
    for serial in serials[:3]:
        mallory.post("/tokens/assign", {"serial": serial})

    assert take(mallory, serials[3]) == (429, "too_many_serials")
    assert mallory.post("/tokens/assign", {"serial": serials[0]})["serial"] == serials[0]


def test_a_host_that_is_away_is_not_taken_for_one_that_does_not_know(
    mallory: Person, stock: Stock, host: AuthserverHost
) -> None:
    serial = stock.take().serial
    with unreachable(host):
        assert take(mallory, serial) == (503, "authserver_unavailable")

    assert mallory.post("/tokens/assign", {"serial": serial})["state"] == "confirmed"


@pytest.mark.parametrize("serial", ["", "x" * 17, "付", "\x00", "a b", None, 5])
def test_what_is_no_serial_is_refused(mallory: Person, stock: Stock, serial: object) -> None:
    answer = mallory.call("POST", "/tokens/assign", {"serial": serial})

    assert answer.refusal == (422, "input_invalid")


# Back to stock.


def test_who_does_not_activate_a_token_within_a_day_loses_it(
    mallory: Person, ben: Person, stock: Stock
) -> None:
    serial = stock.take().serial
    mallory.post("/tokens/assign", {"serial": serial})
    mallory.post(f"/tokens/{serial}/activate")
    assert release_unclaimed(now=now()) == 0

    assert release_unclaimed(now=now() + DAY) == 1

    assert mallory.call("GET", f"/tokens/{serial}").refusal == (404, "not_found")
    assert mallory.get("/tokens") == []
    assert ben.post("/tokens/assign", {"serial": serial})["state"] == "confirmed"


def test_what_the_one_before_was_asked_does_not_activate_it_for_the_next(
    mallory: Person, ben: Person, stock: Stock
) -> None:
    hand = Hand(mallory, stock.take())
    serial = hand.card.serial
    mallory.post("/tokens/assign", {"serial": serial})
    step = mallory.post(f"/tokens/{serial}/activate")
    release_unclaimed(now=now() + DAY)
    ben.post("/tokens/assign", {"serial": serial})

    mallory.post(f"/steps/{step['id']}/response", {"response": hand.code(step)})

    token = Token.objects.get(serial=serial)
    assert (token.state, token.holder) == ("confirmed", ben.holder)


def test_a_token_that_goes_back_while_its_host_is_away_is_nobody_s_until_the_host_knows(
    mallory: Person, ben: Person, stock: Stock, host: AuthserverHost
) -> None:
    serial = stock.take().serial
    mallory.post("/tokens/assign", {"serial": serial})
    with unreachable(host):
        assert release_unclaimed(now=now() + DAY) == 1
    assert take(ben, serial) == UNKNOWN

    assert settle_owed(now=now()) == 0

    assert ben.post("/tokens/assign", {"serial": serial})["state"] == "confirmed"


def test_a_token_is_given_back_before_it_is_active_and_not_after(
    mallory: Person, stock: Stock
) -> None:
    given, kept = stock.take().serial, Hand.active(mallory, stock.take()).card.serial
    mallory.post("/tokens/assign", {"serial": given})
    browser = browser_of(mallory)
    assert 'value="release"' in text(browser.get(f"/tokens/{given}"))

    assert browser.post(f"/tokens/{given}", {"action": "release"})["Location"] == "/tokens"
    assert state_of(given) == "released"
    refused = mallory.call("POST", f"/tokens/{kept}/release")
    assert refused.refusal == (409, "token_not_active")


# By an operator.


def test_an_operator_gives_a_token_to_a_holder_who_activates_it(
    olga: Person, mallory: Person, stock: Stock
) -> None:
    set_policy(self_assignment=False)
    hand = Hand(mallory, stock.take(TYPED))
    order = Order("token.assign", hand.card.serial, {"account": mallory.account, "name": "Card"})

    assert act(order=order, operator=olga.holder, now=now()) is None

    assert hand.answer(mallory.post(f"/tokens/{hand.card.serial}/activate"))["accepted"] is True
    row = AuditRow.objects.get(action="token.assigned")
    assert (row.actor, row.subject) == (olga.holder.operator_actor, hand.card.serial)
    page = text(browser_of(mallory).get(f"/tokens/{hand.card.serial}"))
    assert "by an operator" in page


def test_the_pages_of_a_card_say_that_it_can_only_sign_in(mallory: Person, stock: Stock) -> None:
    hand = Hand(mallory, stock.take(HOTP))
    browser = browser_of(mallory)
    browser.post("/tokens/assign", {"serial": hand.card.serial, "name": ""})
    path = f"/tokens/{hand.card.serial}/activate"
    assert "can only sign you in" in text(browser.get(path))

    place = browser.post(path, {"csrfmiddlewaretoken": "1"})["Location"]
    page = text(browser.get(place))
    assert "can only sign you in" in page
    assert "Type the 6 digits that your token shows now" in page
    assert "<img" not in page

    code = hand.code({"question": None})
    answer = browser.post(place, {"action": "respond", "response": code}, follow=True)
    assert "From now on it signs you in" in text(answer)
    assert Step.objects.get().state == "signed"
