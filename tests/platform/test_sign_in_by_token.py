"""Signing in with a token behind the password: asked for once, answered once, by one browser."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core import mail
from django.test import Client

from accounts.models import User
from accounts.services import stop_asking_token
from audit.models import AuditRow
from enrolment.models import AuthserverHost
from protocol.statement import Kind
from tests.platform.operators import browser_of, text
from tests.platform.policies import set_policy
from tests.platform.signing_in import (
    PAGE,
    PASSWORD,
    asked,
    is_signed_in,
    respond,
    type_password,
    with_password,
)
from tests.platform.stock import HOTP, TOTP, Hand, Stock
from tests.platform.world import (
    TYPED_SUITE,
    Person,
    call,
    now,
    scan,
    seconds_ago,
    to_base64,
    unreachable,
)
from transactions.models import Step, Transaction


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Hash passwords cheaply: these tests are about tokens."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def nina(anna: Person) -> Person:
    """Anna, who has chosen to be asked for her token."""
    return with_password(anna, asks_token=True)


def test_the_password_alone_lets_nobody_in(nina: Person) -> None:
    client, response = type_password(nina)

    assert response["Location"] == PAGE
    assert not is_signed_in(client)


def test_the_right_digits_let_in_and_lead_on(nina: Person) -> None:
    client, _ = type_password(nina, to="/inbox")

    response = respond(client, nina.response(asked()))

    assert (response.status_code, response["Location"]) == (302, "/inbox")
    assert is_signed_in(client)
    assert AuditRow.objects.get(action="holder.signed_in").actor == nina.holder.actor


def test_the_token_shows_where_to_and_from_where(nina: Person) -> None:
    type_password(nina)

    statement = nina.look(asked()).statement

    assert statement.demand.kind is Kind.LOGIN
    assert statement.demand.text == "Sign in to Countersign"
    assert statement.party.remark == "Firefox on Linux, 127.0.0.1"


def test_the_page_shows_the_code_to_the_browser_alone(nina: Person) -> None:
    client, _ = type_password(nina)

    page = text(client.get(PAGE))
    picture = client.get(f"{PAGE}/challenge.png")

    assert f'src="{PAGE}/challenge.svg"' in page
    assert scan(picture.content) == asked()["challenge"]
    stranger = Client().get(f"{PAGE}/challenge.png")
    assert stranger["Location"] == "/accounts/login/"


def test_the_token_that_sends_its_answer_lets_in(nina: Person) -> None:
    client, _ = type_password(nina)
    step = asked()
    response = nina.response(step)
    tag = nina.token.response_tag(nina.look(step), response)
    assert state_of(client) == "challenged"

    body = {"s": step["id"], "response": response, "tag": to_base64(tag)}
    assert call("POST", "/responses", body).status == 200

    assert state_of(client) == "signed"
    assert client.get(PAGE)["Location"] == "/"
    assert is_signed_in(client)


def test_wrong_digits_say_how_many_tries_are_left(nina: Person) -> None:
    client, _ = type_password(nina)

    response = respond(client, nina.wrong(asked()))

    assert response.status_code == 422
    assert "4 tries are left" in text(response)
    assert not is_signed_in(client)


def test_what_is_no_response_is_refused_and_costs_no_try(nina: Person) -> None:
    client, _ = type_password(nina)

    for digits in ("", "1234567", "123456789", "\uff11" * 8, "abcdefgh"):
        assert respond(client, digits).status_code == 422, digits

    assert "4 tries are left" in text(respond(client, nina.wrong(asked())))


def test_five_wrong_answers_lock_the_token_and_leave_the_way_around(nina: Person) -> None:
    RecoveryCodes.activate(nina.holder.user)
    client, _ = type_password(nina)
    step = asked()

    *_, last = (respond(client, nina.wrong(step, number)) for number in range(5))

    assert "locked" in text(last)
    assert "/accounts/2fa/authenticate/" in text(last)
    assert not is_signed_in(client)


def test_a_host_without_an_answer_loses_nothing(nina: Person, host: AuthserverHost) -> None:
    client, _ = type_password(nina)
    digits = nina.response(asked())

    with unreachable(host):
        away = respond(client, digits)

    assert away.status_code == 503
    assert "the same digits once more" in text(away)
    assert respond(client, digits).status_code == 302
    assert is_signed_in(client)


# One answer, one browser, once.


def test_the_answer_for_one_browser_lets_no_other_in(nina: Person) -> None:
    mine, _ = type_password(nina)
    first = asked()
    theirs, _ = type_password(nina)

    respond(mine, nina.response(first))

    assert is_signed_in(mine)
    theirs.get(PAGE)
    assert not is_signed_in(theirs)


def test_an_answer_lets_in_once(nina: Person) -> None:
    client, _ = type_password(nina)
    pending = client.session["account_login"]
    respond(client, nina.response(asked()))
    copied = Client()
    session = copied.session
    session["account_login"] = pending
    session.save()

    again = copied.get(PAGE)

    assert again.status_code == 409
    assert "lets nobody in any more" in text(again)
    assert not is_signed_in(copied)


def test_the_answer_of_another_holder_lets_nobody_in(nina: Person, ben: Person) -> None:
    with_password(ben, asks_token=True)
    bens, _ = type_password(ben)
    step = asked()
    respond(bens, ben.response(step))
    client, _ = type_password(nina)
    session = client.session
    session["account_login"]["state"]["stages"]["mfa_authenticate"]["data"]["s"] = step["id"]
    session.save()

    client.get(PAGE)

    assert not is_signed_in(client)


def test_a_signed_step_of_business_lets_nobody_in(nina: Person) -> None:
    client, _ = type_password(nina)
    step = nina.open()
    nina.sign(step)
    session = client.session
    session["account_login"]["state"]["stages"]["mfa_authenticate"]["data"]["s"] = step["id"]
    session.save()

    client.get(PAGE)

    assert not is_signed_in(client)


def test_a_sign_in_that_waits_too_long_begins_anew(nina: Person) -> None:
    client, _ = type_password(nina)
    digits = nina.response(asked())

    with time_machine.travel(now() + timedelta(minutes=16), tick=False):
        assert respond(client, digits)["Location"] == "/accounts/login/"
        assert not is_signed_in(client)


def test_an_expired_question_is_asked_again_on_the_same_page(nina: Person) -> None:
    with seconds_ago(400):
        client, _ = type_password(nina)
    late = text(client.get(PAGE))
    assert "Nobody answered in time" in late

    again = client.post(PAGE, {"action": "ask", "token": nina.token.serial})

    assert again["Location"] == PAGE
    assert respond(client, nina.response(asked())).status_code == 302
    assert is_signed_in(client)


def test_what_was_asked_before_lets_nobody_in_any_more(nina: Person) -> None:
    client, _ = type_password(nina)
    first = asked()
    client.post(PAGE, {"action": "ask", "token": nina.token.serial})

    respond(client, nina.response(first))

    assert not is_signed_in(client)


def test_a_session_elsewhere_cannot_answer_a_sign_in(nina: Person) -> None:
    type_password(nina)
    step = asked()
    other = browser_of(nina)

    typed = other.post(
        f"/steps/{step['id']}", {"action": "respond", "response": nina.response(step)}
    )

    assert typed.status_code == 404
    assert nina.answer(step).refusal == (404, "not_found")
    assert Step.objects.get(kind=Kind.LOGIN).state == Step.State.CHALLENGED


# Where it is not business.


def test_a_sign_in_is_no_transaction_of_business(nina: Person, console: Client) -> None:
    client, _ = type_password(nina)
    respond(client, nina.response(asked()))
    sign_in = Transaction.objects.get(steps__kind=Kind.LOGIN)

    assert nina.get("/transactions")["results"] == []
    assert str(sign_in) not in text(client.get("/transactions"))
    assert str(sign_in) not in text(console.get("/console/transactions"))


def test_a_sign_in_does_not_wait_on_the_first_page(nina: Person) -> None:
    type_password(nina)

    assert browser_of(nina).get("/waiting").json()["waits"] == 0


def test_no_step_follows_a_sign_in(nina: Person) -> None:
    client, _ = type_password(nina)
    respond(client, nina.response(asked()))
    receipt = nina.get(f"/steps/{asked()['id']}")["receipt_id"]
    text_of_receipt = nina.call("GET", f"/receipts/{receipt}.txt").raw.decode()

    refused = nina.try_follow(text_of_receipt)

    assert refused.refusal == (409, "not_to_be_continued")


# Which token.


def test_of_several_tokens_one_is_chosen(nina: Person) -> None:
    first = nina.token
    second = nina.enrol()
    client, _ = type_password(nina)
    assert not Step.objects.filter(kind=Kind.LOGIN).exists()
    page = text(client.get(PAGE))
    assert first.serial in page
    assert second.serial in page

    client.post(PAGE, {"action": "ask", "token": second.serial})

    assert respond(client, nina.response(asked())).status_code == 302
    assert is_signed_in(client)


def test_a_token_that_is_not_ones_own_is_not_asked(nina: Person, ben: Person) -> None:
    client, _ = type_password(nina)
    before = asked()

    for serial in ("", "NOBODYS", ben.token.serial, "x" * 99):
        assert client.post(PAGE, {"action": "ask", "token": serial}).status_code == 422, serial

    assert asked() == before


def test_a_typed_token_lets_in_by_its_digits(mallory: Person) -> None:
    mallory.enrol(TYPED_SUITE)
    with_password(mallory, asks_token=True)
    client, _ = type_password(mallory)

    page = text(client.get(PAGE))

    assert 'class="digits"' in page
    digits = mallory.token.respond(mallory.look(asked()), now())
    assert respond(client, digits).status_code == 302


@pytest.mark.parametrize("suite", [HOTP, TOTP])
def test_a_card_that_is_asked_nothing_lets_in_by_its_code_once(
    mallory: Person, stock: Stock, suite: str
) -> None:
    hand = Hand.active(mallory, stock.take(suite))
    with_password(mallory, asks_token=True)
    client, _ = type_password(mallory)
    page = text(client.get(PAGE))
    assert "<img" not in page
    assert "that your token shows now" in page

    with time_machine.travel(now() + timedelta(seconds=30), tick=False):
        code = hand.card.press(now())
        assert respond(client, code).status_code == 302
        assert is_signed_in(client)
        again, _ = type_password(mallory)
        assert respond(again, code).status_code == 422, "a code that let in is used up"
    assert not is_signed_in(again)


# Who is asked.


def test_whoever_did_not_choose_so_is_not_asked(anna: Person) -> None:
    client, response = type_password(with_password(anna))

    assert response["Location"] == "/"
    assert is_signed_in(client)


def test_the_policy_asks_whoever_has_a_token(anna: Person) -> None:
    set_policy(token_at_sign_in="required")
    with_password(anna)

    client, response = type_password(anna)
    assert response["Location"] == PAGE

    respond(client, anna.response(asked()))
    assert is_signed_in(client)


def test_whoever_came_in_by_token_stays_asked_when_the_token_is_lost(anna: Person) -> None:
    set_policy(token_at_sign_in="required")
    with_password(anna)
    client, _ = type_password(anna)
    respond(client, anna.response(asked()))
    anna.post(f"/tokens/{anna.token.serial}/revoke")

    thief, response = type_password(anna)

    assert response["Location"] == PAGE
    assert "An operator can let you in" in text(thief.get(PAGE))


def test_the_policy_lets_in_whoever_has_no_token_yet(mallory: Person) -> None:
    set_policy(token_at_sign_in="required")

    assert type_password(with_password(mallory))[1]["Location"] == "/"


def test_a_suspended_token_lets_nobody_in(nina: Person) -> None:
    nina.post(f"/tokens/{nina.token.serial}/suspend")

    client, response = type_password(nina)

    assert response["Location"] == PAGE
    assert client.post(PAGE, {"action": "ask", "token": nina.token.serial}).status_code == 422
    assert not is_signed_in(client)


def test_a_recovery_code_stands_in_for_the_token_once(nina: Person) -> None:
    code, *_ = RecoveryCodes.activate(nina.holder.user).get_unused_codes()
    client, _ = type_password(nina)
    assert "/accounts/2fa/authenticate/" in text(client.get(PAGE))
    other_way = text(client.get("/accounts/2fa/authenticate/"))
    assert PAGE in other_way
    assert "Now your passkey" not in other_way

    assert client.post("/accounts/2fa/authenticate/", {"code": code})["Location"] == "/"
    assert is_signed_in(client)

    again, _ = type_password(nina)
    again.post("/accounts/2fa/authenticate/", {"code": code})
    assert not is_signed_in(again)


def test_a_passkey_stands_in_for_the_token(nina: Person) -> None:
    Authenticator.objects.create(
        user=nina.holder.user, type="webauthn", data={"name": "Laptop", "credential": {}}
    )
    client, response = type_password(nina)

    assert response["Location"] == PAGE
    assert "/accounts/2fa/authenticate/" in text(client.get(PAGE))


def test_whoever_tries_too_often_is_told_to_wait(nina: Person) -> None:
    client, _ = type_password(nina)

    *_, last = (respond(client, "nonsense") for _ in range(31))

    assert last.status_code == 429


def test_a_sign_in_that_was_suspended_meanwhile_comes_to_nothing(nina: Person) -> None:
    client, _ = type_password(nina)
    User.objects.update(is_active=False)

    respond(client, nina.response(asked()))

    assert not is_signed_in(client)


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/state", f"{PAGE}/challenge.svg"])
def test_without_a_password_there_is_nothing_to_see(db: None, path: str) -> None:
    assert Client().get(path)["Location"] == "/accounts/login/"


def test_what_the_page_cannot_do_is_malformed(nina: Person) -> None:
    client, _ = type_password(nina)

    for action in ("", "cancel", "\x00"):
        assert client.post(PAGE, {"action": action}).status_code == 400, action


def state_of(client: Client) -> str:
    found: str = json.loads(client.get(f"{PAGE}/state").content)["state"]
    return found


# Choosing to be asked.


@pytest.fixture
def chooser(anna: Person) -> Client:
    """A browser in which Anna has just shown that it is her."""
    client, _ = type_password(with_password(anna))
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def test_whoever_wants_to_be_asked_gets_recovery_codes(chooser: Client, anna: Person) -> None:
    response = chooser.post("/account/token", {"asked": "yes"})

    codes = text(chooser.get(response["Location"]))
    assert len(re.findall(r"<li>\d{8}</li>", codes)) == 10
    assert User.objects.get(pk=anna.holder.user_id).asks_token
    assert "asked for" in mail.outbox[-1].subject
    assert AuditRow.objects.filter(action="holder.token_asked", subject=anna.account).exists()


def test_whoever_wants_to_be_asked_shows_once_more_who_it_is(anna: Person) -> None:
    client, _ = type_password(with_password(anna))

    response = client.post("/account/token", {"asked": "yes"})

    assert response["Location"].startswith("/accounts/reauthenticate/")
    assert not User.objects.get(pk=anna.holder.user_id).asks_token


def test_without_a_token_nobody_can_be_asked_for_it(chooser: Client, anna: Person) -> None:
    anna.post(f"/tokens/{anna.token.serial}/suspend")

    assert chooser.post("/account/token", {"asked": "yes"}).status_code == 409
    assert not User.objects.get(pk=anna.holder.user_id).asks_token


def test_whoever_does_not_want_it_any_more_is_not_asked(chooser: Client, anna: Person) -> None:
    chooser.post("/account/token", {"asked": "yes"})

    chooser.post("/account/token", {"asked": "no"})

    assert type_password(anna)[1]["Location"] == "/"
    assert not Authenticator.objects.exists(), "recovery codes without anything to recover"


def test_nobody_gets_out_of_what_the_policy_asks(chooser: Client, anna: Person) -> None:
    chooser.post("/account/token", {"asked": "yes"})
    set_policy(token_at_sign_in="required")

    assert chooser.post("/account/token", {"asked": "no"}).status_code == 409
    assert User.objects.get(pk=anna.holder.user_id).asks_token


def test_recovery_codes_stay_when_the_last_passkey_goes(chooser: Client, anna: Person) -> None:
    chooser.post("/account/token", {"asked": "yes"})
    codes = RecoveryCodes(Authenticator.objects.get()).get_unused_codes()
    key = Authenticator.objects.create(
        user=anna.holder.user, type="webauthn", data={"name": "Laptop", "credential": {}}
    )

    chooser.post(f"/accounts/2fa/webauthn/keys/{key.pk}/remove/")

    assert RecoveryCodes(Authenticator.objects.get()).get_unused_codes() == codes


def test_an_operator_lets_in_whoever_has_lost_all(nina: Person, olga: Person) -> None:
    stop_asking_token(operator=olga.holder, account=nina.account, now=now())

    assert type_password(nina)[1]["Location"] == "/"
    row = AuditRow.objects.get(action="holder.token_not_asked")
    assert (row.actor, row.subject) == (olga.holder.operator_actor, nina.account)
