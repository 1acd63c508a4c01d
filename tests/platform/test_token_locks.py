"""Lock-out, told to the holder: before, when it happens, and to nobody else."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from enrolment.live import ask_server
from enrolment.models import LOCK_SECONDS, Token
from enrolment.selectors import client_for
from notices.models import Notice
from protocol.enrolment import post_tag
from tests.platform.operators import browser_of, text
from tests.platform.world import Person, lose_the_answer, now, to_base64


def row(person: Person) -> Token:
    return Token.objects.select_related("host").get(serial=person.token.serial)


def told(person: Person) -> list[str]:
    """The notices about the newest token."""
    about = Notice.objects.filter(token=person.token.serial).order_by("pk")
    return [notice.kind for notice in about]


@pytest.fixture
def browser(anna: Person) -> Client:
    return browser_of(anna)


# Before.


def test_the_holder_is_told_before_the_last_try_and_once(anna: Person) -> None:
    step = anna.open()
    for number in range(3):
        anna.answer(step, anna.wrong(step, number))
    assert told(anna) == []

    for _ in range(2):
        assert anna.answer(step, anna.wrong(step, 3)).body["tries_left"] == 1

    assert told(anna) == ["last_try"]
    assert row(anna).tries_left == 1


def test_the_pages_say_how_few_tries_are_left(anna: Person, browser: Client) -> None:
    step = anna.open()
    places = (f"/steps/{step['id']}", f"/tokens/{anna.token.serial}")
    for number in range(3):
        anna.answer(step, anna.wrong(step, number))
    for place in places:
        assert "Two more wrong answers lock this token" in text(browser.get(place))

    anna.answer(step, anna.wrong(step, 3))

    for place in places:
        assert "One more wrong answer locks this token" in text(browser.get(place))


def test_a_right_answer_clears_what_was_said_of_tries(anna: Person, browser: Client) -> None:
    step = anna.open()
    for number in range(4):
        anna.answer(step, anna.wrong(step, number))

    anna.sign(step)

    assert row(anna).tries_left is None
    assert "wrong answer" not in text(browser.get(f"/tokens/{anna.token.serial}"))


# When it happens.


def test_a_lock_is_told_with_its_end_what_it_means_and_what_to_do(
    anna: Person, browser: Client
) -> None:
    step = anna.open()
    anna.lock(step)

    until = row(anna).locked_until
    assert until is not None
    assert until == ask_server(row(anna)).locked_until
    for place in (f"/tokens/{anna.token.serial}", f"/steps/{step['id']}"):
        page = text(browser.get(place))
        assert f'Locked until <time datetime="{until.isoformat(timespec="seconds")}"' in page
        assert "Wrong digits were typed too often in a row" in page
        assert f'href="/tokens/{anna.token.serial}/unlock"' in page
    assert "Locked until" in text(browser.get("/tokens"))
    assert told(anna) == ["last_try", "locked"]
    shown = anna.get(f"/tokens/{anna.token.serial}")
    assert (shown["is_blocked"], shown["locked_until"] is None) == (False, False)


def test_what_is_refused_while_locked_is_not_told_again(anna: Person) -> None:
    anna.lock(anna.open())
    other = anna.open()

    refused = anna.answer(other, anna.wrong(other))

    assert refused.refusal == (423, "token_locked")
    assert told(anna).count("locked") == 1


def test_a_lock_that_nobody_told_us_of_is_found_when_it_refuses(anna: Person) -> None:
    step, other = anna.open(), anna.open()
    for number in range(5):
        lose_the_answer(step, anna.wrong(step, number))
    assert not row(anna).is_locked

    anna.answer(other)

    assert row(anna).is_locked
    assert told(anna) == ["locked"]


def test_a_lock_by_answers_that_the_token_posts_is_told_too(anna: Person) -> None:
    step = anna.open()
    for number in range(5):
        response = anna.wrong(step, number)
        tag = post_tag(anna.token.post_key, bytes.fromhex(step["id"]), response)
        body = {"s": step["id"], "response": response, "tag": to_base64(tag)}
        anna.post("/responses", body)

    assert told(anna) == ["last_try", "locked"]


def test_a_lock_ends_by_itself(anna: Person, browser: Client) -> None:
    anna.lock(anna.open())

    with time_machine.travel(now() + timedelta(minutes=2), tick=False):
        assert not row(anna).is_locked
        assert "Locked until" not in text(browser.get("/tokens"))


def test_a_token_that_is_blocked_says_that_no_time_ends_it(anna: Person, browser: Client) -> None:
    Token.objects.filter(serial=anna.token.serial).update(is_blocked=True)

    page = text(browser.get(f"/tokens/{anna.token.serial}"))

    assert "Blocked until you unlock it" in page
    assert "no waiting ends that" in page


def test_a_locked_token_is_marked_where_one_is_chosen(anna: Person, browser: Client) -> None:
    anna.lock(anna.open())

    assert f"{anna.token.serial} · Locked" in text(browser.get("/transactions/new"))


def test_a_stricter_policy_may_lock_at_once_without_a_last_try(anna: Person) -> None:
    step = anna.open()
    client, locks = client_for(row(anna).host), list(LOCK_SECONDS)
    client.put_policy(max_failures=1, locks=locks, budget=30)
    try:
        anna.answer(step, anna.wrong(step))
    finally:
        client.put_policy(max_failures=5, locks=locks, budget=30)

    assert told(anna) == ["locked"]


# Nobody else is told.


def test_other_parties_learn_that_the_step_was_refused_and_nothing_of_the_lock(
    anna: Person, ben: Person
) -> None:
    receipt = anna.sign(anna.open())
    step = ben.follow(receipt)
    ben.lock(step)

    page = text(browser_of(anna).get(f"/steps/{step['id']}"))

    assert "The step was refused" in page
    for word in ("Locked", "locked", "unlock"):
        assert word not in page
    assert anna.call("GET", f"/tokens/{ben.token.serial}").refusal == (404, "not_found")
    assert not Notice.objects.filter(token=ben.token.serial, holder=anna.holder).exists()
