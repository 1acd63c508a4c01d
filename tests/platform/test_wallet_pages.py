"""The pages of a wallet, and the operators' view of all wallets."""

import csv
import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from accounts.services import rename_holder
from audit.models import AuditRow
from billing.ledger import selectors, services
from billing.ledger.models import LedgerAccount, Movement
from tests.platform.ledger import Slow, fill, money, rich
from tests.platform.operators import auditor, browser_of, text
from tests.platform.signing_in import PASSWORD, type_password, with_password
from tests.platform.world import Person, now

GOOD = "violet-otter-3"
PLAY = "This is play money"


@pytest.fixture
def bea(db: None) -> Person:
    bea = rich("Bea", 123_456)
    services.set_payment_password(holder=bea.holder, password=GOOD, now=now())
    return bea


@pytest.fixture
def browser(bea: Person) -> Client:
    return browser_of(bea)


def drawing(browser: Client, path: str) -> str:
    found = re.search(r'name="drawing" value="([0-9a-f]{32})"', text(browser.get(path)))
    assert found
    return found[1]


def sale(bea: Person, amount: int) -> Person:
    """Have Bea buy something from somebody."""
    sam = Person.make("Sam")
    rename_holder(holder=sam.holder, name="Sam")
    services.pay(
        payer=bea.holder,
        payee=sam.holder,
        amount=amount,
        currency="EUR",
        reference="0123456789abcdef",
        key="k",
        now=now(),
    )
    return sam


@pytest.mark.parametrize(
    "path",
    ["/wallet", "/wallet/top-up", "/wallet/payout", "/wallet/payment-password"],
)
def test_every_page_of_the_wallet_says_that_it_is_play_money(browser: Client, path: str) -> None:
    assert PLAY in text(browser.get(path))


