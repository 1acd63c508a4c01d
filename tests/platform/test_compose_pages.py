"""/transactions/new: writing a step in the browser."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from common import idempotency
from common.models import IdempotentRequest
from tests.platform.composing import NEW, beside, form, page_of, steps_of
from tests.platform.operators import browser_of
from tests.platform.world import (
    Person,
    everything_stored,
    long_part,
    now,
    seconds_ago,
    unreachable,
)

PASSWORD = "correct horse battery"
FORM = "application/x-www-form-urlencoded"


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
    assert "as many open steps as it may" in beside(response, "token")
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
