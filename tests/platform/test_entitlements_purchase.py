"""Somebody buys: from the wallet at once, or by a token whose receipt is the invoice."""

from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
import time_machine

from accounts.models import Holder
from audit.models import AuditRow
from billing.entitlements import services
from billing.entitlements.models import Entitlement, Purchase
from billing.ledger.models import Payment
from billing.ledger.services import freeze
from billing.ledger.verification import faults
from common.errors import DomainError
from enrolment.models import AuthserverHost
from notices.models import Notice
from protocol.ed25519 import SigningKey
from signing.services import create_keys
from tests.platform.ledger import fill, money
from tests.platform.shopping import (
    PASSPHRASE,
    PRICE,
    Sold,
    bought,
    buyer,
    offer,
    on_shelf,
    ready_to_pay,
    try_to_buy,
)
from tests.platform.world import (
    Person,
    everything_stored,
    lose_the_answer,
    now,
    read_receipt,
    statements,
    unreachable,
)
from transactions.models import Transaction
from transactions.services import reconcile_steps


@pytest.fixture
def sold(db: None) -> Sold:
    """Something in the shop; its developer has nothing else."""
    create_keys(root=SigningKey.generate(), now=now())
    return on_shelf(Person.make("Dev"))


@pytest.fixture
def dora(sold: Sold) -> Person:
    """A buyer with 100.00 EUR."""
    return buyer()


@pytest.fixture
def asked(host: AuthserverHost, anna: Person) -> Sold:
    """Something in the shop for Anna, who has money, and a token that pays."""
    ready_to_pay(anna)
    return on_shelf(Person.make("Dev"))


def by_token(person: Person, sold: Sold, **fields: Any) -> dict[str, Any]:
    """Have a token asked to pay; return the purchase."""
    body = {"offer": sold.offer, "way": "token", "token": person.token.serial, **fields}
    return dict(person.post("/purchases", body))


def step_of(person: Person, purchase: dict[str, Any]) -> dict[str, Any]:
    """The step that pays, with its challenge."""
    (step,) = person.get(f"/transactions/{purchase['transaction']}")["steps"]
    return dict(person.get(f"/steps/{step['id']}"))


def state_of(person: Person, purchase: dict[str, Any]) -> str:
    return str(person.get(f"/purchases/{purchase['id']}")["state"])


def entitlements(person: Person) -> list[str]:
    return [one["state"] for one in person.get("/entitlements")["results"]]


# From the wallet.


def test_a_purchase_from_the_wallet_is_paid_and_used_at_once(dora: Person, sold: Sold) -> None:
    purchase = bought(dora, sold)

    assert purchase["state"] == "paid"
    assert money(dora) == {"wallet": 10_000 - PRICE}
    assert money(sold.developer) == {"earnings": PRICE}
    (entitlement,) = dora.get("/entitlements")["results"]
    assert entitlement["state"] == "active"
    assert entitlement["resource"] == sold.id
    assert entitlement["expires_at"] is None
    payment = Payment.objects.get()
    assert (bytes(payment.uid).hex(), payment.reference) == (purchase["payment"], purchase["id"])
    assert {notice.kind for notice in Notice.objects.all()} >= {"bought", "sold"}
    assert AuditRow.objects.filter(action="purchase.paid", subject=purchase["id"]).count() == 1
    (sale,) = sold.developer.get("/sales")["results"]
    assert sale["id"] == purchase["id"]


def test_time_begins_with_the_payment(dora: Person, sold: Sold) -> None:
    month = offer(sold.developer, sold.id, term="until", days=30, amount=100)
    bought(dora, Sold(sold.developer, sold.id, month))
    (entitlement,) = Entitlement.objects.all()
    assert entitlement.expires_at is not None
    assert timedelta(days=29, hours=23) < entitlement.expires_at - now() <= timedelta(days=30)


