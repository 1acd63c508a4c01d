"""Payments: held, captured, released, refunded; once each, and never more than there is."""

from typing import Any

import pytest

from billing.ledger import services
from billing.ledger.errors import (
    AccountFrozenError,
    AmountInvalidError,
    FundsInsufficientError,
    LedgerKeyReusedError,
    OwnPayeeError,
    PaymentNotCapturedError,
    PaymentNotHeldError,
    RefundExceedsError,
)
from billing.ledger.models import Journal, Payment
from common.errors import NotFoundError
from tests.platform.ledger import fill, money, rich
from tests.platform.world import Person, now

PRICE = 300


@pytest.fixture
def buyer(db: None) -> Person:
    return rich("Bea", 1000)


@pytest.fixture
def seller(db: None) -> Person:
    return Person.make("Sam")


def asked(buyer: Person, seller: Person, **changes: Any) -> dict[str, Any]:
    return {
        "payer": buyer.holder,
        "payee": seller.holder,
        "amount": PRICE,
        "currency": "EUR",
        "reference": "purchase-1",
        "key": "k",
        "now": now(),
        **changes,
    }


def paid(buyer: Person, seller: Person, **changes: Any) -> Payment:
    return services.pay(**asked(buyer, seller, **changes))


def test_held_money_belongs_to_nobody_until_it_is_captured(buyer: Person, seller: Person) -> None:
    held = services.hold(**asked(buyer, seller))
    assert (money(buyer), money(seller)) == ({"wallet": 700, "held": 300}, {})
    services.capture(bytes(held.uid), now=now())
    assert (money(buyer), money(seller)) == ({"wallet": 700}, {"earnings": 300})


def test_released_money_is_back_in_the_wallet(buyer: Person, seller: Person) -> None:
    held = services.hold(**asked(buyer, seller))
    assert services.release(bytes(held.uid), now=now()).state == "released"
    assert (money(buyer), money(seller)) == ({"wallet": 1000}, {})


def test_a_payment_passes_the_money_on_at_once(buyer: Person, seller: Person) -> None:
    assert paid(buyer, seller).state == "captured"
    assert (money(buyer), money(seller)) == ({"wallet": 700}, {"earnings": 300})


@pytest.mark.parametrize("end", [services.capture, services.release])
def test_ending_a_payment_again_changes_nothing(buyer: Person, seller: Person, end: Any) -> None:
    held = services.hold(**asked(buyer, seller))
    first = end(bytes(held.uid), now=now())
    before = Journal.objects.count()
    assert end(bytes(held.uid), now=now()).state == first.state
    assert Journal.objects.count() == before


@pytest.mark.parametrize(
    ("first", "second"),
    [(services.capture, services.release), (services.release, services.capture)],
)
def test_a_payment_ends_one_way_only(
    buyer: Person, seller: Person, first: Any, second: Any
) -> None:
    held = services.hold(**asked(buyer, seller))
    first(bytes(held.uid), now=now())
    before = money(buyer)
    with pytest.raises(PaymentNotHeldError):
        second(bytes(held.uid), now=now())
    assert money(buyer) == before


def test_the_same_key_is_the_same_payment(buyer: Person, seller: Person) -> None:
    first = paid(buyer, seller)
    assert paid(buyer, seller).pk == first.pk
    assert money(buyer) == {"wallet": 700}


def test_the_same_key_of_another_payer_is_another_payment(buyer: Person, seller: Person) -> None:
    other = rich("Ole", 1000)
    assert paid(buyer, seller).pk != paid(other, seller).pk
    assert money(seller) == {"earnings": 600}


@pytest.mark.parametrize("change", [{"amount": 1}, {"currency": "USD"}, {"reference": "other"}])
def test_a_key_never_names_two_payments(
    buyer: Person, seller: Person, change: dict[str, Any]
) -> None:
    fill(buyer, 1000, "USD")
    paid(buyer, seller)
    with pytest.raises(LedgerKeyReusedError):
        paid(buyer, seller, **change)
    assert money(seller) == {"earnings": 300}


