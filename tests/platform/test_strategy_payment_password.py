"""A charge that is confirmed by the payment password."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.ledger.models import Wallet
from billing.packages.models import BillingRequest
from tests.platform.applications import Application, Biller
from tests.platform.ledger import fill, money
from tests.platform.proving import Waiting, assert_charged, is_uncharged, withdrawals
from tests.platform.shopping import PASSPHRASE, buyer
from tests.platform.world import Person, everything_as_bytes, now

WRONG = "not the one"
pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def waiting() -> Waiting:
    """Dora's sword, which waits for her payment password."""
    return Waiting.on(Application.make(), Biller.of(buyer()), "payment_password")


def tried(waiting: Waiting, password: str = WRONG) -> tuple[int, str]:
    return waiting.post("payment-password", {"payment_password": password}).refusal


def test_the_payment_password_charges(waiting: Waiting) -> None:
    answer = waiting.post("payment-password", {"payment_password": PASSPHRASE})
    assert_charged(waiting, answer)
    assert PASSPHRASE.encode() not in everything_as_bytes()


def test_five_wrong_ones_lock_it_for_15_minutes_and_then_for_twice_as_long(
    waiting: Waiting,
) -> None:
    wallet = Wallet.objects.filter(holder=waiting.biller.person.holder)
    for minutes in (15, 30):
        assert [tried(waiting) for _ in range(4)] == [(403, "paypass_wrong")] * 4
        assert tried(waiting) == (423, "paypass_locked")
        # The right one is answered the same.
        assert tried(waiting, PASSPHRASE) == (423, "paypass_locked")
        locked = wallet.get().locked_until
        assert locked is not None
        assert abs(locked - now() - timedelta(minutes=minutes)) < timedelta(seconds=30)
        wallet.update(locked_until=now())
    assert is_uncharged(waiting.biller.person)
    assert waiting.state == "awaiting_paypass"


def test_a_wrong_one_is_answered_alike_whatever_it_is(waiting: Waiting) -> None:
    for password in ("", "x" * 128, "\x00", PASSPHRASE + " "):
        assert tried(waiting, password) == (403, "paypass_wrong")


def test_without_one_it_says_so(waiting: Waiting) -> None:
    Wallet.objects.update(password="", password_set_at=None)
    assert tried(waiting, PASSPHRASE)[1] == "paypass_not_set"


def test_a_wallet_that_holds_too_little_keeps_the_request_open() -> None:
    poor = buyer(amount=100)
    waiting = Waiting.on(Application.make(), Biller.of(poor), "payment_password")
    assert tried(waiting, PASSPHRASE)[1] == "funds_insufficient"
    assert waiting.state == "awaiting_paypass"
    assert is_uncharged(poor, 100)
    fill(poor, 200)
    answer = waiting.post("payment-password", {"payment_password": PASSPHRASE})
    assert answer.body["state"] == "captured"
    assert money(poor) == {"wallet": 50}


def test_somebody_elses_password_is_not_even_tried(waiting: Waiting) -> None:
    eve = Person.make("Eve")
    answer = waiting.post("payment-password", {"payment_password": PASSPHRASE}, by=eve)
    assert answer.refusal == (404, "not_found")


def test_a_charged_request_is_not_charged_again(waiting: Waiting) -> None:
    assert_charged(waiting, waiting.post("payment-password", {"payment_password": PASSPHRASE}))
    assert tried(waiting, PASSPHRASE) == (409, "request_closed")
    assert money(waiting.biller.person) == {"wallet": 9_750}


def test_what_was_changed_in_the_row_is_not_charged(waiting: Waiting) -> None:
    BillingRequest.objects.update(amount=9_999)
    assert tried(waiting, PASSPHRASE) == (409, "request_closed")
    assert is_uncharged(waiting.biller.person)


@withdrawals
def test_an_application_that_was_withdrawn_meanwhile_charges_nothing(
    waiting: Waiting, withdraw: Callable[[Application], None], refusal: tuple[int, str]
) -> None:
    withdraw(waiting.application)
    assert tried(waiting, PASSPHRASE) == refusal
    assert tried(waiting, WRONG) == refusal
    # What cannot be charged is not asked: nobody finds a password out by it.
    assert Wallet.objects.get(holder=waiting.biller.person.holder).failures == 0
    assert is_uncharged(waiting.biller.person)