def test_uses_are_counted_from_what_was_bought(dora: Person, sold: Sold) -> None:
    ten = Sold(sold.developer, sold.id, offer(sold.developer, sold.id, term="metered", uses=10))
    bought(dora, ten)
    bought(dora, ten)
    assert [one["uses_left"] for one in dora.get("/entitlements")["results"]] == [10, 10]


def test_the_same_purchase_sent_again_is_paid_once(dora: Person, sold: Sold) -> None:
    first = try_to_buy(dora, sold, key="k1")
    again = try_to_buy(dora, sold, key="k1")
    assert first.body == again.body
    assert again.headers["Idempotency-Replayed"] == "true"
    assert money(sold.developer) == {"earnings": PRICE}


def test_a_purchase_whose_answer_was_lost_is_not_paid_twice(dora: Person, sold: Sold) -> None:
    def buy() -> Purchase:
        return services.buy(
            buyer=dora.holder,
            offer_uid=bytes.fromhex(sold.offer),
            way="wallet",
            key="k1",
            payment_password=PASSPHRASE,
            now=now(),
        )

    assert buy().pk == buy().pk
    assert money(sold.developer) == {"earnings": PRICE}


def test_a_key_stands_for_one_purchase_of_one_buyer(dora: Person, sold: Sold) -> None:
    other = on_shelf(sold.developer, title="Evening")
    ben = buyer("Ben")

    def buy(who: Person, what: Sold) -> Purchase:
        return services.buy(
            buyer=who.holder,
            offer_uid=bytes.fromhex(what.offer),
            way="wallet",
            key="k1",
            payment_password=PASSPHRASE,
            now=now(),
        )

    assert buy(dora, sold).pk != buy(ben, sold).pk
    with pytest.raises(DomainError) as refused:
        buy(dora, other)
    assert refused.value.code == "purchase_key_reused"


def test_a_refused_purchase_leaves_one_audit_row_and_nothing_else(
    dora: Person, sold: Sold
) -> None:
    sold.developer.post(f"/offers/{sold.offer}/end")
    before, rows = everything_stored(), AuditRow.objects.count()
    assert try_to_buy(dora, sold).refusal == (410, "offer_ended")
    assert everything_stored() == before
    assert AuditRow.objects.count() == rows + 1


def test_without_enough_money_nothing_is_bought(sold: Sold) -> None:
    poor = buyer("Poor", PRICE - 1)
    before = everything_stored()
    assert try_to_buy(poor, sold).refusal == (402, "funds_insufficient")
    assert everything_stored() == before


def test_who_has_found_the_money_may_use_the_same_key(sold: Sold) -> None:
    poor = buyer("Poor", PRICE - 1)
    assert try_to_buy(poor, sold, key="k1").refusal == (402, "funds_insufficient")
    fill(poor, 1)
    assert try_to_buy(poor, sold, key="k1").status == 201


def test_who_is_leaving_sells_nothing_more(dora: Person, sold: Sold) -> None:
    holder = sold.developer.holder
    type(holder).objects.filter(pk=holder.pk).update(leaving_at=now())
    assert try_to_buy(dora, sold).refusal == (410, "offer_ended")
    assert dora.get("/resources")["results"] == []
    assert dora.call("GET", f"/resources/{sold.id}").refusal == (404, "not_found")


def test_a_wrong_payment_password_buys_nothing_and_is_counted(dora: Person, sold: Sold) -> None:
    answer = try_to_buy(dora, sold, payment_password="wrong-one")
    assert answer.refusal == (403, "paypass_wrong")
    assert answer.body["tries_left"] == 4
    assert not Purchase.objects.exists()
    for _ in range(4):
        answer = try_to_buy(dora, sold, payment_password="wrong-one")
    assert try_to_buy(dora, sold).refusal == (423, "paypass_locked")
    assert money(dora) == {"wallet": 10_000}


