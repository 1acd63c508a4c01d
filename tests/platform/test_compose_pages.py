"""/transactions/new and /continue: writing a step in the browser."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from common import idempotency
from common.models import IdempotentRequest
from protocol.ed25519 import SigningKey
from protocol.receipt import identity
from protocol.statement import Platform
from tests.platform.operators import browser_of
from tests.platform.test_continue_transaction import ORIGIN, as_text, receipt_key
from tests.platform.world import (
    TYPED_SUITE,
    Person,
    everything_stored,
    long_part,
    now,
    read_receipt,
    receipt_bytes,
    seconds_ago,
    step_row,
    to_base64,
    unreachable,
)
from transactions.models import Step

NEW = "/transactions/new"
PASSWORD = "correct horse battery"
FORM = "application/x-www-form-urlencoded"


def form(person: Person, **changes: object) -> dict[str, Any]:
    """What a browser sends of a form that was filled in."""
    filled = {
        "csrfmiddlewaretoken": "as it was masked on this page",
        "kind": "payment",
        "amount": "1250.00",
        "currency": "EUR",
        "payee_name": "Flower shop",
        "payee_account": "DE89370400440532013000",
        "text": "Flowers for the spring",
        "reference": "2026-117",
        "due_days": "14",
        "remark": "I agree",
        "token": person.token.serial if person.tokens else "",
        "next": "anyone",
        "next_email": "",
        "next_account": "",
        "ttl": "180",
        "is_open_to_anyone": "on",
    }
    merged = {**filled, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def steps_of(person: Person) -> list[Step]:
    """The steps of chains that somebody wrote, oldest first."""
    return list(Step.objects.filter(holder=person.holder, kind__lte=5).order_by("pk"))


def page_of(receipt: str) -> str:
    """Where the next step behind a receipt is written."""
    return f"/continue/{identity(receipt_bytes(receipt)).hex()}"


def beside(response: Any, field: str) -> str:
    """What stands beside a field of the form on a page."""
    return " ".join(response.context["form"].errors.get(field, []))


# Beginning a transaction.


def test_what_was_typed_becomes_a_step_and_leads_to_its_page(anna: Person) -> None:
    response = browser_of(anna).post(NEW, form(anna, amount="1.250,00", remark=" Für den\r\nMai "))

    (step,) = steps_of(anna)
    assert response.status_code == 302
    assert response["Location"] == f"/steps/{bytes(step.s).hex()}"
    demand, party = step.content.demand, step.content.party
    assert (demand.amount, demand.currency, demand.due_days) == (125_000, "EUR", 14)
    assert demand.payee_account == "DE89370400440532013000"
    assert party.remark == "Für den Mai"
    assert step.state == "challenged"


def test_an_agreement_needs_neither_amount_nor_payee(anna: Person) -> None:
    left_out = dict.fromkeys(("amount", "payee_name", "payee_account", "due_days"), "")

    response = browser_of(anna).post(NEW, form(anna, kind="approval", **left_out))

    assert response.status_code == 302
    assert steps_of(anna)[0].content.demand.currency is None


def test_the_rules_of_the_transaction_are_those_that_were_ticked(
    anna: Person, ben: Person
) -> None:
    browser_of(anna).post(
        NEW,
        form(
            anna,
            next="account",
            next_account=f" {ben.account[:4]} {ben.account[4:]}",
            is_open_to_anyone=None,
            may_repeat_holder="on",
            last_signer_may_close="on",
            ttl="600",
        ),
    )

    (step,) = steps_of(anna)
    chain = step.transaction
    assert not chain.is_open_to_anyone
    assert chain.may_repeat_holder
    assert chain.last_signer_may_close
    assert step.next_holder == ben.holder
    assert step.content.ttl == 600


def test_an_address_that_is_invited_is_written_small(anna: Person) -> None:
    browser_of(anna).post(NEW, form(anna, next="email", next_email="Ben@Example.com"))

    assert steps_of(anna)[0].next_email == "ben@example.com"


def test_ways_to_reach_the_next_person_that_were_not_chosen_do_not_count(anna: Person) -> None:
    browser_of(anna).post(NEW, form(anna, next="anyone", next_email="ben@example.com"))

    assert steps_of(anna)[0].next_email == ""


def test_the_page_offers_active_tokens_alone_and_chooses_the_only_one(anna: Person) -> None:
    anna.enrol()
    first, second = anna.tokens
    anna.post(f"/tokens/{second.serial}/suspend")

    response = browser_of(anna).get(NEW)

    body = response.content.decode()
    assert second.serial not in body
    assert f'value="{first.serial}"' in body
    assert response.context["form"]["token"].value() == first.serial


def test_who_has_no_active_token_is_led_to_enrol_one(mallory: Person) -> None:
    response = browser_of(mallory).get(NEW)

    body = response.content.decode()
    assert response.status_code == 200
    assert 'href="/tokens/new"' in body
    assert "data-compose" not in body


@pytest.mark.parametrize(("language", "currency"), [("en", "EUR"), ("zh-hans", "CNY")])
def test_the_usual_currency_goes_by_the_language(
    anna: Person, language: str, currency: str
) -> None:
    response = browser_of(anna).get(NEW, headers={"Accept-Language": language})

    assert response.context["form"]["currency"].value() == currency


def test_the_page_begins_with_the_currency_and_the_token_used_last(anna: Person) -> None:
    anna.enrol()
    browser_of(anna).post(NEW, form(anna, currency="CHF", token=anna.tokens[0].serial))

    begun = browser_of(anna).get(NEW).context["form"]

    assert begun["currency"].value() == "CHF"
    assert begun["token"].value() == anna.tokens[0].serial


# Refusals stand beside their field, and what was typed stays.


@pytest.mark.parametrize(
    ("changes", "field", "told", "status"),
    [
        ({"kind": None}, "kind", "This field is required", 422),
        ({"kind": "activation"}, "kind", "not one of the available choices", 422),
        ({"amount": ""}, "amount", "Something is missing here", 422),
        ({"amount": "1,250"}, "amount", "two ways. Write 1.25 or 1250.00", 422),
        ({"amount": "a lot"}, "amount", "in digits", 422),
        ({"amount": "0"}, "amount", "not an amount", 422),
        ({"amount": "9" * 40}, "amount", "not an amount", 422),
        ({"currency": "XXX"}, "currency", "not one of the available choices", 422),
        ({"payee_account": ""}, "payee_account", "Something is missing here", 422),
        ({"payee_account": "Kontonummer für"}, "payee_account", "cannot be signed", 422),
        ({"payee_name": "x" * 79}, "payee_name", "9 bytes too long", 422),
        ({"payee_name": "花" * 24}, "payee_name", "2 bytes too long", 422),
        ({"text": "a\u202eb"}, "text", "cannot be signed", 422),
        ({"reference": "a\x00b"}, "reference", "cannot be signed", 422),
        ({"due_days": "3651"}, "due_days", "less than or equal to 3650", 422),
        ({"due_days": "-1"}, "due_days", "greater than or equal to 0", 422),
        ({"due_days": "soon"}, "due_days", "whole number", 422),
        ({"remark": "  "}, "remark", "This field is required", 422),
        ({"remark": "x" * 121}, "remark", "1 byte too long", 422),
        ({"token": ""}, "token", "This field is required", 422),
        ({"token": "1234567890"}, "token", "not one of yours", 409),
        ({"next": "email"}, "next_email", "Something is missing here", 422),
        ({"next": "email", "next_email": "ben"}, "next_email", "not an e-mail", 422),
        ({"next": "account"}, "next_account", "Something is missing here", 422),
        ({"next": "account", "next_account": "12"}, "next_account", "twelve digits", 422),
        (
            {"next": "account", "next_account": "999999999999"},
            "next_account",
            "Nobody here has this account number",
            404,
        ),
        ({"is_open_to_anyone": None}, "next", "closed it to everyone else", 422),
        ({"ttl": "1"}, "ttl", "not one of the available choices", 422),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_made(
    anna: Person, changes: dict[str, Any], field: str, told: str, status: int
) -> None:
    client = browser_of(anna)
    before = everything_stored()

    response = client.post(NEW, form(anna, **changes))

    assert response.status_code == status
    assert told in beside(response, field)
    assert "Not everything is right yet" in response.content.decode()
    assert everything_stored() == before


def test_what_was_typed_is_still_there_after_a_refusal(anna: Person) -> None:
    typed = form(anna, amount="1,250", text="<b>花</b>", may_repeat_holder="on", ttl="600")

    response = browser_of(anna).post(NEW, typed)

    shown = {bound.html_name: bound.value() for bound in response.context["form"]}
    assert {name: shown[name] for name in typed if name in shown} == {
        **{name: value for name, value in typed.items() if name in shown},
        "is_open_to_anyone": True,
        "may_repeat_holder": True,
    }
    assert "&lt;b&gt;花&lt;/b&gt;" in response.content.decode()


def test_all_that_is_wrong_is_said_at_once(anna: Person) -> None:
    response = browser_of(anna).post(NEW, form(anna, amount="x", payee_account="", remark=""))

    assert set(response.context["form"].errors) == {"amount", "payee_account", "remark"}


def test_texts_that_together_do_not_fit_are_refused_with_the_excess(
    anna: Person, ben: Person
) -> None:
    first = anna.sign(anna.open(**long_part(1)))
    part = long_part(2)
    demand = {name: str(value) for name, value in part["demand"].items() if name != "amount"}

    response = browser_of(ben).post(page_of(first), form(ben, **demand, remark=part["remark"]))

    assert response.status_code == 422
    assert "bytes too long for a QR code" in response.content.decode()
    assert len(steps_of(ben)) == 0


def test_a_token_that_was_suspended_is_said_beside_the_token(anna: Person) -> None:
    anna.post(f"/tokens/{anna.token.serial}/suspend")

    response = browser_of(anna).post(NEW, form(anna))

    assert response.status_code == 409
    assert "cannot answer now" in beside(response, "token")


def test_a_token_of_somebody_else_is_refused(anna: Person, ben: Person) -> None:
    response = browser_of(anna).post(NEW, form(anna, token=ben.token.serial))

    assert response.status_code == 409
    assert "not one of yours" in beside(response, "token")


def test_a_token_with_three_open_challenges_is_said_beside_the_token(anna: Person) -> None:
    for _ in range(3):
        anna.open()

    response = browser_of(anna).post(NEW, form(anna))

    assert response.status_code == 429
    assert "three open steps" in beside(response, "token")
    assert len(steps_of(anna)) == 3


def test_an_authentication_server_that_is_out_of_reach_costs_nothing_typed(
    anna: Person, host: Any
) -> None:
    with seconds_ago(240):
        for _ in range(3):
            anna.open()

    with unreachable(host):
        response = browser_of(anna).post(NEW, form(anna))

    assert response.status_code == 503
    assert "cannot be reached just now" in response.content.decode()
    assert response.context["form"]["remark"].value() == "I agree"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", FORM),
        (b"%", FORM),
        (b"kind=%ff%fe&amount=%00", FORM),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"{}", "application/json"),
        (b"amount=" + b"9" * 100_000, FORM),
        (b"remark=" + b"%cc%81" * 100_000, FORM),
    ],
    ids=lambda value: repr(value[:20]),
)
@pytest.mark.parametrize("extra", [b"", b"&check=1"])
def test_no_form_whatever_breaks_the_page(
    anna: Person, body: bytes, content_type: str, extra: bytes
) -> None:
    response = browser_of(anna).post(NEW, body + extra, content_type)

    assert 400 <= response.status_code < 500 or "errors" in response.json()
    assert steps_of(anna) == []


def test_a_form_is_known_again_in_the_way_browsers_send_it(anna: Person) -> None:
    client = browser_of(anna)

    answers = [client.post(NEW, urlencode(form(anna)), FORM) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert len(steps_of(anna)) == 1


# While somebody writes.


def checked(client: Client, path: str, filled: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What the server says while somebody writes."""
    response = client.post(path, {**filled, "check": "1"})
    assert response.status_code == 200
    said: dict[str, dict[str, str]] = response.json()
    return said


