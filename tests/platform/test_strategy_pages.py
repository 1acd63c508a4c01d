"""The page on which a charge is confirmed, with each strategy's own part."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditRow
from billing.ledger.models import Wallet
from billing.packages.models import BillingRequest, Prompt
from binding.models import Binding
from tests.platform.applications import Application, Biller
from tests.platform.ledger import money
from tests.platform.operators import browser_of, text, text_of
from tests.platform.passkeys import Passkey
from tests.platform.phones import code_to
from tests.platform.proving import Waiting, abandon, is_uncharged
from tests.platform.shopping import PASSPHRASE, buyer, ready_to_pay
from tests.platform.world import Person, now, other

CONSENT = re.compile(r"You pay 2\.50.EUR to <bdi>Games</bdi> for <bdi>Golden sword</bdi>\.")


def waits(
    strategy: str, biller: Biller, developer: Person | None = None
) -> tuple[Waiting, Client, str]:
    """A request that waits, the payer's browser, and the page."""
    waiting = Waiting.on(Application.make(developer), biller, strategy)
    return waiting, browser_of(biller.person), f"/charges/{waiting.uid}/confirm"


def sent(browser: Client, page: str, strategy: str, answer: str, **fields: Any) -> Any:
    return browser.post(page, {"strategy": strategy, "answer": answer, **fields})


def assert_paid(waiting: Waiting, answer: Any) -> None:
    assert (answer.status_code, answer["Location"]) == (302, f"/charges/{waiting.uid}")
    assert money(waiting.biller.person) == {"wallet": 9_750}


@pytest.mark.usefixtures("phone_keys")
def test_every_page_says_how_much_to_whom_for_what_and_how_long() -> None:
    dora = buyer()
    Passkey.of(dora)
    biller, games = Biller.bound(dora), Application.make().developer
    for strategy in ("captcha", "sms_code", "payment_password", "online", "passkey"):
        _, browser, page = waits(strategy, biller, games)
        shown = text(browser.get(page))
        assert CONSENT.search(shown), strategy
        assert re.search(r"[0-9]+\s\S+ left\)", shown), strategy
        assert "play money" in shown
        assert "Do not pay" in shown


@pytest.mark.usefixtures("phone_keys")
def test_the_letters_are_typed_under_the_image() -> None:
    waiting, browser, page = waits("captcha", Biller.of(buyer()))
    shown = text_of(browser.get(page))
    assert "I cannot see it" in shown
    assert browser.get(f"{page}/image")["Content-Type"] == "image/png"
    wrong = sent(browser, page, "captcha", "wrong")
    assert "not what the image shows" in text_of(wrong, 403)
    assert 'value="wrong"' not in text(wrong)
    assert AuditRow.objects.filter(action="request.refused", code="captcha_wrong").count() == 1
    assert_paid(waiting, sent(browser, page, "captcha", waiting.letters()))


@pytest.mark.usefixtures("phone_keys")
def test_when_no_image_is_left_the_page_says_what_to_do() -> None:
    waiting, browser, page = waits("captcha", Biller.of(buyer()))
    answers = [sent(browser, page, "captcha", "wrong") for _ in range(3)]
    assert "No picture is left" in text_of(answers[-1], 403)
    assert browser.get(f"{page}/image").status_code == 404
    assert is_uncharged(waiting.biller.person)


@pytest.mark.usefixtures("phone_keys")
def test_the_code_is_typed_and_sent_again() -> None:
    biller = Biller.bound(buyer())
    waiting, browser, page = waits("sms_code", biller)
    assert biller.phone is not None
    number = biller.phone.sim.number
    shown = text_of(browser.get(page))
    assert number[-4:] in shown
    assert number not in shown
    assert browser.post(page, {"action": "resend"}).status_code == 429
    Prompt.objects.update(expires_at=now() + timedelta(minutes=3))
    again = browser.post(page, {"action": "resend"}, follow=True)
    assert "Another code is on its way" in text_of(again)
    code = code_to(number)
    wrong = sent(browser, page, "sms_code", other(code))
    assert "4 tries are left" in text_of(wrong, 403)
    assert_paid(waiting, sent(browser, page, "sms_code", code))


@pytest.mark.usefixtures("phone_keys")
def test_a_code_that_is_over_is_replaced() -> None:
    _, browser, page = waits("sms_code", Biller.bound(buyer()))
    Prompt.objects.update(expires_at=now())
    shown = text_of(browser.get(page))
    assert "This code is over" in shown
    assert "Send another code" in shown


@pytest.mark.usefixtures("phone_keys")
@pytest.mark.parametrize("state", ["suspended", "revoked"])
def test_when_the_number_is_bound_no_more_another_way_is_left(state: str) -> None:
    biller = Biller.bound(buyer())
    waiting, browser, page = waits("sms_code", biller)
    assert biller.phone is not None
    code = code_to(biller.phone.sim.number)
    Binding.objects.update(state=state, reason="reported")
    for answer in (browser.get(page), sent(browser, page, "sms_code", code)):
        shown = text(answer)
        assert biller.phone.sim.number[-4:] in shown
        assert "This code is over" in shown
        assert 'name="answer"' not in shown
        assert "Send another code" not in shown
        assert "Payment password" in shown
        assert "Do not pay" in shown
    assert browser.post(page, {"action": "cancel"}).status_code == 302
    assert waiting.state == "cancelled"


@pytest.mark.usefixtures("phone_keys")
def test_when_the_developer_has_left_the_page_still_says_how_to_end_it() -> None:
    waiting, browser, page = waits("payment_password", Biller.of(buyer()))
    abandon(waiting.application)
    refused = text_of(sent(browser, page, "payment_password", PASSPHRASE), 404)
    assert "no such application" in refused
    assert "Do not pay" in refused