def test_without_a_payment_password_nothing_is_bought(sold: Sold) -> None:
    assert try_to_buy(Person.make("New"), sold).refusal == (409, "paypass_not_set")


def test_a_frozen_wallet_buys_nothing(dora: Person, sold: Sold, olga: Person) -> None:
    freeze(holder=dora.holder, operator=olga.holder, now=now())
    assert try_to_buy(dora, sold).refusal == (403, "account_frozen")


def test_what_is_owned_for_good_is_not_bought_again(dora: Person, sold: Sold) -> None:
    bought(dora, sold)
    month = offer(sold.developer, sold.id, term="until", days=30)
    for known in (sold, Sold(sold.developer, sold.id, month)):
        before = everything_stored()
        assert try_to_buy(dora, known).refusal == (409, "already_owned")
        assert everything_stored() == before


def test_a_longer_time_may_be_bought_and_a_shorter_one_may_not(dora: Person, sold: Sold) -> None:
    short, long = (
        Sold(sold.developer, sold.id, offer(sold.developer, sold.id, term="until", days=days))
        for days in (7, 30)
    )
    bought(dora, short)
    bought(dora, long)
    assert try_to_buy(dora, short).refusal == (409, "already_owned")
    bought(dora, sold)


@pytest.mark.parametrize("action", ["unlist", "withdraw"])
def test_what_is_not_in_the_shop_is_not_sold(dora: Person, sold: Sold, action: str) -> None:
    sold.developer.post(f"/resources/{sold.id}/{action}")
    assert try_to_buy(dora, sold).refusal == (410, "offer_ended")


def test_a_developer_needs_no_purchase(sold: Sold) -> None:
    ready_to_pay(sold.developer)
    assert try_to_buy(sold.developer, sold).refusal == (409, "own_resource")


def test_an_offer_that_nobody_made_is_not_found(dora: Person) -> None:
    body = {"offer": "0" * 16, "way": "wallet"}
    assert dora.call("POST", "/purchases", body).refusal == (404, "not_found")


def test_a_purchase_is_its_buyers_alone(dora: Person, sold: Sold) -> None:
    purchase = bought(dora, sold)
    ben = Person.make("Ben")
    for path in ("", "/cancel", "/refund", "/refund/grant", "/refund/refuse"):
        method = "POST" if path else "GET"
        answer = ben.call(method, f"/purchases/{purchase['id']}{path}", {} if path else None)
        assert answer.refusal == (404, "not_found")
    assert ben.get("/purchases")["results"] == ben.get("/sales")["results"] == []


def test_a_paid_purchase_is_not_cancelled(dora: Person, sold: Sold) -> None:
    path = f"/purchases/{bought(dora, sold)['id']}/cancel"
    assert dora.call("POST", path, {}).refusal == (409, "purchase_not_pending")


# By token.


def test_a_token_pays_and_its_receipt_is_the_invoice(anna: Person, asked: Sold) -> None:
    purchase = by_token(anna, asked, remark="For the kitchen")

    assert purchase["state"] == "pending"
    assert entitlements(anna) == ["pending_payment"]
    assert money(anna) == {"held": PRICE, "wallet": 10_000 - PRICE}
    receipt = anna.sign(step_of(anna, purchase))

    assert state_of(anna, purchase) == "paid"
    assert entitlements(anna) == ["active"]
    assert money(anna) == {"wallet": 10_000 - PRICE}
    assert money(asked.developer) == {"earnings": PRICE}
    assert read_receipt(receipt).tx.hex() == purchase["transaction"]
    (statement,) = statements(receipt)
    demand = statement.demand
    assert (demand.amount, demand.currency) == (PRICE, "EUR")
    assert (demand.payee_account, demand.text) == (asked.developer.account, "Morning")
    assert demand.reference == purchase["id"]
    assert statement.party.remark == "For the kitchen"
    # Nothing follows a payment.
    assert anna.get(f"/transactions/{purchase['transaction']}")["state"] == "closed"
    assert not list(faults())


