"""Disputes: once, by the payer, within 60 days; answered once, with the money or with words."""

from datetime import timedelta
from typing import Any

import pytest

from audit.models import AuditRow
from billing.ledger.services import pay_out
from billing.packages.errors import DisputeTooLateError
from billing.packages.models import BillingRequest, Dispute
from billing.packages.services.charging import refund_charge
from billing.packages.services.disputes import open_dispute
from notices.models import Notice
from tests.platform.charging import Payer
from tests.platform.ledger import money
from tests.platform.operators import auditor, operator
from tests.platform.world import Answer, Person, call, now

pytestmark = pytest.mark.usefixtures("phone_keys")
WORDS = "I bought one sword, not two"


@pytest.fixture
def payer() -> Payer:
    return Payer.make()


@pytest.fixture
def charge(payer: Payer) -> BillingRequest:
    found = payer.charged()
    Notice.objects.all().delete()
    return found


def disputes(person: Person, charge: BillingRequest, words: object = WORDS) -> Answer:
    return call("POST", f"/charges/{charge.public_id}/dispute", {"words": words}, key=person.key)


def answers(person: Person, charge: BillingRequest, answer: str, words: str = "") -> Answer:
    body = {"answer": answer, "words": words}
    return call("POST", f"/charges/{charge.public_id}/dispute/answer", body, key=person.key)


def told() -> list[tuple[str, str, str]]:
    """Who was told what, and on which page it stands."""
    rows = Notice.objects.order_by("pk").values_list("email", "kind", "page")
    return [(email, kind, page) for email, kind, page in rows]


def test_a_payer_disputes_a_charge_and_its_developer_is_told(
    payer: Payer, charge: BillingRequest
) -> None:
    answer = disputes(payer.person, charge, f"  {WORDS} ")
    assert answer.status == 201
    assert answer.body["dispute"]["state"] == "open"
    assert answer.body["dispute"]["words"] == WORDS
    developer = payer.application.developer
    assert told() == [(developer.email, "charge_disputed", "/develop/charges")]
    assert AuditRow.objects.filter(action="dispute.opened", subject=charge.public_id).exists()
    (listed,) = developer.get("/charges/disputed")["results"]
    assert listed["id"] == charge.public_id


def test_a_charge_is_disputed_once(payer: Payer, charge: BillingRequest) -> None:
    assert disputes(payer.person, charge).status == 201
    assert disputes(payer.person, charge).refusal == (409, "dispute_known")
    answers(payer.application.developer, charge, "reject", "We see one")
    assert disputes(payer.person, charge).refusal == (409, "dispute_known")
    assert Dispute.objects.count() == 1


def test_nobody_but_the_payer_disputes(payer: Payer, charge: BillingRequest) -> None:
    for other in (payer.application.developer, Person.make("Mallory"), operator("Olga")):
        assert disputes(other, charge).status == 404
    assert call("POST", f"/charges/{charge.public_id}/dispute", {"words": "x"}).status == 401
    assert not Dispute.objects.exists()


def test_a_charge_is_disputed_within_60_days(charge: BillingRequest) -> None:
    assert charge.captured_at is not None
    last = charge.captured_at + timedelta(days=60)
    with pytest.raises(DisputeTooLateError):
        open_dispute(charge, words=WORDS, now=last + timedelta(seconds=1))
    assert not Dispute.objects.exists()
    assert open_dispute(charge, words=WORDS, now=last).state == "open"


def test_what_is_not_charged_is_not_disputed(payer: Payer) -> None:
    assert disputes(payer.person, payer.asked()).refusal == (409, "charge_not_captured")


def test_what_is_paid_back_is_not_disputed(payer: Payer, charge: BillingRequest) -> None:
    refund_charge(charge, by=payer.application.developer.holder, now=now())
    assert disputes(payer.person, charge).refusal == (409, "charge_not_captured")


@pytest.mark.parametrize("words", ["", "   ", "a\u202eb", "x" * 501, "\x00", None, 7, ["a"]])
def test_words_that_nobody_can_read_are_refused(
    payer: Payer, charge: BillingRequest, words: object
) -> None:
    assert disputes(payer.person, charge, words).status in (400, 422)
    assert not Dispute.objects.exists()


def test_the_developer_pays_back_and_the_payer_is_told(
    payer: Payer, charge: BillingRequest
) -> None:
    developer = payer.application.developer
    disputes(payer.person, charge)
    Notice.objects.all().delete()
    answer = answers(developer, charge, "refund")
    assert answer.status == 200
    assert (answer.body["state"], answer.body["dispute"]["state"]) == ("refunded", "refunded")
    assert money(payer.person) == {"wallet": 10_000}
    assert money(developer) == {}
    page = f"/charges/{charge.public_id}"
    assert told() == [(payer.person.email, "charge_refunded", page)]
    row = AuditRow.objects.get(action="dispute.refunded")
    assert (row.actor, row.subject) == (developer.holder.actor, charge.public_id)