def check(person: Person, **changes: object) -> dict[str, dict[str, str]]:
    """What the server says while somebody begins a transaction."""
    return checked(browser_of(person), NEW, form(person, **changes))


def test_checking_says_what_is_understood_and_how_much_room_is_used(anna: Person) -> None:
    said = check(anna, amount="1 250,5", remark=" 花 ")

    assert said["errors"] == {}
    assert said["notes"]["amount"] == "Understood as 1,250.50\u00a0EUR"
    assert said["notes"]["remark"] == "3 of 120 bytes"
    assert said["notes"]["payee_account"] == "22 of 34 bytes"


def test_checking_says_the_same_as_sending_would(anna: Person) -> None:
    wrong = {"amount": "1,250", "remark": "x" * 130, "next": "account", "next_account": "1"}

    said = check(anna, **wrong)["errors"]

    errors = browser_of(anna).post(NEW, form(anna, **wrong)).context["form"].errors
    assert said == {name: told[0] for name, told in errors.items()}
    assert set(said) == {"amount", "remark", "next_account"}


def test_checking_runs_the_statement_dry(anna: Person, ben: Person) -> None:
    first = anna.sign(anna.open(**long_part(1)))
    part = long_part(2)
    demand = {name: str(value) for name, value in part["demand"].items() if name != "amount"}

    filled = form(ben, **demand, remark=part["remark"])
    said = checked(browser_of(ben), page_of(first), filled)

    assert "bytes too long for a QR code" in said["errors"]["__all__"]