@pytest.mark.parametrize("ending", ["cancel", "decline", "lock", "cancel_purchase"])
def test_a_payment_that_is_not_signed_gives_the_money_back(
    anna: Person, asked: Sold, ending: str
) -> None:
    purchase = by_token(anna, asked)
    step = step_of(anna, purchase)
    if ending == "lock":
        anna.lock(step)
    elif ending == "decline":
        anna.post(f"/steps/{step['id']}/decline", {"reason": "too dear"})
    elif ending == "cancel":
        anna.post(f"/steps/{step['id']}/cancel")
    else:
        assert anna.post(f"/purchases/{purchase['id']}/cancel")["state"] == "cancelled"

    assert state_of(anna, purchase) == "cancelled"
    assert entitlements(anna) == []
    assert money(anna) == {"wallet": 10_000}
    path = f"/purchases/{purchase['id']}/cancel"
    assert anna.call("POST", path, {}).refusal == (409, "purchase_not_pending")
    path = f"/purchases/{purchase['id']}/refund"
    assert anna.call("POST", path, {}).refusal == (409, "purchase_not_paid")
    assert not list(faults())


def test_a_cancelled_purchase_leaves_nothing_to_suspend(
    anna: Person, asked: Sold, olga: Person
) -> None:
    purchase = by_token(anna, asked)
    anna.post(f"/purchases/{purchase['id']}/cancel")
    for action in ("suspend", "resume", "revoke"):
        answer = olga.call("POST", f"/purchases/{purchase['id']}/{action}", {})
        assert answer.refusal == (409, "entitlement_state_wrong")


def test_an_expired_challenge_gives_the_money_back(anna: Person, asked: Sold) -> None:
    with time_machine.travel(now() - timedelta(minutes=5), tick=False):
        purchase = by_token(anna, asked)
    reconcile_steps(now=now())
    assert state_of(anna, purchase) == "cancelled"
    assert money(anna) == {"wallet": 10_000}


def test_what_was_signed_while_the_answer_was_lost_is_paid_by_the_worker(
    anna: Person, asked: Sold
) -> None:
    purchase = by_token(anna, asked)
    step = step_of(anna, purchase)
    lose_the_answer(step, anna.response(step))
    # Cancelling asks the server, which has accepted a response before.
    assert anna.post(f"/purchases/{purchase['id']}/cancel")["state"] == "paid"
    assert entitlements(anna) == ["active"]


def test_a_step_ends_even_when_its_purchase_cannot(anna: Person, asked: Sold) -> None:
    purchase = by_token(anna, asked)
    name = "billing.entitlements.services.settle.ledger.capture"
    with mock.patch(name, side_effect=DomainError("out of order")):
        anna.sign(step_of(anna, purchase))
    assert state_of(anna, purchase) == "pending"

    assert services.settle_purchases(now=now()) == 1
    assert state_of(anna, purchase) == "paid"
    assert entitlements(anna) == ["active"]
    assert services.settle_purchases(now=now()) == 0


def test_money_held_for_a_challenge_that_was_never_put_comes_back(
    anna: Person, asked: Sold
) -> None:
    crash = mock.patch(
        "billing.entitlements.services.buying.open_transaction", side_effect=RuntimeError("crash")
    )
    with crash, pytest.raises(RuntimeError):
        _buy_by_token(anna.holder, asked, anna.token.serial)
    (purchase,) = Purchase.objects.all()
    assert money(anna)["held"] == PRICE

    assert services.settle_purchases(now=now()) == 0
    assert services.settle_purchases(now=now() + timedelta(minutes=16)) == 1
    purchase.refresh_from_db()
    assert purchase.state == "cancelled"
    assert money(anna) == {"wallet": 10_000}