def test_the_developer_refuses_in_words_and_the_payer_is_told(
    payer: Payer, charge: BillingRequest
) -> None:
    disputes(payer.person, charge)
    Notice.objects.all().delete()
    answer = answers(payer.application.developer, charge, "reject", "We see one")
    assert (answer.body["state"], answer.body["dispute"]["state"]) == ("captured", "rejected")
    assert answer.body["dispute"]["answer"] == "We see one"
    assert money(payer.person) == {"wallet": 9_750}
    page = f"/charges/{charge.public_id}"
    assert told() == [(payer.person.email, "dispute_answered", page)]


def test_a_refusal_needs_words(payer: Payer, charge: BillingRequest) -> None:
    disputes(payer.person, charge)
    assert answers(payer.application.developer, charge, "reject", " ").refusal == (
        422,
        "text_empty",
    )
    assert Dispute.objects.get().state == "open"


def test_an_operator_pays_back_in_the_developers_place_and_both_are_told(
    payer: Payer, charge: BillingRequest
) -> None:
    olga = operator("Olga")
    disputes(payer.person, charge)
    (listed,) = olga.get("/charges/disputed")["results"]
    assert listed["id"] == charge.public_id
    Notice.objects.all().delete()
    assert answers(olga, charge, "refund", "The developer is silent").status == 200
    assert money(payer.person) == {"wallet": 10_000}
    assert {(email, kind) for email, kind, _ in told()} == {
        (payer.person.email, "charge_refunded"),
        (payer.application.developer.email, "dispute_answered"),
    }
    assert AuditRow.objects.get(action="dispute.refunded").actor == olga.holder.operator_actor


def test_a_dispute_is_answered_once(payer: Payer, charge: BillingRequest) -> None:
    developer = payer.application.developer
    disputes(payer.person, charge)
    assert answers(developer, charge, "refund").status == 200
    for answer in "refund", "reject":
        assert answers(developer, charge, answer, "no").refusal == (409, "dispute_closed")
    assert money(payer.person) == {"wallet": 10_000}


def test_what_a_developer_refused_an_operator_may_still_pay_back(
    payer: Payer, charge: BillingRequest
) -> None:
    developer, olga = payer.application.developer, operator("Olga")
    disputes(payer.person, charge)
    answers(developer, charge, "reject", "We see one")
    assert answers(olga, charge, "reject", "Nor do I").refusal == (409, "dispute_closed")
    assert answers(developer, charge, "refund").refusal == (409, "dispute_closed")
    answer = answers(olga, charge, "refund")
    assert answer.body["dispute"]["state"] == "refunded"
    assert answer.body["dispute"]["answer"] == "We see one"
    assert answers(olga, charge, "refund").refusal == (409, "dispute_closed")
    assert money(payer.person) == {"wallet": 10_000}


def test_what_nobody_disputed_is_not_answered(payer: Payer, charge: BillingRequest) -> None:
    developer = payer.application.developer
    assert answers(developer, charge, "refund").refusal == (409, "dispute_closed")
    assert money(payer.person) == {"wallet": 9_750}


def test_nobody_answers_a_dispute_of_others_or_of_their_own(
    payer: Payer, charge: BillingRequest
) -> None:
    disputes(payer.person, charge)
    user = payer.person.holder.user
    user.is_staff = True
    user.save()
    for other in (payer.person, Person.make("Mallory"), auditor("Ada")):
        assert answers(other, charge, "refund").status == 404
    assert Dispute.objects.get().state == "open"


def test_without_earnings_nothing_is_paid_back_and_the_dispute_stays_open(
    payer: Payer, charge: BillingRequest
) -> None:
    developer = payer.application.developer
    disputes(payer.person, charge)
    pay_out(holder=developer.holder, amount=250, currency="EUR", key="out", now=now())
    assert answers(developer, charge, "refund").refusal == (402, "funds_insufficient")
    assert Dispute.objects.get().state == "open"
    assert BillingRequest.objects.get().state == "captured"


@pytest.mark.parametrize(
    "body",
    [{}, {"answer": "maybe"}, {"answer": "refund", "words": 7}, {"answer": "refund", "by": 1}, []],
)
def test_a_hostile_answer_is_refused(payer: Payer, charge: BillingRequest, body: Any) -> None:
    disputes(payer.person, charge)
    path = f"/charges/{charge.public_id}/dispute/answer"
    answer = call("POST", path, body, key=payer.application.developer.key)
    assert answer.status in (400, 422)


@pytest.mark.parametrize("uid", ["0" * 16, "zz", "0" * 15, "..", "caps/x", "%00"])
def test_a_charge_that_is_none_is_not_found(uid: str, dora: Person) -> None:
    for path in f"/charges/{uid}", f"/charges/{uid}/receipt.png":
        assert call("GET", path, key=dora.key).status in (404, 422)
