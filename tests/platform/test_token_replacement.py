"""/tokens/<serial>/replace: a new token takes the place of a lost one, and keeps its history."""

from typing import Any

import pytest
from django.test import Client

from common.sealing import sealer
from enrolment.live import ask_server
from enrolment.models import AuthserverHost, Token
from enrolment.selectors import client_for
from enrolment.services import settle_owed
from notices.models import Notice
from protocol.enrolment import Invitation
from tests.platform.operators import browser_of, text
from tests.platform.stock import Hand, Stock
from tests.platform.world import (
    DEFAULT_SUITE,
    Person,
    call,
    lose_the_answer,
    now,
    token_client,
    unreachable,
)
from tokens.enrolment import Enrolment


def row(serial: str) -> Token:
    return Token.objects.select_related("host").get(serial=serial)


def begin(person: Person, old: str) -> tuple[str, dict[str, Any]]:
    """Enrol a new phone in the place of a token; return its serial and its activation."""
    pairing = person.post("/tokens", {"name": "New phone", "replaces": old})
    enrolment = Enrolment.begin(Invitation.from_link(pairing["invitation"]), now())
    token, digits = enrolment.finish(token_client().enrol(enrolment), now())
    person.tokens.append(token)
    step = person.post(f"/tokens/{token.serial}/activate", {"digits": digits})
    return token.serial, step


@pytest.fixture
def browser(anna: Person) -> Client:
    return browser_of(anna)


def replace(browser: Client, old: str, **changes: str) -> Any:
    """Send the form of the page, with the box ticked unless told otherwise."""
    fields = {"suite": DEFAULT_SUITE, "suspend": "on", **changes}
    return browser.post(f"/tokens/{old}/replace", {k: v for k, v in fields.items() if v})


# What becomes of the two.


def test_with_the_activation_of_the_new_one_the_old_one_is_replaced_here_and_at_its_host(
    anna: Person,
) -> None:
    old = anna.token.serial
    new, step = begin(anna, old)
    assert row(old).state == "active"

    anna.sign(step)

    assert row(old).state == "replaced"
    assert row(old).revoked_at is not None
    assert row(new).replaces == row(old)
    assert ask_server(row(old)).state == "replaced"
    assert anna.get(f"/tokens/{new}")["replaces"] == old


def test_until_then_the_old_one_signs(anna: Person) -> None:
    old = anna.token
    begin(anna, old.serial)
    anna.tokens.append(old)

    assert anna.sign(anna.open())


def test_what_the_old_one_signed_stays_valid(anna: Person) -> None:
    receipt = anna.sign(anna.open())
    anna.sign(begin(anna, anna.token.serial)[1])

    report = call("POST", "/receipts/verify", {"receipt": receipt}).body

    assert report["is_complete"] is True


def test_the_holder_is_told_of_the_one_that_was_replaced(anna: Person) -> None:
    old = anna.token.serial
    anna.sign(begin(anna, old)[1])

    told = Notice.objects.filter(kind="replaced")

    assert [notice.token for notice in told] == [old]


@pytest.mark.parametrize("action", ["suspend", "revoke"])
def test_a_token_that_is_out_of_use_is_replaced_too(anna: Person, action: str) -> None:
    old = anna.token.serial
    anna.post(f"/tokens/{old}/{action}")

    anna.sign(begin(anna, old)[1])

    assert row(old).state == "replaced"
    assert row(old).owed == ""


def test_a_token_that_was_never_in_use_is_not_replaced(mallory: Person) -> None:
    serial, _ = mallory.pair()

    answer = mallory.call("POST", "/tokens", {"replaces": serial})

    assert answer.refusal == (409, "token_not_active")
    assert browser_of(mallory).get(f"/tokens/{serial}/replace")["Location"] == f"/tokens/{serial}"


def test_a_token_is_replaced_once(anna: Person) -> None:
    old = anna.token.serial
    anna.sign(begin(anna, old)[1])

    answer = anna.call("POST", "/tokens", {"replaces": old})

    assert answer.refusal == (409, "token_not_active")


def test_a_stranger_s_token_is_not_replaced(anna: Person, mallory: Person) -> None:
    answers = [
        mallory.call("POST", "/tokens", {"replaces": serial})
        for serial in (anna.token.serial, "NOSUCHTOKEN")
    ]

    assert [answer.refusal for answer in answers] == [(404, "not_found")] * 2


def test_a_replacement_that_was_given_up_leaves_the_place_to_the_next(anna: Person) -> None:
    old = anna.token.serial
    given_up, _ = begin(anna, old)
    new, step = begin(anna, old)

    anna.sign(step)

    assert row(given_up).replaces is None
    assert row(new).replaces == row(old)


def test_hardware_takes_the_place_of_a_phone(anna: Person, stock: Stock) -> None:
    old, hand = anna.token.serial, Hand(anna, stock.take())
    anna.post("/tokens/assign", {"serial": hand.card.serial, "replaces": old})

    hand.answer(anna.post(f"/tokens/{hand.card.serial}/activate"))

    assert row(old).state == ask_server(row(old)).state == "replaced"