def test_a_repetition_goes_on_where_a_crash_has_stopped(anna: Person, asked: Sold) -> None:
    crash = mock.patch(
        "billing.entitlements.services.buying.open_transaction", side_effect=RuntimeError("crash")
    )
    serial = anna.token.serial
    with crash, pytest.raises(RuntimeError):
        _buy_by_token(anna.holder, asked, serial)
    again = _buy_by_token(anna.holder, asked, serial)
    third = _buy_by_token(anna.holder, asked, serial)

    assert again.pk == third.pk == Purchase.objects.get().pk
    assert Transaction.objects.filter(tx=again.transaction).count() == 1
    assert money(anna)["held"] == PRICE


def test_a_token_with_too_many_challenges_holds_no_money(anna: Person, asked: Sold) -> None:
    for _ in range(3):
        anna.open()
    body = {"offer": asked.offer, "way": "token", "token": anna.token.serial}
    headers = {"Idempotency-Key": "k1"}
    answer = anna.call("POST", "/purchases", body, headers=headers)
    assert answer.refusal == (429, "too_many_challenges")
    assert money(anna) == {"wallet": 10_000}
    assert entitlements(anna) == []

    for step in anna.get("/transactions")["results"][:1]:
        anna.post(f"/transactions/{step['id']}/cancel")
    # The same key may stand for another try.
    assert anna.call("POST", "/purchases", body, headers=headers).status == 201


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"token": "nobodys"}, (409, "token_not_paired")),
        ({"remark": "x" * 121}, (422, "text_too_long")),
    ],
)
def test_what_a_step_refuses_is_refused_before_money_is_held(
    anna: Person, asked: Sold, fields: dict[str, str], refusal: tuple[int, str]
) -> None:
    before = everything_stored()
    body = {"offer": asked.offer, "way": "token", "token": anna.token.serial, **fields}
    assert anna.call("POST", "/purchases", body).refusal == refusal
    assert everything_stored() == before


def test_by_token_too_nothing_is_bought_without_money(anna: Person, host: AuthserverHost) -> None:
    sold = on_shelf(Person.make("Dev"))
    before = everything_stored()
    body = {"offer": sold.offer, "way": "token", "token": anna.token.serial}
    assert anna.call("POST", "/purchases", body).refusal == (402, "funds_insufficient")
    assert everything_stored() == before


def test_what_waits_for_a_token_is_not_bought_beside_it(anna: Person, asked: Sold) -> None:
    purchase = by_token(anna, asked)
    assert try_to_buy(anna, asked).refusal == (409, "already_owned")
    anna.post(f"/purchases/{purchase['id']}/cancel")
    bought(anna, asked)


def test_a_step_that_only_quotes_a_purchase_pays_for_nothing(anna: Person, asked: Sold) -> None:
    purchase = by_token(anna, asked)
    demand = {
        "kind": "payment",
        "amount": 1,
        "currency": "EUR",
        "payee_account": asked.developer.account,
        "reference": purchase["id"],
    }
    anna.sign(anna.open(demand))
    assert state_of(anna, purchase) == "pending"
    assert money(asked.developer) == {}


def test_while_the_host_is_away_a_purchase_waits(
    anna: Person, asked: Sold, host: AuthserverHost
) -> None:
    purchase = by_token(anna, asked)
    path = f"/purchases/{purchase['id']}/cancel"
    with unreachable(host):
        assert anna.call("POST", path, {}).refusal[0] == 503
        assert services.settle_purchases(now=now()) == 0
    assert state_of(anna, purchase) == "pending"
    reconcile_steps(now=now())
    assert state_of(anna, purchase) == "cancelled"
    assert money(anna) == {"wallet": 10_000}


def _buy_by_token(holder: Holder, sold: Sold, serial: str) -> Purchase:
    return services.buy(
        buyer=holder,
        offer_uid=bytes.fromhex(sold.offer),
        way="token",
        key="k1",
        token_serial=serial,
        now=now(),
    )