@pytest.mark.parametrize("path", ["/wallet", "/console/ledger"])
def test_no_page_says_so_of_real_money(
    console: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for module in ("billing.ledger.views", "console.views.ledger"):
        monkeypatch.setattr(f"{module}.provider", lambda: Slow("done"))
    assert PLAY not in text(console.get(path))


def test_an_empty_wallet_says_what_to_do(dora: Person) -> None:
    page = text(browser_of(dora).get("/wallet"))
    assert "Nothing has moved yet." in page
    assert "You have no payment password yet." in page


def test_the_wallet_shows_money_and_every_line(bea: Person, browser: Client) -> None:
    sale(bea, 23_456)
    page = text(browser.get("/wallet"))
    assert "1,000.00\u00a0EUR" in page
    assert "\u2212234.56\u00a0EUR" in page
    assert re.search(r"Paid to <bdi>Sam</bdi>", page)


def test_the_chart_shows_each_day_as_it_ended(bea: Person) -> None:
    with time_machine.travel(now() + timedelta(days=2), tick=False):
        sale(bea, 23_456)
        days = selectors.daily_balances(bea.holder.pk, "EUR", until=now().date(), days=4)
        assert list(days.values()) == [100_000, 123_456, 123_456, 0]


def test_another_currency_has_a_chart_of_its_own(bea: Person, browser: Client) -> None:
    fill(bea, 700, "JPY")
    assert "at most 700\u00a0JPY" in text(browser.get("/wallet?currency=JPY"))
    assert "at most 1,234.56\u00a0EUR" in text(browser.get("/wallet?currency=nonsense"))


def test_the_statement_is_a_csv_file_of_numbers_and_ids_alone(
    bea: Person, browser: Client
) -> None:
    rename_holder(holder=bea.holder, name="=cmd()")
    sam = sale(bea, 5)
    answer = browser_of(sam).get("/wallet/statement.csv")
    rows = list(csv.DictReader(answer.content.decode().splitlines()))
    assert [(row["amount"], row["currency"], row["other"]) for row in rows] == [
        ("0.05", "EUR", bea.account)
    ]
    mine = browser.get("/wallet/statement.csv").content.decode()
    assert "-0.05,EUR" in mine
    assert "cmd" not in mine


def test_a_top_up_form_sent_twice_counts_once(bea: Person, browser: Client) -> None:
    form = {
        "amount": "10",
        "currency": "EUR",
        "drawing": drawing(browser, "/wallet/top-up"),
    }
    answers = [browser.post("/wallet/top-up", form) for _ in range(2)]
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [
        (302, "/wallet")
    ] * 2
    assert money(bea) == {"wallet": 124_456}


@pytest.mark.parametrize("amount", ["", "0", "-1", "ten", "1,250", "1" * 30])
def test_what_is_no_amount_is_said_beside_the_field(
    bea: Person, browser: Client, amount: str
) -> None:
    form = {
        "amount": amount,
        "currency": "EUR",
        "drawing": drawing(browser, "/wallet/top-up"),
    }
    answer = browser.post("/wallet/top-up", form)
    assert answer.status_code == 422
    assert "field-wrong" in text(answer)
    assert money(bea) == {"wallet": 123_456}


@pytest.mark.parametrize(
    ("state", "said"), [("pending", "It is on its way."), ("failed", "No money was moved.")]
)
def test_a_top_up_that_is_not_done_is_told_so(
    dora: Person, monkeypatch: pytest.MonkeyPatch, state: str, said: str
) -> None:
    monkeypatch.setattr("billing.ledger.services.movements.provider", lambda: Slow(state))
    browser = browser_of(dora)
    form = {
        "amount": "10",
        "currency": "EUR",
        "drawing": drawing(browser, "/wallet/top-up"),
    }
    assert said in text(browser.post("/wallet/top-up", form, follow=True))
    assert Movement.objects.get().state == state


def pay_out(browser: Client, **changes: str) -> int:
    form = {
        "amount": "10",
        "currency": "EUR",
        "payment_password": GOOD,
        "drawing": drawing(browser, "/wallet/payout"),
        **changes,
    }
    return browser.post("/wallet/payout", form).status_code


def test_a_payout_takes_the_payment_password(bea: Person, browser: Client) -> None:
    assert pay_out(browser, payment_password="wrong-one") == 403
    assert money(bea) == {"wallet": 123_456}
    assert pay_out(browser) == 302
    assert money(bea) == {"wallet": 122_456}


def test_a_payout_of_more_than_there_is_says_so(bea: Person, browser: Client) -> None:
    assert pay_out(browser, amount="1234.57") == 402
    assert AuditRow.objects.filter(code="funds_insufficient").count() == 1


def test_a_payout_without_a_payment_password_leads_to_where_it_is_set(dora: Person) -> None:
    fill(dora, 100)
    page = text(browser_of(dora).get("/wallet/payout"))
    assert 'href="/wallet/payment-password"' in page
    assert 'name="amount"' not in page


def test_setting_a_payment_password_asks_again_who_it_is(dora: Person) -> None:
    answer = browser_of(with_password(dora)).post("/wallet/payment-password", {"password": GOOD})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not selectors.has_payment_password(dora.holder.pk)


def signed_in_now(person: Person) -> Client:
    """Return a browser in which somebody has just shown who it is."""
    browser, _ = type_password(with_password(person))
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return browser


def test_whoever_has_just_signed_in_sets_the_payment_password(dora: Person) -> None:
    browser = signed_in_now(dora)
    weak = browser.post("/wallet/payment-password", {"password": "123456"})
    assert (weak.status_code, "too easy to guess" in text(weak)) == (422, True)
    done = browser.post("/wallet/payment-password", {"password": GOOD}, follow=True)
    assert "Your payment password is set." in text(done)
    services.check_payment_password(holder=dora.holder, password=GOOD, now=now())


def test_strangers_sign_in_first(db: None) -> None:
    for path in ("/wallet", "/wallet/top-up", "/wallet/statement.csv", "/console/ledger"):
        assert Client().get(path)["Location"].startswith("/accounts/login/")


def test_the_ledger_is_for_operators(browser: Client) -> None:
    assert browser.get("/console/ledger").status_code == 403


def test_operators_see_all_money_and_find_whose_it_is(bea: Person, console: Client) -> None:
    page = text(console.get("/console/ledger?q=Bea"))
    assert "1,234.56\u00a0EUR" in page
    assert "\u22121,234.56\u00a0EUR" in page
    assert f'href="/console/ledger/{bea.account}"' in page


def test_operators_verify_the_ledger(bea: Person, console: Client) -> None:
    done = console.post("/console/ledger", {"action": "verify"}, follow=True)
    assert "Every row of the ledger is right." in text(done)
    LedgerAccount.objects.filter(kind="wallet").update(balance=1)
    number = LedgerAccount.objects.get(kind="wallet").pk
    page = text(console.post("/console/ledger", {"action": "verify"}))
    assert f"ledger_ledgeraccount {number}: its balance is 1" in page
    assert "Rows at fault" in text(console.get("/console/ledger"))


def test_operators_freeze_an_account_and_let_it_pay_again(
    bea: Person, browser: Client, console: Client
) -> None:
    path = f"/console/ledger/{bea.account}"
    assert console.post(path, {"freeze": "on"})["Location"] == path
    assert "An operator froze your wallet" in text(browser.get("/wallet"))
    assert pay_out(browser) == 403
    assert bea.account in text(console.get("/console/ledger"))
    console.post(path, {"freeze": "off"})
    assert pay_out(browser) == 302


def test_auditors_look_and_freeze_nothing(bea: Person) -> None:
    browser, path = browser_of(auditor("Audrey")), f"/console/ledger/{bea.account}"
    assert "Freeze the account" not in text(browser.get(path))
    assert browser.post(path, {"freeze": "on"}).status_code == 403
    assert browser.post("/console/ledger", {"action": "verify"}).status_code == 403
    assert not selectors.is_frozen(bea.holder.pk)


@pytest.mark.parametrize("sent", [{}, {"action": "x"}, {"freeze": "x"}])
def test_what_no_button_sends_is_malformed(
    bea: Person, console: Client, sent: dict[str, str]
) -> None:
    for path in ("/console/ledger", f"/console/ledger/{bea.account}"):
        assert console.post(path, sent).status_code == 400


def test_nobodys_wallet_is_not_there(console: Client) -> None:
    assert console.get("/console/ledger/nobody").status_code == 404