# What is cut off.


def test_a_lost_answer_to_the_activation_replaces_once_it_is_known(anna: Person) -> None:
    old = anna.token.serial
    _new, step = begin(anna, old)
    response = anna.response(step)
    lose_the_answer(step, response)
    assert row(old).state == "active"

    assert anna.answer(step, response).body["accepted"] is True

    assert row(old).state == ask_server(row(old)).state == "replaced"


def test_a_host_that_is_away_is_told_later_that_the_old_one_is_replaced(
    anna: Person, host: AuthserverHost
) -> None:
    old, (new, step) = anna.token.serial, begin(anna, anna.token.serial)
    # The old one is at a host that is away just when the new one is activated.
    away = AuthserverHost.objects.get(pk=host.pk)
    away.pk, away.number, away.name, away.origin = None, 99, "Away", "http://127.0.0.1:9"
    away.save()
    Token.objects.filter(serial=old).update(host=away)

    anna.sign(step)
    assert (row(new).state, row(old).state) == ("active", "replaced")
    assert row(old).owed == "replace"

    Token.objects.filter(serial=old).update(host=host)
    assert settle_owed(now=now()) == 0
    assert row(old).owed == ""
    assert ask_server(row(old)).state == "replaced"


def test_the_old_one_at_another_host_is_revoked_there(anna: Person, host: AuthserverHost) -> None:
    old, (_new, step) = anna.token.serial, begin(anna, anna.token.serial)
    twin = AuthserverHost.objects.get(pk=host.pk)
    twin.pk, twin.number, twin.name = None, 99, "Twin"
    twin.origin = host.origin.replace("localhost", "127.0.0.1")
    twin.sealed_key = sealer().seal(client_for(host).key.encode(), b"Twin")
    twin.save()
    Token.objects.filter(serial=old).update(host=twin)

    anna.sign(step)

    assert row(old).state == "replaced"
    assert ask_server(row(old)).state == "revoked"


# The pages.


def test_the_page_says_what_happens_and_suspends_the_old_one_at_once(
    anna: Person, browser: Client
) -> None:
    old = anna.token.serial
    page = text(browser.get(f"/tokens/{old}/replace"))
    assert "given up for good, in the same moment" in page
    assert 'name="suspend" id="id_suspend" checked' in page

    answer = replace(browser, old)

    assert row(old).state == "suspended"
    new = Token.objects.get(replaces=row(old))
    assert answer["Location"] == f"/tokens/{new.serial}/activate"
    assert "“Phone” is given up for good" in text(browser.get(answer["Location"]))
    assert new.name == "Phone"


def test_whoever_holds_both_need_not_suspend_the_old_one(anna: Person, browser: Client) -> None:
    old = anna.token.serial

    replace(browser, old, suspend="")

    assert row(old).state == "active"


def test_a_form_that_is_sent_twice_begins_one_replacement(anna: Person, browser: Client) -> None:
    old = anna.token.serial

    first, second = (replace(browser, old)["Location"] for _ in range(2))

    assert first == second
    assert Token.objects.count() == 2


def test_a_replacement_by_hardware_goes_on_to_the_serial(
    anna: Person, browser: Client, stock: Stock
) -> None:
    old, card = anna.token.serial, stock.take()

    place = replace(browser, old, suite="stock")["Location"]
    assert place == f"/tokens/assign?replaces={old}"
    assert "takes the place of “Phone”" in text(browser.get(place))
    answer = browser.post(place, {"serial": card.serial, "name": ""})

    assert answer["Location"] == f"/tokens/{card.serial}/activate"
    assert row(card.serial).replaces == row(old)


def test_an_outage_suspends_nothing_and_says_so(
    anna: Person, browser: Client, host: AuthserverHost
) -> None:
    old = anna.token.serial
    with unreachable(host):
        answer = replace(browser, old)

    assert answer.status_code == 503
    assert "cannot be reached" in text(answer)
    assert row(old).state == "active"


def test_the_history_of_both_is_shown_together(anna: Person, browser: Client) -> None:
    old = anna.token.serial
    signed = anna.open()
    anna.sign(signed)
    new, step = begin(anna, old)
    anna.sign(step)

    page = text(browser.get(f"/tokens/{new}"))
    assert page.index("Replaced by another token") < page.rindex("Activated")
    assert f'Phone · <span class="mono">{old}' in page
    assert signed["transaction"] in text(browser.get(f"/transactions?token={new}"))
    assert f'href="/tokens/{new}"' in text(browser.get(f"/tokens/{old}"))


def test_the_list_of_one_token_leaves_out_what_others_signed(
    anna: Person, browser: Client
) -> None:
    signed = anna.open()
    anna.sign(signed)
    tablet = anna.enrol().serial

    assert signed["transaction"] not in text(browser.get(f"/transactions?token={tablet}"))
    assert browser.get("/transactions?token=NOSUCHTOKEN").status_code == 404