def test_checking_finds_out_that_nobody_has_an_account(anna: Person) -> None:
    said = check(anna, next="account", next_account="999999999999")

    assert "Nobody here" in said["errors"]["next_account"]


def test_checking_makes_nothing_however_often(anna: Person) -> None:
    client = browser_of(anna)
    before = everything_stored()

    for _ in range(12):
        assert checked(client, NEW, form(anna))["errors"] == {}

    assert everything_stored() == before
    assert not IdempotentRequest.objects.exists()
    # No challenge was put, so none of the ten in an hour is used up.
    assert client.post(NEW, form(anna)).status_code == 302


# Sent twice.


def test_the_same_form_sent_again_leads_to_the_same_step(anna: Person) -> None:
    client = browser_of(anna)

    first, second = (client.post(NEW, form(anna)) for _ in range(2))

    assert second["Location"] == first["Location"]
    assert len(steps_of(anna)) == 1


def test_an_edited_form_is_another_one(anna: Person) -> None:
    client = browser_of(anna)
    client.post(NEW, form(anna))

    client.post(NEW, form(anna, remark="I agree too"))

    assert len(steps_of(anna)) == 2


def test_the_same_words_on_a_page_drawn_anew_are_another_form(anna: Person) -> None:
    client = browser_of(anna)
    client.post(NEW, form(anna))

    client.post(NEW, form(anna, csrfmiddlewaretoken="masked anew"))

    assert len(steps_of(anna)) == 2


