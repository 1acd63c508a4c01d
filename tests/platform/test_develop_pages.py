"""The developer's console, and the operators' view of sales."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import AuditRow
from billing.entitlements import selectors
from billing.entitlements.models import Entitlement, Offer, Purchase, Resource, Version
from tests.platform.ledger import money
from tests.platform.operators import auditor, browser_of, text, text_of
from tests.platform.shopping import CONTENT, PRICE, Sold, bought, buyer, draft, on_shelf
from tests.platform.world import Person, everything_stored, now

DRAWING = "0" * 32
RESOURCE = {
    "drawing": DRAWING,
    "kind": "video",
    "title": " How bees find home ",
    "summary": "A film",
    "device_limit": "2",
    "refund_days": "7",
}
PRICED = {
    "action": "offer",
    "drawing": DRAWING,
    "term": "permanent",
    "amount": "4,50",
    "currency": "EUR",
}


@pytest.fixture
def developer(db: None) -> Person:
    return Person.make("Dev")


@pytest.fixture
def browser(developer: Person) -> Client:
    return browser_of(developer)


def asked(sold: Sold) -> dict[str, Any]:
    """Have somebody who used it ask for the money; return the purchase."""
    purchase = bought(buyer(), sold)
    Purchase.objects.update(refund_asked_at=now(), refund_reason="It <clicks>")
    return purchase


def test_who_sells_nothing_is_told_how_to_begin(browser: Client) -> None:
    page = text(browser.get("/develop"))

    assert "Upload a file, set a price" in page
    assert 'href="/develop/new"' in page


def test_a_draft_goes_by_file_and_price_into_the_shop(browser: Client) -> None:
    made = browser.post("/develop/new", RESOURCE)
    resource = Resource.objects.get()
    path = f"/develop/{resource}"
    assert made["Location"] == path
    assert (resource.kind, resource.title, resource.device_limit) == (
        "video",
        "How bees find home",
        2,
    )
    assert "Put it in the shop" not in text(browser.get(path))

    file = SimpleUploadedFile("bees.mp4", CONTENT, "video/mp4")
    assert browser.post(f"{path}/upload", {"file": file})["Location"] == path
    assert "Put it in the shop" not in text(browser.get(path))

    assert browser.post(path, PRICED)["Location"] == path
    page = text(browser.get(path))
    assert "4.50\u00a0EUR" in page
    assert "Put it in the shop" in page

    listed = browser.post(path, {"action": "list"}, follow=True)
    assert "It is in the shop now." in text(listed)
    assert "How bees find home" in text(Client().get("/shop"))


def test_the_fingerprint_of_the_content_key_is_shown_and_the_key_is_not(developer: Person) -> None:
    sold = on_shelf(developer)
    version = Version.objects.get()

    page = text(browser_of(developer).get(f"/develop/{sold.id}"))

    fingerprint = selectors.key_fingerprint(version)
    assert " ".join(re.findall("....", fingerprint)) in page
    assert selectors.content_key(version).hex() not in page


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "book"}, "kind"),
        ({"title": " "}, "title"),
        ({"title": "\u202eevil"}, "title"),
        ({"device_limit": "0"}, "device_limit"),
        ({"refund_days": "9999"}, "refund_days"),
        ({"refund_days": "soon"}, "refund_days"),
    ],
)
def test_what_is_wrong_with_a_resource_stands_beside_its_field(
    browser: Client, changes: dict[str, str], field: str
) -> None:
    answer = browser.post("/develop/new", {**RESOURCE, **changes})

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Resource.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "a lot"}, "amount"),
        ({"amount": "1,250"}, "amount"),
        ({"amount": "9" * 30}, "amount"),
        ({"currency": "XXX"}, "currency"),
        ({"term": "until"}, "days"),
        ({"term": "metered", "uses": "0"}, "uses"),
        ({"term": "until", "days": "99999"}, "days"),
    ],
)
def test_what_is_wrong_with_a_price_stands_beside_its_field(
    developer: Person, browser: Client, changes: dict[str, str], field: str
) -> None:
    answer = browser.post(f"/develop/{draft(developer)}", {**PRICED, **changes})

    assert answer.status_code == 422
    assert field in answer.context["offer_form"].errors
    assert not Offer.objects.exists()


def test_a_price_that_is_sent_twice_is_one(developer: Person, browser: Client) -> None:
    path = f"/develop/{draft(developer)}"

    browser.post(path, PRICED)
    browser.post(path, PRICED)

    assert Offer.objects.count() == 1


def test_a_price_is_ended(developer: Person, browser: Client) -> None:
    sold = on_shelf(developer)
    assert f'name="which" value="{sold.offer}"' in text(browser.get(f"/develop/{sold.id}"))

    browser.post(f"/develop/{sold.id}", {"action": "end-offer", "which": sold.offer})

    assert Offer.objects.get().ended_at is not None


def test_what_is_said_of_it_can_be_changed(developer: Person, browser: Client) -> None:
    resource = draft(developer)
    said = {"title": "Evening", "summary": "", "device_limit": "5", "refund_days": "0"}

    browser.post(f"/develop/{resource}", {"action": "edit", **said})

    changed = Resource.objects.get()
    assert (changed.title, changed.device_limit, changed.refund_days) == ("Evening", 5, 0)


def test_a_resource_without_a_file_is_not_listed(developer: Person, browser: Client) -> None:
    answer = browser.post(f"/develop/{draft(developer)}", {"action": "list"})

    assert answer.status_code == 409
    assert answer.context["note"]
    assert AuditRow.objects.filter(code="resource_incomplete").count() == 1


@pytest.mark.parametrize(("action", "state"), [("unlist", "draft"), ("withdraw", "withdrawn")])
def test_it_is_taken_out_of_the_shop_for_a_while_or_for_good(
    developer: Person, browser: Client, action: str, state: str
) -> None:
    sold = on_shelf(developer)

    browser.post(f"/develop/{sold.id}", {"action": action})

    assert Resource.objects.get().state == state
    assert Client().get(f"/shop/{sold.id}").status_code == 404


def test_a_version_is_withdrawn(developer: Person, browser: Client) -> None:
    sold = on_shelf(developer)

    browser.post(f"/develop/{sold.id}", {"action": "withdraw-version", "number": "1"})

    assert Version.objects.get().withdrawn_at is not None


@pytest.mark.parametrize(
    ("file", "status"),
    [
        (None, 422),
        (SimpleUploadedFile("empty.ogg", b""), 422),
        (SimpleUploadedFile("large.ogg", b"x" * 101), 413),
    ],
)
def test_a_file_that_is_not_taken_is_refused_beside_its_field(
    developer: Person, browser: Client, settings: Any, file: object, status: int
) -> None:
    settings.RESOURCE_MAX_BYTES = 100

    answer = browser.post(
        f"/develop/{draft(developer)}/upload", {} if file is None else {"file": file}
    )

    assert answer.status_code == status
    assert answer.context["form"].errors["file"]
    assert not Version.objects.exists()


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"action": "burn"},
        {"action": "end-offer", "which": "x"},
        {"action": "withdraw-version", "number": "-1"},
        {"action": "grant"},
    ],
)
def test_an_action_that_cannot_be_read_changes_nothing(
    developer: Person, browser: Client, form: dict[str, str]
) -> None:
    path = f"/develop/{draft(developer)}"
    before = everything_stored()

    assert browser.post(path, form).status_code == 400
    assert everything_stored() == before


@pytest.mark.parametrize("part", ["", "/upload"])
def test_nobody_opens_another_developers_resource(developer: Person, part: str) -> None:
    path = f"/develop/{draft(developer)}{part}"
    other = browser_of(Person.make("Other"))

    assert other.get(path).status_code == 404
    assert other.post(path, {"action": "withdraw"}).status_code == 404


# Sales and refunds.


def test_sales_are_drawn_by_day_and_summed(developer: Person, browser: Client) -> None:
    sold = on_shelf(developer)
    for name in ("Dora", "Nora"):
        bought(buyer(name), sold)
    Purchase.objects.filter(pk=Purchase.objects.earliest("pk").pk).update(
        created_at=now() - timedelta(days=3)
    )

    page = text(browser.get("/develop"))

    assert page.count("<rect ") == 30
    assert f"{2 * PRICE / 100:.2f}\u00a0EUR" in page
    assert len(re.findall(r'height="86\.?0?%"', page)) == 2


def test_who_asks_for_money_is_listed_with_the_reason_and_given_it(
    developer: Person, browser: Client
) -> None:
    sold = on_shelf(developer)
    purchase = asked(sold)
    page = browser.get("/develop").content.decode()
    assert "It &lt;clicks&gt;" in page
    assert f'name="which" value="{purchase["id"]}"' in page

    browser.post(f"/develop/{sold.id}", {"action": "grant", "which": purchase["id"]})

    assert Purchase.objects.get().state == "refunded"
    assert Entitlement.objects.get().state == "refunded"
    assert money(developer) == {}
    assert "It &lt;clicks&gt;" not in browser.get("/develop").content.decode()


def test_a_refund_is_refused_and_the_buyer_reads_so(developer: Person, browser: Client) -> None:
    sold = on_shelf(developer)
    purchase = asked(sold)

    refusal = {"action": "refuse", "which": purchase["id"], "reason": "It was a gift."}
    browser.post(f"/develop/{sold.id}", refusal)

    assert Purchase.objects.get().state == "paid"
    dora = browser_of(Person(Purchase.objects.get().buyer, ""))
    page = text(dora.get(f"/library/{purchase['id']}"))
    assert "The developer refused" in page
    assert "It was a gift." in page


def test_a_sale_of_somebody_else_cannot_be_given_back(developer: Person, browser: Client) -> None:
    own, purchase = on_shelf(developer), asked(on_shelf(Person.make("Other")))

    answer = browser.post(f"/develop/{own.id}", {"action": "grant", "which": purchase["id"]})

    assert answer.status_code == 404
    assert Purchase.objects.get().state == "paid"


# The operators' view.


def test_operators_see_every_purchase_and_find_it_by_account(
    developer: Person, console: Client
) -> None:
    purchase = asked(on_shelf(developer))
    path = f"/console/sales/{purchase['id']}"

    assert path in text_of(console.get("/console/sales"))
    assert path in text_of(console.get(f"/console/sales?q={developer.account}"))
    assert path in text_of(console.get("/console/sales?state=asked"))
    assert path not in text_of(console.get("/console/sales?state=suspended"))
    assert "No such purchase" in text_of(console.get("/console/sales?q=0123456789abcdef"))
    assert "No such purchase" in text_of(console.get("/console/sales?q=what"))


def test_a_right_is_suspended_given_back_and_taken_away(
    developer: Person, console: Client
) -> None:
    path = f"/console/sales/{bought(buyer(), on_shelf(developer))['id']}"

    for action, state in (
        ("suspend", "suspended"),
        ("resume", "active"),
        ("revoke", "revoked"),
    ):
        assert console.post(path, {"action": action})["Location"] == path
        assert Entitlement.objects.get().state == state
    assert console.post(path, {"action": "resume"}).status_code == 409
    assert f"entitlement.{state}" in text_of(console.get(path))


def test_an_operator_gives_money_back(developer: Person, console: Client) -> None:
    path = f"/console/sales/{bought(buyer(), on_shelf(developer))['id']}"

    console.post(path, {"action": "refund"})

    assert Purchase.objects.get().state == "refunded"


def test_an_auditor_looks_and_changes_nothing(developer: Person) -> None:
    reader = browser_of(auditor("Audrey"))
    path = f"/console/sales/{bought(buyer(), on_shelf(developer))['id']}"

    assert 'name="action"' not in text_of(reader.get(path))
    assert reader.post(path, {"action": "revoke"}).status_code == 403
    assert Entitlement.objects.get().state == "active"


@pytest.mark.parametrize("action", ["", "burn"])
def test_an_operators_action_there_is_not_is_malformed(
    developer: Person, console: Client, action: str
) -> None:
    path = f"/console/sales/{bought(buyer(), on_shelf(developer))['id']}"

    assert console.post(path, {"action": action}).status_code == 400
