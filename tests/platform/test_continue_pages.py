"""/continue: adding the next step behind a receipt, in the browser."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from protocol.ed25519 import SigningKey
from protocol.statement import Platform
from tests.platform.composing import beside, form, page_of, steps_of
from tests.platform.operators import browser_of
from tests.platform.test_continue_transaction import ORIGIN, as_text, receipt_key
from tests.platform.world import (
    TYPED_SUITE,
    Person,
    now,
    read_receipt,
    receipt_bytes,
    seconds_ago,
    step_row,
    to_base64,
    unreachable,
)
from transactions.models import Step

PASSWORD = "correct horse battery"


# Continuing: the receipt.


def test_a_visitor_who_pastes_a_receipt_signs_in_and_comes_back(anna: Person) -> None:
    receipt = anna.sign(anna.open())
    client = Client()

    taken = client.post("/continue", {"receipt": receipt})
    asked = client.get(taken["Location"])

    assert taken["Location"] == page_of(receipt)
    assert asked["Location"] == f"/accounts/login/?next={page_of(receipt)}"


def test_a_receipt_may_be_pasted_as_bytes(anna: Person) -> None:
    receipt = anna.sign(anna.open())

    taken = Client().post("/continue", {"receipt": f" {to_base64(receipt_bytes(receipt))}\n"})

    assert taken["Location"] == page_of(receipt)


def test_who_signs_up_on_the_way_comes_back_to_the_receipt(anna: Person) -> None:
    path = page_of(anna.sign(anna.open()))
    client = Client()

    asked = client.get(path, follow=True).content.decode()
    (sign_up,) = set(re.findall(r'href="(/accounts/signup/[^"]*)"', asked))
    mailed = client.post(sign_up, {"email": "dora@example.com", "password1": PASSWORD})
    (code,) = re.findall(r"^[A-Z0-9]{4}-[A-Z0-9]{4}$", str(mail.outbox[-1].body), re.MULTILINE)
    confirmed = client.post(mailed["Location"], {"code": code})

    assert confirmed["Location"] == path
    assert client.get(path).status_code == 200


def altered(receipt: str) -> str:
    message = receipt_bytes(receipt)
    return as_text(message[:-1] + bytes([message[-1] ^ 1]))


def foreign(receipt: str) -> str:
    other = Platform("other", "Other", ORIGIN)
    return as_text(replace(read_receipt(receipt), platform=other).sign(receipt_key()))


def forged(receipt: str) -> str:
    return as_text(read_receipt(receipt).sign(SigningKey.generate()))


def unknown(receipt: str) -> str:
    content = read_receipt(receipt)
    steps = (replace(content.steps[0], nonce=bytes(12)),)
    return as_text(replace(content, steps=steps).sign(receipt_key()))


@pytest.mark.parametrize(
    ("spoil", "told", "status"),
    [
        (lambda _: "hello", "not a receipt of this platform", 422),
        (lambda receipt: receipt[:-17], "not a receipt of this platform", 422),
        (foreign, "not a receipt of this platform", 422),
        (forged, "changed after it was signed", 422),
        (altered, "changed after it was signed", 422),
        (unknown, "does not say what was signed", 422),
        (lambda _: " ", "This field is required", 422),
        (lambda _: "A" * 12_001, "at most 12000 characters", 422),
        (lambda _: "\x00", "Null characters", 422),
    ],
)
def test_what_is_no_receipt_to_continue_is_said_in_words(
    anna: Person, spoil: Callable[[str], str], told: str, status: int
) -> None:
    spoilt = spoil(anna.sign(anna.open()))

    response = Client().post("/continue", {"receipt": spoilt})

    assert response.status_code == status
    assert told in beside(response, "receipt")
    assert 'href="/scan"' in response.content.decode()


def test_a_refused_step_is_not_continued(anna: Person) -> None:
    step = anna.open()
    anna.post(f"/steps/{step['id']}/decline", {"reason": "too dear"})
    refusal = as_text(bytes(step_row(step).receipt or b""))

    pasted = Client().post("/continue", {"receipt": refusal})
    followed = browser_of(anna).get(page_of(refusal))

    assert pasted.status_code == followed.status_code == 409
    assert "Only a signed step" in beside(pasted, "receipt")
    assert "Only a signed step" in followed.content.decode()


def test_asking_for_the_page_without_a_receipt_says_what_to_do(db: None) -> None:
    response = Client().get("/continue")

    assert response.status_code == 200
    assert 'name="receipt"' in response.content.decode()


# Continuing: the own part.


def test_the_page_shows_what_was_signed_before(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open(remark="‮<i>please</i> بسم".replace("‮", "")))

    response = browser_of(ben).get(page_of(receipt))

    body = response.content.decode()
    assert response.status_code == 200
    assert "step 2 to this transaction" in body
    assert "<bdi>&lt;i&gt;please&lt;/i&gt; بسم</bdi>" in body
    for value in ("Payment", "1,250.00\u00a0EUR", "Flower shop", "DE89370400440532013000"):
        assert value in body
    assert response.context["form"]["kind"].value() == "approval"


def test_the_next_step_stands_behind_the_receipt(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())

    response = browser_of(ben).post(page_of(receipt), form(ben, kind="approval"))

    (step,) = steps_of(ben)
    assert response["Location"] == f"/steps/{bytes(step.s).hex()}"
    assert step.position == 1
    assert ben.sign(ben.get(f"/steps/{bytes(step.s).hex()}"))


def test_folded_steps_are_counted_and_not_shown(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    for person in (ben, anna, ben, anna, ben, anna):
        receipt = person.sign(person.follow(receipt))
    folded = read_receipt(receipt).folded

    response = browser_of(ben).get(page_of(receipt))

    body = response.content.decode()
    assert f"{folded} earlier steps are bound to these too" in body
    assert body.count('class="facts"') == 7 - folded
    assert "step 8 to this transaction" in body


def test_a_mistake_in_the_own_part_keeps_the_earlier_steps_in_sight(
    anna: Person, ben: Person
) -> None:
    receipt = anna.sign(anna.open(remark="please"))

    response = browser_of(ben).post(page_of(receipt), form(ben, remark=""))

    assert response.status_code == 422
    assert "please" in response.content.decode()
    assert "required" in beside(response, "remark")


def test_who_has_sent_the_form_twice_finds_the_own_step(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    client = browser_of(ben)
    first = client.post(page_of(receipt), form(ben))

    again = client.post(page_of(receipt), form(ben))
    edited = client.post(page_of(receipt), form(ben, remark="otherwise"))
    looked = client.get(page_of(receipt))

    assert {answer["Location"] for answer in (again, edited, looked)} == {first["Location"]}
    assert len(steps_of(ben)) == 1


def not_continued(response: Any, status: int, told: str) -> str:
    """Check a page that says why a transaction cannot be continued; return it."""
    body: str = response.content.decode()
    assert response.status_code == status
    assert told in body
    assert 'href="/scan"' in body
    assert "data-compose" not in body
    return body


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_transaction_that_somebody_else_continued_is_not_shown_again(
    anna: Person, ben: Person, cora: Person, method: str
) -> None:
    receipt = anna.sign(anna.open(remark="please"))
    ben.follow(receipt)

    response = getattr(browser_of(cora), method)(page_of(receipt), form(cora))

    body = not_continued(response, 409, "Somebody else has continued")
    assert "please" not in body
    assert "/transactions/" + read_receipt(receipt).tx.hex() not in body
    assert steps_of(cora) == []


def test_a_party_is_led_to_the_transaction_that_moved_on(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open(may_repeat_holder=True))
    ben.follow(receipt)

    body = not_continued(
        browser_of(anna).get(page_of(receipt)), 409, "Somebody else has continued"
    )

    assert f'href="/transactions/{read_receipt(receipt).tx.hex()}"' in body


def test_who_was_not_invited_sees_nothing_of_the_transaction(
    anna: Person, ben: Person, cora: Person
) -> None:
    receipt = anna.sign(anna.open(remark="please", next={"account": ben.account}))

    for answer in (
        browser_of(cora).get(page_of(receipt)),
        browser_of(cora).post(page_of(receipt), form(cora)),
        browser_of(cora).post(page_of(receipt), form(cora, check="1")),
    ):
        assert "please" not in not_continued(answer, 403, "Somebody else continues")


def test_nobody_follows_the_own_step(anna: Person) -> None:
    receipt = anna.sign(anna.open())

    not_continued(browser_of(anna).get(page_of(receipt)), 403, "you signed the step before")


def test_who_left_two_steps_unsigned_is_told(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    for _ in range(2):
        ben.post(f"/steps/{ben.follow(receipt)['id']}/cancel")

    not_continued(browser_of(ben).post(page_of(receipt), form(ben)), 403, "left two steps here")


def test_a_closed_transaction_takes_no_step(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    anna.post(f"/transactions/{read_receipt(receipt).tx.hex()}/close")

    not_continued(browser_of(ben).get(page_of(receipt)), 409, "takes no further steps")


def test_a_step_that_is_dated_in_the_future_is_not_followed(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    client = browser_of(ben)

    with seconds_ago(90):
        response = client.post(page_of(receipt), form(ben))

    not_continued(response, 422, "do not hold together")


def test_a_head_whose_late_step_cannot_be_ended_is_told_and_nothing_typed_is_lost(
    anna: Person, ben: Person, cora: Person, host: Any
) -> None:
    receipt = anna.sign(anna.open())
    ben.follow(receipt)
    Step.objects.filter(holder=ben.holder).update(expires_at=now() - timedelta(seconds=5))

    with unreachable(host):
        response = browser_of(cora).post(page_of(receipt), form(cora))

    assert response.status_code == 503
    assert response.context["form"]["remark"].value() == "I agree"


@pytest.mark.parametrize("path", [f"/continue/{'0' * 64}", "/continue/xyz"])
def test_a_receipt_that_there_is_not_is_not_found(anna: Person, path: str) -> None:
    assert browser_of(anna).get(path).status_code == 404


def test_who_has_no_token_sees_the_transaction_and_is_led_to_enrol_one(
    anna: Person, mallory: Person
) -> None:
    receipt = anna.sign(anna.open(remark="please"))

    body = browser_of(mallory).get(page_of(receipt)).content.decode()

    assert "please" in body
    assert 'href="/tokens/new"' in body


def test_a_closed_circle_says_that_nobody_else_can_follow(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open(is_open_to_anyone=False, next={"account": ben.account}))

    body = browser_of(ben).get(page_of(receipt)).content.decode()

    assert "Nobody but who began it" in body


def test_a_token_that_shows_no_text_is_named_so(anna: Person, ben: Person) -> None:
    anna.enrol(TYPED_SUITE)
    receipt = anna.sign(anna.open({"kind": "approval"}))

    assert "the token shows no text" in browser_of(ben).get(page_of(receipt)).content.decode()
