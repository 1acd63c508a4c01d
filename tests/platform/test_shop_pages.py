"""The shop, paying, and what was bought: as pages."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import AuditRow
from billing.entitlements.models import Entitlement, Offer, Purchase, Resource, Version
from billing.ledger.models import Payment, Wallet
from enrolment.models import AuthserverHost
from tests.platform.ledger import money
from tests.platform.operators import browser_of, text
from tests.platform.shopping import (
    PASSPHRASE,
    PRICE,
    Sold,
    bought,
    buyer,
    draft,
    offer,
    on_shelf,
    ready_to_pay,
)
from tests.platform.world import Person, everything_stored, now

KINDS = ("app", "picture", "music", "theme", "video")
SECRET = re.compile(r'name="drawing" value="([0-9a-f]{32})"')


@pytest.fixture
def developer(db: None) -> Person:
    return Person.make("Dev")


@pytest.fixture
def sold(developer: Person) -> Sold:
    return on_shelf(developer)


@pytest.fixture
def dora(sold: Sold) -> Person:
    """A buyer with 100.00 EUR."""
    return buyer()


def paying(sold: Sold) -> str:
    """Where something is paid."""
    return f"/shop/{sold.id}/buy/{sold.offer}"


def filled(browser: Client, sold: Sold, **changes: Any) -> dict[str, Any]:
    """What a browser sends of the page on which one pays."""
    drawing = SECRET.search(browser.get(paying(sold)).content.decode())
    assert drawing is not None
    return {
        "csrfmiddlewaretoken": "as it was masked on this page",
        "drawing": drawing[1],
        "way": "wallet",
        "payment_password": PASSPHRASE,
        **changes,
    }


def shown(person: Person | None, path: str) -> str:
    """Read a page, which must be there."""
    answer = (Client() if person is None else browser_of(person)).get(path)
    assert answer.status_code == 200
    return text(answer)


# The shelf.


def test_a_stranger_sees_what_is_for_sale_and_its_price(sold: Sold) -> None:
    page = shown(None, "/shop")

    assert "Morning" in page
    assert "4.99\u00a0EUR" in page
    assert f'href="/shop/{sold.id}"' in page


def test_an_empty_shop_says_what_to_do_next(db: None) -> None:
    page = shown(None, "/shop")

    assert "Nothing is for sale yet" in page
    assert 'href="/develop/new"' in page


@pytest.mark.parametrize("kind", KINDS)
def test_a_tab_shows_one_kind_alone(developer: Person, kind: str) -> None:
    ours = {each: on_shelf(developer, kind=each, title=f"A {each}") for each in KINDS}

    page = shown(None, f"/shop?kind={kind}")

    assert [each for each in KINDS if f"/shop/{ours[each].id}" in page] == [kind]


@pytest.mark.parametrize("query", ["q=morn", "q=birds+morning", "kind=music&q=MORN"])
def test_search_finds_what_holds_all_the_words(sold: Sold, query: str) -> None:
    assert f"/shop/{sold.id}" in shown(None, f"/shop?{query}")


@pytest.mark.parametrize("query", ["q=owl", "q=birds+owl", "kind=nonsense", "kind=app"])
def test_where_nothing_fits_everything_is_one_press_away(sold: Sold, query: str) -> None:
    page = shown(None, f"/shop?{query}")

    assert f"/shop/{sold.id}" not in page
    assert "Nothing here fits that" in page
    assert 'href="/shop"' in page


def test_what_is_bought_is_shown_unlocked_and_to_others_locked(dora: Person, sold: Sold) -> None:
    bought(dora, sold)

    assert "Unlocked" in shown(dora, "/shop")
    assert "Locked" in shown(None, "/shop")
    assert "Unlocked" not in shown(None, "/shop")


def test_a_developers_own_resource_is_marked_so(sold: Sold) -> None:
    assert "Yours to sell" in shown(sold.developer, "/shop")


@pytest.mark.parametrize("path", ["", "/buy/0123456789abcdef"])
def test_a_draft_is_not_there_for_anybody_else(developer: Person, path: str) -> None:
    hidden = draft(developer)

    assert browser_of(Person.make("Nora")).get(f"/shop/{hidden}{path}").status_code == 404


# One resource.


def test_its_page_offers_the_file_and_tells_how_to_use_it(sold: Sold) -> None:
    page = shown(None, f"/shop/{sold.id}")

    assert f'href="/api/v1/resources/{sold.id}/file"' in page
    assert "resource play" in page
    assert bytes(Version.objects.get().build_digest).hex() in page


def test_what_is_bought_for_good_is_not_offered_again(dora: Person, sold: Sold) -> None:
    assert paying(sold) in shown(dora, f"/shop/{sold.id}")

    bought(dora, sold)

    page = shown(dora, f"/shop/{sold.id}")
    assert "Yours for good." in page
    assert paying(sold) not in page


def test_uses_that_are_left_are_counted_and_more_can_be_bought(developer: Person) -> None:
    metered = on_shelf(developer, term={"term": "metered", "uses": 3})
    dora = buyer()
    bought(dora, metered)

    page = shown(dora, f"/shop/{metered.id}")

    assert "3 uses are left." in page
    assert paying(metered) in page


def test_what_ran_out_is_said_to_be_over_before_the_worker_notes_it(developer: Person) -> None:
    rented = on_shelf(developer, term={"term": "until", "days": 30})
    dora = buyer()
    bought(dora, rented)

    with time_machine.travel(now() + timedelta(days=31), tick=False):
        page = shown(dora, f"/shop/{rented.id}")

    assert "Its time is over" in page
    assert paying(rented) in page
    assert Entitlement.objects.get().state == "active"


def test_a_developer_is_led_to_the_console_rather_than_to_pay(sold: Sold) -> None:
    page = shown(sold.developer, f"/shop/{sold.id}")

    assert f'href="/develop/{sold.id}"' in page
    assert paying(sold) not in page


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("suspended", "Suspended by the operator"),
        ("revoked", "The operator took this right away"),
        ("refunded", "You have your money back"),
    ],
)
def test_how_it_stands_is_said_in_words(
    dora: Person, sold: Sold, state: str, sentence: str
) -> None:
    purchase = bought(dora, sold)
    Entitlement.objects.update(state=state)

    assert sentence in shown(dora, f"/shop/{sold.id}")
    assert sentence in shown(dora, f"/library/{purchase['id']}")


def test_what_was_withdrawn_says_so_to_whoever_bought_it(dora: Person, sold: Sold) -> None:
    bought(dora, sold)
    Resource.objects.update(state="withdrawn")

    assert "The developer withdrew it" in shown(dora, f"/shop/{sold.id}")
    assert Client().get(f"/shop/{sold.id}").status_code == 404


# Paying.


def test_the_page_to_pay_says_that_it_is_play_money(dora: Person, sold: Sold) -> None:
    page = shown(dora, paying(sold))

    assert "play money" in page
    assert "100.00\u00a0EUR" in page
    assert 'autocomplete="off"' in page


def test_who_pays_from_the_wallet_comes_to_what_was_bought(dora: Person, sold: Sold) -> None:
    browser = browser_of(dora)

    answer = browser.post(paying(sold), filled(browser, sold))

    purchase = Purchase.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/library/{bytes(purchase.uid).hex()}"
    assert purchase.state == "paid"
    assert money(dora) == {"wallet": 10_000 - PRICE}


def test_a_page_that_is_sent_twice_pays_once(dora: Person, sold: Sold) -> None:
    browser = browser_of(dora)
    form = filled(browser, sold)

    first, second = browser.post(paying(sold), form), browser.post(paying(sold), form)

    assert first["Location"] == second["Location"]
    assert Payment.objects.count() == 1


def test_a_wrong_password_stands_beside_its_field_and_pays_nothing(
    dora: Person, sold: Sold
) -> None:
    browser = browser_of(dora)
    form = filled(browser, sold, payment_password="not this one")

    answer = browser.post(paying(sold), form)

    assert answer.status_code == 403
    assert answer.context["form"].errors["payment_password"]
    assert "not this one" not in text(answer)
    assert not Payment.objects.exists()
    assert AuditRow.objects.filter(code="paypass_wrong").count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"payment_password": ""}, "payment_password"),
        ({"way": "cash"}, "way"),
        ({"drawing": "x"}, "drawing"),
    ],
)
def test_what_is_missing_or_made_up_is_asked_for_again(
    dora: Person, sold: Sold, changes: dict[str, str], field: str
) -> None:
    browser = browser_of(dora)
    form = filled(browser, sold, **changes)

    answer = browser.post(paying(sold), form)

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Payment.objects.exists()


def test_who_has_too_little_is_led_to_the_wallet(sold: Sold) -> None:
    page = shown(buyer("Poor", amount=PRICE - 1), paying(sold))

    assert 'href="/wallet/top-up"' in page
    assert 'name="payment_password"' not in page


def test_who_has_no_payment_password_is_led_to_set_one(sold: Sold) -> None:
    nora = buyer("Nora")
    Person.make("Other")
    Wallet.objects.filter(holder=nora.holder).update(password="")

    page = shown(nora, paying(sold))

    assert 'href="/wallet/payment-password"' in page
    assert 'name="payment_password"' not in page


def test_an_offer_that_ended_is_said_to_have_ended(dora: Person, sold: Sold) -> None:
    sold.developer.post(f"/offers/{sold.offer}/end")

    answer = browser_of(dora).get(paying(sold))

    assert answer.status_code == 410


def test_what_ended_while_the_page_was_open_is_not_sold(dora: Person, sold: Sold) -> None:
    browser = browser_of(dora)
    form = filled(browser, sold)
    sold.developer.post(f"/offers/{sold.offer}/end")

    assert browser.post(paying(sold), form).status_code == 410
    assert not Purchase.objects.exists()


def test_an_offer_of_another_resource_is_not_found(dora: Person, sold: Sold) -> None:
    other = on_shelf(sold.developer, title="Evening")

    assert browser_of(dora).get(f"/shop/{other.id}/buy/{sold.offer}").status_code == 404


def test_a_second_one_for_good_is_refused_in_words(dora: Person, sold: Sold) -> None:
    browser = browser_of(dora)
    form = filled(browser, sold)
    bought(dora, sold)

    answer = browser.post(paying(sold), form)

    assert answer.status_code == 409
    assert answer.context["note"]
    assert Purchase.objects.count() == 1


def test_to_pay_one_signs_in_first_and_comes_back(sold: Sold) -> None:
    answer = Client().post(paying(sold), {"payment_password": PASSPHRASE})

    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next={paying(sold)}"


def test_paying_with_a_token_leads_to_the_page_of_its_step(
    host: AuthserverHost, anna: Person
) -> None:
    sold = on_shelf(Person.make("Dev"))
    ready_to_pay(anna)
    browser = browser_of(anna)

    answer = browser.post(
        paying(sold),
        filled(browser, sold, way="token", token=anna.token.serial, payment_password=""),
    )

    purchase = Purchase.objects.get()
    assert answer.status_code == 302
    assert re.fullmatch(r"/steps/[0-9a-f]{64}", answer["Location"])
    assert "Morning" in text(browser.get(answer["Location"]))
    page = text(browser.get(f"/library/{bytes(purchase.uid).hex()}"))
    assert "your token has to agree first" in page
    assert f'href="/transactions/{bytes(purchase.transaction or b"").hex()}"' in page

    # And it can be called off as long as the token has not answered.
    off = browser.post(f"/library/{bytes(purchase.uid).hex()}", {"action": "cancel"}, follow=True)
    assert "The money is in your wallet again" in text(off)
    assert "Nothing was bought" in text(off)
    assert money(anna) == {"wallet": 10_000}


# What was bought.


def test_an_empty_library_leads_to_the_shop(db: None) -> None:
    page = shown(Person.make("Nora"), "/library")

    assert "You have bought nothing yet" in page
    assert 'href="/shop"' in page


def test_the_library_lists_ones_own_purchases_alone(dora: Person, sold: Sold) -> None:
    purchase = bought(dora, sold)

    assert f"/library/{purchase['id']}" in shown(dora, "/library")
    stranger = browser_of(Person.make("Nora"))
    assert stranger.get(f"/library/{purchase['id']}").status_code == 404


def test_unused_it_is_given_back_at_once_and_locked(dora: Person, sold: Sold) -> None:
    purchase = bought(dora, sold)
    browser = browser_of(dora)

    answer = browser.post(f"/library/{purchase['id']}", {"action": "refund"}, follow=True)

    assert answer.redirect_chain == [(f"/library/{purchase['id']}", 302)]
    assert "Your money is back in your wallet" in text(answer)
    assert "locked again, on every device" in text(answer)
    assert money(dora) == {"wallet": 10_000}


def test_too_late_for_a_refund_is_said_before_anybody_asks(dora: Person, sold: Sold) -> None:
    purchase = bought(dora, sold)

    with time_machine.travel(now() + timedelta(days=15), tick=False):
        browser = browser_of(dora)
        page = text(browser.get(f"/library/{purchase['id']}"))
        answer = browser.post(f"/library/{purchase['id']}", {"action": "refund"})

    assert "The time to ask for the money back ended" in page
    assert answer.status_code == 409
    assert AuditRow.objects.filter(code="refund_too_late").count() == 1


@pytest.mark.parametrize("action", ["", "burn", "grant"])
def test_an_action_there_is_not_changes_nothing(dora: Person, sold: Sold, action: str) -> None:
    purchase = bought(dora, sold)
    browser = browser_of(dora)
    before = everything_stored()

    answer = browser.post(f"/library/{purchase['id']}", {"action": action})

    assert answer.status_code == 400
    assert everything_stored() == before


def test_a_paid_purchase_cannot_be_called_off(dora: Person, sold: Sold) -> None:
    purchase = bought(dora, sold)

    answer = browser_of(dora).post(f"/library/{purchase['id']}", {"action": "cancel"})

    assert answer.status_code == 409
    assert Purchase.objects.get().state == "paid"


def test_a_title_in_any_script_is_escaped_and_kept_apart(developer: Person) -> None:
    title = "<b>夜曲</b> \u05e9\u05dc\u05d5\u05dd"
    sold = on_shelf(developer, title=title)

    page = Client().get(f"/shop/{sold.id}").content.decode()

    assert "<bdi>&lt;b&gt;夜曲&lt;/b&gt; \u05e9\u05dc\u05d5\u05dd</bdi>" in page


def test_several_prices_are_shown_from_the_lowest(sold: Sold) -> None:
    offer(sold.developer, sold.id, term="until", days=30, amount=99)

    page = shown(None, "/shop")

    assert "0.99\u00a0EUR" in page
    assert "4.99\u00a0EUR" not in page


@pytest.mark.parametrize("path", ["/shop", "/library", "/develop"])
def test_a_list_costs_what_it_costs_however_much_stands_on_it(dora: Person, path: str) -> None:
    browser = browser_of(dora)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(path).status_code == 200
        return len(asked)

    for sale in (on_shelf(Person.make("First")), on_shelf(dora)):
        bought(buyer(f"B{sale.id}"), sale)
    bought(dora, Sold(dora, "", Offer.objects.earliest("pk").uid.hex()))
    few = queries()
    for number in range(3):
        bought(dora, on_shelf(Person.make(f"Dev{number}")))
        bought(buyer(f"Buyer{number}"), on_shelf(dora, title=f"Evening {number}"))
    assert queries() == few


def test_everything_is_in_the_menu_and_the_console_for_operators_alone(
    dora: Person, olga: Person
) -> None:
    page, operators = shown(dora, "/shop"), shown(olga, "/shop")

    for path in ("/library", "/wallet", "/tokens", "/devices", "/phones", "/develop"):
        assert f'<li><a href="{path}">' in page
    for path in ("/console/sales", "/console/ledger", "/console/phones"):
        assert f'<li><a href="{path}">' in operators
        assert path not in page