def test_a_wallet_that_holds_too_little_pays_nothing(buyer: Person, seller: Person) -> None:
    before = Journal.objects.count()
    with pytest.raises(FundsInsufficientError):
        paid(buyer, seller, amount=1001)
    assert (money(buyer), money(seller)) == ({"wallet": 1000}, {})
    assert (Journal.objects.count(), Payment.objects.count()) == (before, 0)


def test_money_of_another_currency_pays_nothing(buyer: Person, seller: Person) -> None:
    with pytest.raises(FundsInsufficientError):
        paid(buyer, seller, currency="USD")


def test_a_wallet_pays_out_to_the_last_cent(buyer: Person, seller: Person) -> None:
    paid(buyer, seller, amount=1000)
    assert money(buyer) == {}


@pytest.mark.parametrize(
    "change", [{"amount": 0}, {"amount": -5}, {"amount": 10**15 + 1}, {"currency": "XXY"}]
)
def test_what_is_no_amount_is_refused(
    buyer: Person, seller: Person, change: dict[str, Any]
) -> None:
    with pytest.raises(AmountInvalidError):
        paid(buyer, seller, **change)


def test_nobody_pays_to_themselves(buyer: Person) -> None:
    with pytest.raises(OwnPayeeError):
        paid(buyer, buyer)


def test_a_frozen_account_pays_nothing_until_it_is_thawed(
    buyer: Person, seller: Person, olga: Person
) -> None:
    services.freeze(holder=buyer.holder, operator=olga.holder, now=now())
    with pytest.raises(AccountFrozenError):
        paid(buyer, seller)
    services.thaw(holder=buyer.holder, operator=olga.holder, now=now())
    assert paid(buyer, seller).state == "captured"


def refund(payment: Payment, amount: int, key: str) -> Payment:
    return services.refund(bytes(payment.uid), amount=amount, key=key, now=now())


def test_a_refund_goes_back_to_the_wallet(buyer: Person, seller: Person) -> None:
    assert refund(paid(buyer, seller), PRICE, "r").refunded == PRICE
    assert (money(buyer), money(seller)) == ({"wallet": 1000}, {})


def test_refunds_in_parts_never_pass_what_was_captured(buyer: Person, seller: Person) -> None:
    payment = paid(buyer, seller)
    paid(buyer, seller, key="another", amount=500)
    refund(payment, 200, "a")
    with pytest.raises(RefundExceedsError):
        refund(payment, 101, "b")
    assert refund(payment, 100, "c").refunded == PRICE
    assert money(seller) == {"earnings": 500}


def test_the_same_refund_again_changes_nothing(buyer: Person, seller: Person) -> None:
    payment = paid(buyer, seller)
    refund(payment, 100, "r")
    assert refund(payment, 100, "r").refunded == 100


def test_a_key_never_names_two_refunds(buyer: Person, seller: Person) -> None:
    payment = paid(buyer, seller)
    refund(payment, 100, "r")
    with pytest.raises(LedgerKeyReusedError):
        refund(payment, 99, "r")
    with pytest.raises(LedgerKeyReusedError):
        refund(paid(buyer, seller, key="another"), 100, "r")


def test_a_refund_needs_the_earnings_to_be_there(buyer: Person, seller: Person) -> None:
    payment = paid(buyer, seller)
    services.pay_out(holder=seller.holder, amount=PRICE, currency="EUR", key="o", now=now())
    with pytest.raises(FundsInsufficientError):
        refund(payment, PRICE, "r")
    payment.refresh_from_db()
    assert payment.refunded == 0


def test_only_what_was_captured_is_refunded(buyer: Person, seller: Person) -> None:
    held = services.hold(**asked(buyer, seller))
    with pytest.raises(PaymentNotCapturedError):
        refund(held, 1, "r")
    services.release(bytes(held.uid), now=now())
    with pytest.raises(PaymentNotCapturedError):
        refund(held, 1, "r")


@pytest.mark.parametrize("end", [services.capture, services.release])
def test_what_is_no_payment_ends_in_no_way(db: None, end: Any) -> None:
    with pytest.raises(NotFoundError):
        end(bytes(8), now=now())
