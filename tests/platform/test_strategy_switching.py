"""Another way to confirm, as strict or stricter; and calling a charge off."""

from datetime import timedelta

import pytest

from billing.ledger.models import Wallet
from billing.packages.errors import StrategyUnavailableError
from billing.packages.models import BillingRequest, Prompt
from billing.packages.services import proving
from billing.packages.services.finish import expire_requests
from billing.packages.services.strategies import PAYMENT_PASSWORD, REGISTRY
from tests.platform.applications import Application, Biller
from tests.platform.passkeys import Passkey
from tests.platform.proving import Waiting, assert_charged, is_uncharged, want
from tests.platform.shopping import PASSPHRASE, buyer
from tests.platform.world import Person, now

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def waiting() -> Waiting:
    """Dora's sword, which waits for the letters; her phone is bound."""
    return Waiting.on(Application.make(), Biller.bound(buyer()), "captcha")


def switched(waiting: Waiting, name: str) -> tuple[int, str]:
    answer = waiting.post("strategy", {"strategy": name})
    return answer.refusal if answer.status >= 400 else (200, str(answer.body["state"]))


def test_the_registry_knows_seven_from_the_least_strict_on() -> None:
    assert {name: strategy.rank for name, strategy in REGISTRY.items()} == {
        "direct_sms": 1,
        "captcha": 2,
        "sms_code": 2,
        "payment_password": 3,
        "online": 3,
        "passkey": 4,
        "token": 4,
    }
    assert {strategy.name: strategy for strategy in REGISTRY.values()} == REGISTRY
    assert len({strategy.state for strategy in REGISTRY.values()}) == 7


def test_who_cannot_see_the_image_chooses_another_way(waiting: Waiting) -> None:
    assert waiting.get("strategy") == {
        "request": waiting.uid,
        "strategy": "captcha",
        "others": ["sms_code", "payment_password"],
    }
    assert switched(waiting, "payment_password") == (200, "awaiting_paypass")
    answer = waiting.post("payment-password", {"payment_password": PASSPHRASE})
    assert_charged(waiting, answer)


@pytest.mark.parametrize("name", ["direct_sms", "token", "passkey", "captcha", "", "nothing"])
def test_what_is_not_open_cannot_be_chosen(waiting: Waiting, name: str) -> None:
    assert switched(waiting, name) == (409, "strategy_unavailable")
    assert waiting.state == "awaiting_captcha"


def test_a_laxer_way_than_was_asked_for_cannot_be_chosen() -> None:
    dora = buyer()
    Passkey.of(dora)
    strict = Waiting.on(Application.make(), Biller.bound(dora), "payment_password")
    for name in ("captcha", "sms_code"):
        assert switched(strict, name) == (409, "strategy_unavailable")
    assert switched(strict, "passkey") == (200, "awaiting_passkey")
    assert switched(strict, "sms_code") == (409, "strategy_unavailable")
    assert switched(strict, "payment_password") == (200, "awaiting_paypass")


@pytest.mark.parametrize("name", ["captcha", "sms_code", "payment_password", "passkey"])
def test_no_terminal_confirms_by_itself_what_its_payer_is_asked_for(name: str) -> None:
    dora = buyer()
    Passkey.of(dora)
    waiting = Waiting.on(Application.make(), Biller.bound(dora), name)
    assert "online" not in waiting.get("strategy")["others"]
    assert switched(waiting, "online") == (409, "strategy_unavailable")
    refused = waiting.post("online", waiting.fresh())
    assert refused.refusal == (409, "strategy_unavailable")
    assert is_uncharged(dora)


def test_what_the_terminal_has_to_show_nobody_else_confirms() -> None:
    dora = buyer()
    Passkey.of(dora)
    forced = Waiting.on(Application.make(), Biller.bound(dora), "online")
    assert forced.get("strategy")["others"] == []
    for name in ("payment_password", "passkey", "captcha"):
        assert switched(forced, name) == (409, "strategy_unavailable")
    assert_charged(forced, forced.post("online", forced.fresh()))


def test_the_terminal_does_not_stand_in_for_its_payer_where_nothing_else_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    application, biller = Application.make(), Biller.of(buyer())
    want("payment_password", application.package)
    monkeypatch.setattr(PAYMENT_PASSWORD, "channels", frozenset())
    assert biller.bill(application).refusal == (409, "strategy_unavailable")


def test_the_answer_to_the_way_before_is_refused(waiting: Waiting) -> None:
    letters = waiting.letters()
    switched(waiting, "sms_code")
    answer = waiting.post("captcha", {"answer": letters})
    assert answer.refusal == (409, "strategy_unavailable")
    assert is_uncharged(waiting.biller.person)


def test_coming_back_brings_no_new_tries_and_no_new_time(waiting: Waiting) -> None:
    waiting.post("captcha", {"answer": "wrong"})
    ends = waiting.row.expires_at
    switched(waiting, "sms_code")
    assert waiting.row.expires_at > ends
    assert switched(waiting, "captcha") == (200, "awaiting_captcha")
    assert waiting.row.expires_at == ends
    assert waiting.post("captcha", {"answer": "wrong"}).body["images_left"] == 1
    switched(waiting, "sms_code")
    Prompt.objects.filter(strategy="captcha").update(created_at=now() - timedelta(minutes=3))
    assert switched(waiting, "captcha") == (409, "strategy_unavailable")


def test_a_charge_is_called_off_by_the_terminal_or_the_payer(waiting: Waiting) -> None:
    answer = waiting.biller.bill(waiting.application)
    second = Waiting(waiting.application, waiting.biller, answer.body["request"])
    assert waiting.post("cancel").body["state"] == "cancelled"
    assert second.post("cancel", by=waiting.biller.person).body["state"] == "cancelled"
    for after in ("cancel", "captcha/image", "sms-code/resend"):
        assert waiting.post(after).refusal == (409, "request_closed")
    assert is_uncharged(waiting.biller.person)


def test_nobody_else_calls_it_off_or_changes_its_way(waiting: Waiting) -> None:
    eve = Person.make("Eve")
    for way, body in (("cancel", None), ("strategy", {"strategy": "sms_code"})):
        assert waiting.post(way, body, by=eve).refusal == (404, "not_found")
    assert waiting.state == "awaiting_captcha"


def test_a_request_expires_at_the_end_of_its_strategys_time(waiting: Waiting) -> None:
    assert expire_requests(now=waiting.row.expires_at - timedelta(seconds=1)) == 0
    assert expire_requests(now=waiting.row.expires_at) == 1
    assert waiting.state == "expired"
    assert switched(waiting, "sms_code") == (409, "request_closed")


def test_a_request_begins_to_wait_once(waiting: Waiting) -> None:
    with pytest.raises(Exception, match="ended"):
        proving.begin(waiting.row, now())
    assert waiting.row.prompts.count() == 1


def test_when_nothing_as_strict_is_open_the_request_is_refused() -> None:
    biller = Biller.of(buyer())
    waiting = Waiting.on(Application.make(), biller, "payment_password")
    BillingRequest.objects.update(strategy="token", state="verified")
    with pytest.raises(StrategyUnavailableError):
        proving.begin(waiting.row, now())


def test_the_payer_is_asked_even_without_a_payment_password() -> None:
    biller = Biller.of(buyer())
    Wallet.objects.update(password="", password_set_at=None)
    assert biller.bill(Application.make()).body["strategy"] == "payment_password"
