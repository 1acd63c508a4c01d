"""The pages of charges: what waits, limits, each charge with its receipt, and disputes."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from audit.models import AuditRow
from billing.ledger.models import Cap
from billing.packages.models import BillingRequest, Dispute
from billing.packages.services.charging import refund_charge
from tests.platform.charging import Payer
from tests.platform.ledger import money
from tests.platform.operators import auditor, browser_of, operator, text
from tests.platform.world import Person, now

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def payer() -> Payer:
    return Payer.make()


@pytest.fixture
def browser(payer: Payer) -> Client:
    return browser_of(payer.person)


@pytest.fixture
def developer(payer: Payer) -> Client:
    """The developer's browser."""
    return browser_of(payer.application.developer)


def page(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    return text(answer)


def sets(browser: Client, day: str, month: str, currency: str = "EUR") -> tuple[int, str]:
    answer = browser.post("/charges", {"day": day, "month": month, "currency": currency})
    return answer.status_code, text(answer)


def test_who_was_never_charged_is_told_what_to_do_next(dora: Person) -> None:
    said = page(browser_of(dora), "/charges")
    assert "Nothing was charged yet" in said
    assert 'href="/apps"' in said


def test_nobody_sees_charges_without_signing_in(payer: Payer) -> None:
    charge = payer.charged()
    for path in ("/charges", f"/charges/{charge.public_id}", "/develop/charges"):
        assert Client().get(path).status_code == 302


def test_what_waits_stands_on_top_and_leads_to_where_it_is_confirmed(
    payer: Payer, browser: Client
) -> None:
    done, waiting = payer.charged(), payer.asked()
    said = page(browser, "/charges")
    confirm = f'href="/charges/{waiting.public_id}/confirm"'
    assert said.index(confirm) < said.index(f'href="/charges/{done.public_id}"')
    assert "play money" in said
    assert confirm in page(browser, f"/charges/{waiting.public_id}")


def test_what_waited_too_long_waits_no_more(payer: Payer, browser: Client) -> None:
    waiting = payer.asked()
    with time_machine.travel(now() + timedelta(days=2), tick=False):
        assert f"/charges/{waiting.public_id}/confirm" not in page(browser, "/charges")


def test_charges_stand_newest_first_with_what_became_of_them(
    payer: Payer, browser: Client
) -> None:
    first, second = payer.charged(), payer.charged()
    refund_charge(first, by=payer.application.developer.holder, now=now())
    said = page(browser, "/charges")
    assert said.index(second.public_id) < said.index(first.public_id)
    assert said.count("Paid back") == 1
    assert "2.50\xa0EUR" in said


def test_the_page_of_a_charge_shows_its_receipt_in_words_and_as_a_code(
    payer: Payer, browser: Client
) -> None:
    charge = payer.charged()
    said = page(browser, f"/charges/{charge.public_id}")
    for part in ("Golden sword", "Dragons", "2.50\xa0EUR", "Payment password", "Desk"):
        assert part in said, part
    for form in ("svg", "png", "txt", "cbor"):
        assert f'/charges/{charge.public_id}/receipt.{form}"' in said
    assert "/r#" in said


def test_the_page_of_a_charge_is_the_payers_alone(payer: Payer, developer: Client) -> None:
    charge = payer.charged()
    path = f"/charges/{charge.public_id}"
    for other in (developer, browser_of(Person.make("Mallory"))):
        assert other.get(path).status_code == 404
        assert other.post(path, {"words": "mine"}).status_code == 404
    assert not Dispute.objects.exists()


def test_a_payer_lowers_the_limits_and_sees_what_was_spent(payer: Payer, browser: Client) -> None:
    payer.charged()
    assert sets(browser, "5", "12.50")[0] == 302
    said = page(browser, "/charges?currency=EUR")
    assert "today, of 5.00\xa0EUR" in said
    assert "this month, of 12.50\xa0EUR" in said
    assert "<b>2.50\xa0EUR</b>" in said


def test_a_payer_who_raises_a_limit_is_told_from_when_it_holds(browser: Client) -> None:
    assert sets(browser, "80", "200")[0] == 302
    said = page(browser, "/charges?currency=EUR")
    assert "Saved. What is higher holds after 24 hours." in said
    assert "80.00\xa0EUR a day" in said
    assert "today, of 50.00\xa0EUR" in said


@pytest.mark.parametrize(
    ("day", "month", "currency"),
    [
        ("", "5", "EUR"),
        ("five", "5", "EUR"),
        ("-5", "5", "EUR"),
        ("1,250", "5", "EUR"),
        ("5.001", "5", "EUR"),
        ("9" * 40, "5", "EUR"),
        ("5", "5", "XXY"),
        ("5", "5", "<script>"),
    ],
)
def test_a_limit_that_is_no_amount_is_asked_back(
    browser: Client, day: str, month: str, currency: str
) -> None:
    status, said = sets(browser, day, month, currency)
    assert status == 422
    assert "<script>alert" not in said
    assert not Cap.objects.exists()


def test_a_payer_disputes_and_reads_the_answer(
    payer: Payer, browser: Client, developer: Client
) -> None:
    charge = payer.charged()
    path = f"/charges/{charge.public_id}"
    assert browser.post(path, {"words": "<b>never</b> asked for"}).status_code == 302
    said = browser.get(path).content.decode()
    assert "&lt;b&gt;never&lt;/b&gt; asked for" in said
    assert "Dispute the charge" not in said
    listed = developer.get("/develop/charges").content.decode()
    assert "&lt;b&gt;never&lt;/b&gt; asked for" in listed
    answer = {"which": charge.public_id, "words": "We see your click", "action": "reject"}
    assert developer.post("/develop/charges", answer).status_code == 302
    assert "We see your click" in page(browser, path)
    assert "Dispute refused" in page(browser, "/charges")


def test_a_developer_pays_back_on_the_page(
    payer: Payer, browser: Client, developer: Client
) -> None:
    charge = payer.charged()
    browser.post(f"/charges/{charge.public_id}", {"words": "twice"})
    answer = {"which": charge.public_id, "action": "refund"}
    assert developer.post("/develop/charges", answer).status_code == 302
    assert money(payer.person) == {"wallet": 10_000}
    assert "The money is in your wallet again." in page(browser, f"/charges/{charge.public_id}")


def test_a_refusal_without_words_is_asked_back_beside_its_dispute(
    payer: Payer, browser: Client, developer: Client
) -> None:
    charge = payer.charged()
    browser.post(f"/charges/{charge.public_id}", {"words": "twice"})
    answer = {"which": charge.public_id, "words": " ", "action": "reject"}
    refused = developer.post("/develop/charges", answer)
    assert refused.status_code == 422
    assert "field-wrong" in text(refused)
    assert Dispute.objects.get().state == "open"


def test_an_operator_answers_in_the_console_and_an_auditor_only_reads(
    payer: Payer, browser: Client
) -> None:
    charge = payer.charged()
    browser.post(f"/charges/{charge.public_id}", {"words": "twice"})
    answer = {"which": charge.public_id, "action": "refund"}
    ada = browser_of(auditor("Ada"))
    assert "twice" in page(ada, "/console/disputes")
    assert "Pay it back" not in page(ada, "/console/disputes")
    assert ada.post("/console/disputes", answer).status_code == 403
    assert browser.get("/console/disputes").status_code == 403
    olga = browser_of(operator("Olga"))
    assert olga.post("/console/disputes", {"which": charge.public_id}).status_code == 400
    assert olga.post("/console/disputes", answer).status_code == 302
    assert money(payer.person) == {"wallet": 10_000}
    assert "No charge is disputed just now." in page(olga, "/console/disputes")


def test_the_console_shows_what_developers_refused(
    payer: Payer, browser: Client, developer: Client
) -> None:
    charge = payer.charged()
    browser.post(f"/charges/{charge.public_id}", {"words": "twice"})
    refusal = {"which": charge.public_id, "words": "We see your click", "action": "reject"}
    developer.post("/develop/charges", refusal)
    said = page(browser_of(operator("Olga")), "/console/disputes")
    assert "We see your click" in said
    assert "Pay it back" in said
    assert 'value="reject"' not in said


@pytest.mark.parametrize(
    "form",
    [{}, {"action": "refund"}, {"action": "burn"}, {"which": "x", "action": "refund"}],
)
def test_a_malformed_answer_is_refused(
    payer: Payer, developer: Client, form: dict[str, str]
) -> None:
    charge = payer.charged()
    sent = {"which": charge.public_id, **form} if form.get("action") == "burn" else form
    assert developer.post("/develop/charges", sent).status_code == 400


def test_a_dispute_without_words_is_asked_back(payer: Payer, browser: Client) -> None:
    charge = payer.charged()
    answer = browser.post(f"/charges/{charge.public_id}", {"words": "  "})
    assert answer.status_code == 422
    assert "field-wrong" in text(answer)


def test_a_second_dispute_is_refused_on_its_page_and_leaves_an_audit_row(
    payer: Payer, browser: Client
) -> None:
    charge = payer.charged()
    path = f"/charges/{charge.public_id}"
    browser.post(path, {"words": "twice"})
    assert browser.post(path, {"words": "thrice"}).status_code == 409
    assert AuditRow.objects.filter(action="request.refused", code="dispute_known").count() == 1
    assert BillingRequest.objects.get().dispute.words == "twice"


def test_the_developer_without_charges_is_told_what_will_stand_here(dora: Person) -> None:
    assert "Nothing was charged yet." in page(browser_of(dora), "/develop/charges")


def test_a_charge_that_is_none_is_not_found(browser: Client) -> None:
    for path in ("/charges/" + "0" * 16, "/charges/zz", "/charges/" + "0" * 16 + "/receipt.png"):
        assert browser.get(path).status_code == 404