def test_a_page_that_came_back_is_known_by_its_drawing(anna: Person) -> None:
    client = browser_of(anna)
    sent = [
        client.post(NEW, form(anna, drawing=drawing, csrfmiddlewaretoken=mask))
        for drawing, mask in (("1", "a"), ("1", "b"), ("2", "b"))
    ]

    assert sent[0]["Location"] == sent[1]["Location"] != sent[2]["Location"]
    assert len(steps_of(anna)) == 2


def test_each_drawing_of_the_page_masks_its_token_anew(anna: Person) -> None:
    client = browser_of(anna)

    tokens = {str(client.get(NEW).context["csrf_token"]) for _ in range(2)}

    assert len(tokens) == 2


def test_a_form_that_was_refused_may_be_sent_again_as_it_is(anna: Person) -> None:
    client, serial = browser_of(anna), anna.token.serial
    anna.post(f"/tokens/{serial}/suspend")
    assert client.post(NEW, form(anna)).status_code == 409
    anna.post(f"/tokens/{serial}/resume")

    assert client.post(NEW, form(anna)).status_code == 302


def test_somebody_elses_form_of_the_same_words_is_another_one(anna: Person, ben: Person) -> None:
    approval = {"kind": "approval", "token": anna.token.serial}
    browser_of(anna).post(NEW, form(anna, **approval))

    response = browser_of(ben).post(NEW, form(ben, **approval))

    assert "not one of yours" in beside(response, "token")


