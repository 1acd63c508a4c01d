"""The API of wallets and payments: every way in which it says no."""

from typing import Any

import pytest

from billing.ledger import services
from billing.ledger.models import Payment
from tests.platform.ledger import fill, money, rich
from tests.platform.world import Answer, Person, call, now

GOOD = "violet-otter-3"


@pytest.fixture
def bea(db: None) -> Person:
    """Somebody with ten euros and a payment password."""
    bea = rich("Bea", 1000)
    services.set_payment_password(holder=bea.holder, password=GOOD, now=now())
    return bea


@pytest.fixture
def sam(db: None) -> Person:
    return Person.make("Sam")


@pytest.fixture
def payment(bea: Person, sam: Person) -> Payment:
    return services.pay(
        payer=bea.holder,
        payee=sam.holder,
        amount=300,
        currency="EUR",
        reference="thing",
        key="k",
        now=now(),
    )


def path_of(payment: Payment) -> str:
    return f"/payments/{bytes(payment.uid).hex()}"


def payout(person: Person, **changes: Any) -> Answer:
    body = {"amount": 100, "currency": "EUR", "payment_password": GOOD, **changes}
    return person.call("POST", "/wallet/payouts", body)


def refund(person: Person, payment: Payment, amount: int) -> Answer:
    return person.call("POST", f"{path_of(payment)}/refunds", {"amount": amount})


def test_a_wallet_shows_its_money_by_currency(bea: Person) -> None:
    fill(bea, 7, "KWD")
    assert bea.get("/wallet") == {
        "balances": [
            {"currency": "EUR", "wallet": 1000, "earnings": 0, "held": 0},
            {"currency": "KWD", "wallet": 7, "earnings": 0, "held": 0},
        ],
        "is_play_money": True,
        "is_frozen": False,
        "has_payment_password": True,
    }


def test_a_top_up_under_one_key_comes_in_once(sam: Person) -> None:
    body = {"amount": 500, "currency": "EUR"}
    first, again = (
        call("POST", "/wallet/top-ups", body, key=sam.key, headers={"Idempotency-Key": "one"})
        for _ in range(2)
    )
    assert (first.status, first.body["state"]) == (201, "done")
    assert again.body == first.body
    assert money(sam) == {"wallet": 500}


def test_without_a_key_each_top_up_counts(sam: Person) -> None:
    for _ in range(2):
        sam.post("/wallet/top-ups", {"amount": 500, "currency": "EUR"})
    assert money(sam) == {"wallet": 1000}


@pytest.mark.parametrize(
    ("amount", "currency"), [(0, "EUR"), (-1, "EUR"), (2**70, "EUR"), (1, "XXY")]
)
def test_what_is_no_amount_is_amount_invalid(sam: Person, amount: int, currency: str) -> None:
    answer = sam.call("POST", "/wallet/top-ups", {"amount": amount, "currency": currency})
    assert answer.refusal == (422, "amount_invalid")


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 1},
        {"amount": "1", "currency": "EUR"},
        {"amount": 1.0, "currency": "EUR"},
        {"amount": True, "currency": "EUR"},
        {"amount": 1, "currency": "eur"},
        {"amount": 1, "currency": "EUR", "holder": "another"},
        [],
    ],
)
def test_what_is_not_understood_is_input_invalid(sam: Person, body: object) -> None:
    assert sam.call("POST", "/wallet/top-ups", body).refusal == (422, "input_invalid")


def test_a_payout_takes_the_payment_password(bea: Person) -> None:
    assert payout(bea, payment_password="wrong-one").refusal == (403, "paypass_wrong")
    assert money(bea) == {"wallet": 1000}
    assert payout(bea).status == 201
    assert money(bea) == {"wallet": 900}


def test_wrong_payment_passwords_say_how_many_tries_are_left_and_then_until_when(
    bea: Person,
) -> None:
    left = [payout(bea, payment_password="wrong-one").body.get("tries_left") for _ in range(4)]
    assert left == [4, 3, 2, 1]
    fifth = payout(bea, payment_password="wrong-one")
    assert fifth.refusal == (423, "paypass_locked")
    assert abs(fifth.body["until"] - now().timestamp() - 900) < 5
    assert payout(bea).refusal == (423, "paypass_locked")


def test_no_payout_before_a_payment_password_is_set(sam: Person) -> None:
    assert payout(sam).refusal == (409, "paypass_not_set")


def test_a_payout_of_more_than_there_is_is_funds_insufficient(bea: Person) -> None:
    assert payout(bea, amount=1001).refusal == (402, "funds_insufficient")


