"""Many who buy, use and give back the same at once: paid once, and never used for nothing."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.concurrency.unguarded import ROUNDS, unguarded
from tests.e2e.copies import PRICE, LiveCopy, LiveDevice, OnSale, publish
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Answer, Party, at_once

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

MANY = 50
PURCHASES = 6


@pytest.fixture
def developer(services: Live) -> Party:
    return services.party("Dev Schmidt")


@pytest.fixture
def buyer(services: Live) -> Party:
    """Somebody who can pay, and has nothing in the wallet."""
    buyer = services.party("Bea Schmidt")
    password = {"password": buyer.person.password, "current": buyer.person.password}
    buyer.call("POST", "/wallet/payment-password", password)
    left = wallet(buyer)
    if left:
        payout = {"amount": left, "currency": "EUR", "payment_password": buyer.person.password}
        buyer.post("/wallet/payouts", payout)
    return buyer


def wallet(person: Party) -> int:
    balances = {one["currency"]: one["wallet"] for one in person.get("/wallet")["balances"]}
    return int(balances.get("EUR", 0))


def fill(person: Party, purchases: int) -> None:
    person.post("/wallet/top-ups", {"amount": PRICE * purchases, "currency": "EUR"})


def buying(buyer: Party, resource: OnSale, key: str = "") -> partial[Answer]:
    body = {"offer": resource.offer, "way": "wallet", "payment_password": buyer.person.password}
    headers = {"Idempotency_Key": key} if key else {}
    return partial(buyer.call, "POST", "/purchases", body, **headers)


def outcomes(answers: list[Answer]) -> Counter[Any]:
    return Counter(answer.code or answer.status for answer in answers)


def books_are_right(services: Live) -> None:
    # Fails when a row is at fault.
    services.manage("verify_ledger")


def test_of_fifty_purchases_from_a_wallet_that_suffices_for_one_one_is_made(
    services: Live, developer: Party, buyer: Party
) -> None:
    resource = publish(developer, term="metered", uses=1)
    fill(buyer, 1)

    answers = at_once([buying(buyer, resource)] * MANY)

    assert outcomes(answers) == {201: 1, "funds_insufficient": MANY - 1}
    assert wallet(buyer) == 0
    books_are_right(services)


def test_what_is_bought_for_good_is_bought_once(
    services: Live, developer: Party, buyer: Party
) -> None:
    resource = publish(developer)
    fill(buyer, 8)

    answers = at_once([buying(buyer, resource)] * 8)

    assert outcomes(answers) == {201: 1, "already_owned": 7}
    assert wallet(buyer) == 7 * PRICE
    books_are_right(services)


def test_without_the_constraint_it_would_be_bought_twice(
    services: Live, developer: Party, buyer: Party
) -> None:
    def race() -> int:
        resource = publish(developer)
        fill(buyer, 8)
        return outcomes(at_once([buying(buyer, resource)] * 8))[201]

    with unguarded(services, "permanent_entitlement_once"):
        assert any(race() > 1 for _ in range(ROUNDS))
        # Only one of a kind may be left when the constraint comes back.
        services.change("platform", "UPDATE entitlements_entitlement SET state = 'revoked'")


def test_one_purchase_sent_many_times_is_paid_once(
    services: Live, developer: Party, buyer: Party
) -> None:
    resource = publish(developer, term="metered", uses=1)
    fill(buyer, 8)

    answers = at_once([buying(buyer, resource, key="the same")] * 8)

    assert set(outcomes(answers)) <= {201, "idempotency_in_progress"}
    assert len({answer.body["id"] for answer in answers if answer.status == 201}) == 1
    assert wallet(buyer) == 7 * PRICE
    books_are_right(services)


def test_the_money_comes_back_once_whoever_gives_it(
    services: Live, developer: Party, buyer: Party
) -> None:
    resource = publish(developer)
    fill(buyer, 1)
    path = f"/purchases/{buying(buyer, resource)().body['id']}/refund"
    ask = partial(buyer.call, "POST", path, {})
    grant = partial(developer.call, "POST", f"{path}/grant", {})

    answers = at_once([ask, grant] * 8)

    assert outcomes(answers) == {200: 16}
    assert {answer.body["state"] for answer in answers} == {"refunded"}
    assert wallet(buyer) == PRICE
    books_are_right(services)


def test_who_gets_the_money_back_unasked_has_not_used_it(
    services: Live, developer: Party, buyer: Party
) -> None:
    resource = publish(developer)
    device = LiveDevice.of(buyer)
    fill(buyer, 1)
    for _ in range(PURCHASES):
        purchase = buying(buyer, resource)().body["id"]
        copies = [LiveCopy(device, resource) for _ in range(3)]
        codes = [copy.ask().body["status_code"] for copy in copies]
        uses = [partial(copy.present, code) for copy, code in zip(copies, codes, strict=True)]
        refund = partial(buyer.call, "POST", f"/purchases/{purchase}/refund", {})

        refunded, *used = at_once([refund, *uses])

        assert refunded.status == 200, refunded
        is_back = refunded.body["state"] == "refunded"
        assert is_back != any(answer.status == 200 for answer in used), (refunded, used)
        if not is_back:
            developer.post(f"/purchases/{purchase}/refund/grant", {})
    assert wallet(buyer) == PRICE
    books_are_right(services)