@pytest.mark.usefixtures("phone_keys")
def test_the_payment_password_is_typed_and_never_sent_back() -> None:
    waiting, browser, page = waits("payment_password", Biller.of(buyer()))
    wrong = sent(browser, page, "payment_password", "wrong-words")
    assert "wrong-words" not in text_of(wrong, 403)
    assert text_of(sent(browser, page, "payment_password", ""), 422)
    assert_paid(waiting, sent(browser, page, "payment_password", PASSPHRASE))


@pytest.mark.usefixtures("phone_keys")
def test_who_has_no_payment_password_is_led_to_set_one() -> None:
    _, browser, page = waits("payment_password", Biller.of(buyer()))
    Wallet.objects.update(password="", password_set_at=None)
    shown = text_of(browser.get(page))
    assert 'href="/wallet/payment-password"' in shown
    assert 'name="answer"' not in shown


@pytest.mark.usefixtures("phone_keys")
def test_the_passkey_signs_what_the_page_asks_for() -> None:
    passkey = Passkey.of(buyer())
    waiting, browser, page = waits("passkey", Biller.of(passkey.person))
    shown = text_of(browser.get(page))
    found = re.search(r'<script id="js_data" type="application/json">(.+?)</script>', shown)
    assert found is not None
    challenge = json.loads(found[1])["request_options"]["publicKey"]["challenge"]
    body = {"strategy": "passkey", "credential": json.dumps(passkey.sign(challenge))}
    refused = browser.post(page, {**body, "credential": '{"id": 1}'})
    assert "None of your passkeys" in text_of(refused, 403)
    assert_paid(waiting, browser.post(page, body))


@pytest.mark.usefixtures("phone_keys")
def test_on_line_the_page_says_what_to_do() -> None:
    _, browser, page = waits("online", Biller.of(buyer()))
    assert "open the application" in text_of(browser.get(page))


def test_the_token_is_chosen_and_asked(anna: Person) -> None:
    ready_to_pay(anna)
    waiting, browser, page = waits("token", Biller.of(anna))
    assert anna.token.serial in text_of(browser.get(page))
    answer = sent(browser, page, "token", anna.token.serial)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/steps/")
    assert answer["Location"] in text_of(browser.get(page))
    anna.sign(anna.get(answer["Location"]))
    assert waiting.state == "captured"


@pytest.mark.usefixtures("phone_keys")
def test_another_way_is_one_press_away() -> None:
    _, browser, page = waits("captcha", Biller.of(buyer()))
    answer = browser.post(page, {"action": "switch", "to": "payment_password"})
    assert (answer.status_code, answer["Location"]) == (302, page)
    assert "Type your payment password" in text_of(browser.get(page))
    laxer = browser.post(page, {"action": "switch", "to": "direct_sms"})
    assert "Choose another" in text_of(laxer, 409)


@pytest.mark.usefixtures("phone_keys")
def test_not_paying_ends_it() -> None:
    waiting, browser, page = waits("payment_password", Biller.of(buyer()))
    answer = browser.post(page, {"action": "cancel"})
    assert (answer.status_code, answer["Location"]) == (302, f"/charges/{waiting.uid}")
    assert waiting.state == "cancelled"
    late = sent(browser, page, "payment_password", PASSPHRASE)
    assert "Nothing to confirm" in text_of(late, 409)
    assert "Nothing to confirm" in text_of(browser.get(page))
    assert is_uncharged(waiting.biller.person)


@pytest.mark.usefixtures("phone_keys")
def test_what_is_over_says_so() -> None:
    _, browser, page = waits("payment_password", Biller.of(buyer()))
    BillingRequest.objects.update(expires_at=now())
    assert "time to confirm this is over" in text_of(browser.get(page))


@pytest.mark.usefixtures("phone_keys")
def test_a_page_of_another_strategy_is_stale() -> None:
    waiting, browser, page = waits("captcha", Biller.of(buyer()))
    browser.post(page, {"action": "switch", "to": "payment_password"})
    stale = sent(browser, page, "captcha", "wrong")
    assert stale.status_code == 409
    assert Wallet.objects.get(holder=waiting.biller.person.holder).failures == 0


@pytest.mark.usefixtures("phone_keys")
def test_nobody_else_sees_the_page() -> None:
    waiting, _, page = waits("captcha", Biller.of(buyer()))
    eve = browser_of(Person.make("Eve"))
    for path in (page, f"{page}/image"):
        assert eve.get(path).status_code == 404
        assert Client().get(path).status_code == 302
    assert eve.post(page, {"action": "cancel"}).status_code == 404
    assert waiting.state == "awaiting_captcha"


@pytest.mark.usefixtures("phone_keys")
def test_a_form_that_is_none_is_refused() -> None:
    _, browser, page = waits("online", Biller.of(buyer()))
    assert browser.post(page, {"action": "nothing"}).status_code == 400
    assert browser.post(page, {"action": "answer", "answer": "x"}).status_code == 400
    assert browser.post(page, {"action": "resend"}).status_code == 403


@pytest.mark.usefixtures("phone_keys")
def test_without_an_image_to_read_there_is_none() -> None:
    waiting, browser, page = waits("captcha", Biller.of(buyer()))
    browser.post(page, {"action": "switch", "to": "payment_password"})
    assert browser.get(f"{page}/image").status_code == 409
    browser.post(page, {"action": "cancel"})
    assert browser.get(f"{page}/image").status_code == 409
    assert waiting.state == "cancelled"


def test_a_token_that_was_lost_meanwhile_is_not_offered(anna: Person) -> None:
    ready_to_pay(anna)
    _, browser, page = waits("token", Biller.of(anna))
    anna.post(f"/tokens/{anna.token.serial}/suspend")
    assert "no token that can sign" in text_of(browser.get(page))