def test_nothing_is_paid_out_of_a_frozen_account(bea: Person, olga: Person) -> None:
    services.freeze(holder=bea.holder, operator=olga.holder, now=now())
    assert payout(bea).refusal == (403, "account_frozen")
    assert bea.get("/wallet")["is_frozen"] is True


def test_a_key_alone_sets_no_payment_password(sam: Person) -> None:
    body = {"password": GOOD, "current": "a guess"}
    answer = sam.call("POST", "/wallet/payment-password", body)
    assert answer.refusal == (403, "paypass_wrong")
    assert sam.get("/wallet")["has_payment_password"] is False


def test_the_password_of_the_sign_in_sets_the_first_payment_password(sam: Person) -> None:
    sam.holder.user.set_password("sign-in-of-sam")
    sam.holder.user.save()
    body = {"password": GOOD, "current": "sign-in-of-sam"}
    assert sam.call("POST", "/wallet/payment-password", body).status == 204
    assert sam.get("/wallet")["has_payment_password"] is True


def test_a_weak_payment_password_is_refused(bea: Person) -> None:
    body = {"password": "123456", "current": GOOD}
    answer = bea.call("POST", "/wallet/payment-password", body)
    assert answer.refusal == (422, "paypass_weak")


def test_a_statement_names_the_other_party_and_what_was_paid(
    bea: Person, sam: Person, payment: Payment
) -> None:
    line = bea.get("/wallet/entries")["items"][0]
    assert (line["kind"], line["amount"], line["other"]) == ("hold", -300, sam.account)
    assert (line["reference"], line["subject"]) == ("thing", bytes(payment.uid).hex())
    (earned,) = sam.get("/wallet/entries")["items"]
    assert (earned["kind"], earned["account"], earned["amount"]) == ("capture", "earnings", 300)


def test_a_long_statement_comes_in_parts(sam: Person) -> None:
    for _ in range(101):
        fill(sam, 1)
    first = sam.get("/wallet/entries")
    rest = sam.get(f"/wallet/entries?before={first['older']}")
    assert (len(first["items"]), len(rest["items"]), rest["older"]) == (100, 1, None)


@pytest.mark.parametrize("before", ["0", "-1", "x", str(2**63)])
def test_a_place_in_the_statement_that_is_none_is_input_invalid(sam: Person, before: str) -> None:
    answer = sam.call("GET", f"/wallet/entries?before={before}")
    assert answer.refusal == (422, "input_invalid")


def test_a_payment_is_seen_by_its_two_parties_alone(
    bea: Person, sam: Person, mallory: Person, payment: Payment
) -> None:
    assert bea.get(path_of(payment)) == sam.get(path_of(payment))
    assert bea.get(path_of(payment))["state"] == "captured"
    assert mallory.call("GET", path_of(payment)).refusal == (404, "not_found")


def test_a_refund_is_the_payees_to_give(bea: Person, sam: Person, payment: Payment) -> None:
    assert refund(bea, payment, 100).refusal == (403, "not_the_payee")
    assert refund(sam, payment, 100).body["refunded"] == 100
    assert money(bea) == {"wallet": 800}


def test_a_stranger_refunds_nothing(mallory: Person, payment: Payment) -> None:
    assert refund(mallory, payment, 1).refusal == (404, "not_found")


def test_refunds_that_pass_the_capture_are_refund_exceeds(
    bea: Person, sam: Person, payment: Payment
) -> None:
    refund(sam, payment, 250)
    assert refund(sam, payment, 51).refusal == (409, "refund_exceeds")
    assert money(bea) == {"wallet": 950}


def test_a_refund_of_earnings_that_are_gone_is_funds_insufficient(
    sam: Person, payment: Payment
) -> None:
    services.pay_out(holder=sam.holder, amount=300, currency="EUR", key="o", now=now())
    assert refund(sam, payment, 300).refusal == (402, "funds_insufficient")


def test_only_what_was_captured_is_refunded(bea: Person, sam: Person) -> None:
    held = services.hold(
        payer=bea.holder,
        payee=sam.holder,
        amount=300,
        currency="EUR",
        reference="thing",
        key="h",
        now=now(),
    )
    assert refund(sam, held, 1).refusal == (409, "payment_not_captured")


@pytest.mark.parametrize("path", ["/wallet", "/wallet/entries", "/payments/0000000000000000"])
def test_nobody_reads_money_without_signing_in(db: None, path: str) -> None:
    assert call("GET", path).refusal == (401, "not_authenticated")


def test_a_payment_password_that_is_set_by_a_repeated_request_is_set_once(bea: Person) -> None:
    body = {"password": "amber-lynx-77", "current": GOOD}
    path, headers = "/wallet/payment-password", {"Idempotency-Key": "one"}
    answers = [call("POST", path, body, key=bea.key, headers=headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [204, 204]