@pytest.fixture
def under_way(anna: Person, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A browser of which one form is being worked on, and a site without patience."""
    monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 0)
    client = browser_of(anna)
    assert client.post(NEW, form(anna)).status_code == 302
    IdempotentRequest.objects.update(status=None, sealed_answer=b"")
    return client


def test_a_form_that_is_still_worked_on_is_not_begun_again(
    under_way: Client, anna: Person
) -> None:
    response = under_way.post(NEW, form(anna))

    assert response.status_code == 409
    assert "Reload this page" in response.content.decode()
    assert len(steps_of(anna)) == 1


def test_a_form_whose_worker_died_is_taken_over(under_way: Client, anna: Person) -> None:
    IdempotentRequest.objects.update(claimed_at=now() - timedelta(minutes=2))

    assert under_way.post(NEW, form(anna)).status_code == 302
    assert len(steps_of(anna)) == 2


# A session that ended meanwhile.


def sign_in(client: Client, person: Person) -> str:
    """Sign in by the form where somebody was sent to; return where that leads."""
    person.holder.user.set_password(PASSWORD)
    person.holder.user.save()
    EmailAddress.objects.create(
        user=person.holder.user, email=person.email, verified=True, primary=True
    )
    page = {"login": person.email, "password": PASSWORD}
    return str(client.post("/accounts/login/?next=" + NEW, page)["Location"])


def test_what_was_typed_survives_the_end_of_the_session(anna: Person) -> None:
    client = Client()
    typed = form(anna, text="Flowers", is_open_to_anyone=None, may_repeat_holder="on")

    sent_away = client.post(NEW, typed)
    came_back = client.get(sign_in(client, anna))

    assert sent_away["Location"] == f"/accounts/login/?next={NEW}"
    shown = came_back.context["form"]
    assert shown["text"].value() == "Flowers"
    assert shown["amount"].value() == "1250.00"
    assert not shown["is_open_to_anyone"].value()
    assert shown["may_repeat_holder"].value()
    assert steps_of(anna) == []


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


# Again.


def test_a_step_that_came_to_nothing_is_written_again(anna: Person, ben: Person) -> None:
    client = browser_of(anna)
    typed = form(anna, currency="KWD", amount="012.255", next="account", next_account=ben.account)
    step = client.post(NEW, typed)["Location"].removeprefix("/steps/")
    anna.post(f"/steps/{step}/cancel")

    begun = client.get(f"{NEW}?again={step}").context["form"]
    values = {bound.html_name: bound.value() for bound in begun}
    rewritten = {name: value for name, value in values.items() if value not in (None, False)}
    response = client.post(f"{NEW}?again={step}", rewritten)

    assert response.status_code == 302
    first, second = steps_of(anna)
    assert second.content.demand == first.content.demand
    assert second.content.party == first.content.party
    assert second.next_holder == ben.holder


def test_a_later_step_is_written_again(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    step = ben.follow(receipt, remark="gladly", next={"email": "cora@example.com"})["id"]
    ben.post(f"/steps/{step}/cancel")

    begun = browser_of(ben).get(f"{page_of(receipt)}?again={step}").context["form"]

    assert begun["remark"].value() == "gladly"
    assert begun["next"].value() == "email"
    assert begun["next_email"].value() == "cora@example.com"


def test_only_own_steps_are_written_again(anna: Person, ben: Person) -> None:
    step = anna.open()["id"]

    for again in (step, "0" * 64, "xyz", "0"):
        assert browser_of(ben).get(f"{NEW}?again={again}").status_code == 404


def test_a_token_that_shows_no_text_is_named_so(anna: Person, ben: Person) -> None:
    anna.enrol(TYPED_SUITE)
    receipt = anna.sign(anna.open({"kind": "approval"}))

    assert "the token shows no text" in browser_of(ben).get(page_of(receipt)).content.decode()
