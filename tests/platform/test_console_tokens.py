"""The operators' pages of tokens: the list, one token's whole story, and the stock."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditRow
from audit.services import record
from console import token_story
from enrolment import shelves
from enrolment.authserver_client import AuthserverClient
from enrolment.errors import AuthserverUnavailableError
from enrolment.live import ask_server
from enrolment.models import AuthserverHost, Token
from enrolment.services import approvals
from tests.platform.operators import auditor, browser_of, text, text_of
from tests.platform.policies import set_policy
from tests.platform.stock import TYPED, Stock
from tests.platform.world import TYPED_SUITE, Person, now, unreachable

pytestmark = pytest.mark.django_db

SOON = now() + timedelta(days=10)


# The list.


@pytest.fixture
def three(anna: Person, ben: Person, cora: Person) -> dict[str, str]:
    """Serials by name: Anna's token, Ben's that is locked, and Cora's that ends soon."""
    serials = {"anna": anna.token.serial, "ben": ben.token.serial, "cora": cora.token.serial}
    Token.objects.filter(serial=serials["ben"]).update(locked_until=now() + timedelta(hours=1))
    Token.objects.filter(serial=serials["cora"]).update(expires_at=SOON, suite=TYPED_SUITE)
    return serials


def test_list_is_narrowed_by_what_the_address_says(
    console: Client, three: dict[str, str], host: AuthserverHost
) -> None:
    everybody = {"anna", "ben", "cora"}
    for query, found in [
        ({}, everybody),
        ({"standing": "active"}, everybody),
        ({"standing": "locked"}, {"ben"}),
        ({"standing": "expiring"}, {"cora"}),
        ({"standing": "revoked"}, set()),
        ({"standing": "nonsense"}, everybody),
        ({"suite": TYPED_SUITE}, {"cora"}),
        ({"suite": "OCRA-1:"}, everybody),
        ({"host": str(host.number)}, everybody),
        ({"q": "cora@", "standing": "expiring"}, {"cora"}),
        ({"q": "anna@", "standing": "expiring"}, set()),
    ]:
        page = text_of(console.get("/console/tokens", query))
        assert {name for name, serial in three.items() if serial in page} == found, query


def test_list_that_finds_nothing_says_so(console: Client) -> None:
    assert "No such token." in text_of(console.get("/console/tokens?standing=revoked"))


# One token's story.


def test_story_tells_everything_the_newest_first(console: Client, anna: Person) -> None:
    path = f"/console/tokens/{anna.token.serial}"
    anna.sign(anna.open())
    console.post(path, {"action": "suspend"})
    console.post(path, {"action": "explode"})
    console.post(path, {"action": "resume"})

    page = text(console.get(path)).partition('id="story"')[2]

    order = ["Resumed", "Suspended", "Payment", "Activation of a token", "A server was paired"]
    places = [page.index(words) for words in order]
    assert places == sorted(places)
    assert "Notice: Your token is suspended" in page


def test_story_goes_on_where_its_first_part_ends(
    console: Client, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_story, "ROWS", 3)
    serial = anna.token.serial
    # Two things at each point in time, which no part tears apart.
    times = [now() + timedelta(hours=hour) for hour in range(4) for _ in range(2)]
    for number, time in enumerate(times):
        record(action=f"token.number{number}", actor="system", subject=serial, now=time)

    page, query, told = "", "", []
    while True:
        part = console.get(f"/console/tokens/{serial}{query}").context["part"]
        told += [event.thing.action for event in part.rows if event.kind == "row"]
        if part.older is None:
            break
        query = f"?before={part.older}"

    numbered = [action for action in told if action.startswith("token.number")]
    assert sorted(numbered) == [f"token.number{number}" for number in range(8)]
    assert len(told) == len(set(told))
    assert not page


def test_story_of_more_at_once_than_one_part_holds_comes_to_an_end(
    console: Client, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_story, "ROWS", 2)
    time, serial = now() + timedelta(hours=1), anna.token.serial
    for _ in range(5):
        record(action="token.locked", actor="system", subject=serial, now=time)
    part = console.get(f"/console/tokens/{serial}").context["part"]
    later = console.get(f"/console/tokens/{serial}?before={part.older}").context["part"]
    assert later.rows[0].at < part.rows[-1].at


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "²", ""])
def test_story_begins_anew_where_the_address_makes_no_sense(
    console: Client, anna: Person, before: str
) -> None:
    page = console.get(f"/console/tokens/{anna.token.serial}", {"before": before})
    assert page.context["part"].is_first


def test_host_that_says_strange_things_breaks_no_page(
    console: Client, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = AuthserverClient.server
    monkeypatch.setattr(
        AuthserverClient, "server", lambda *asked: {**server(*asked), "state": "<b>odd"}
    )
    page = text_of(console.get(f"/console/tokens/{anna.token.serial}"))
    assert "&lt;b&gt;odd" in page


def test_operator_unlocks_a_token(console: Client, anna: Person) -> None:
    path = f"/console/tokens/{anna.token.serial}"
    anna.lock(anna.open())
    assert "Unlock…" in text_of(console.get(path))
    assert console.post(path, {"action": "unlock"})["Location"] == path
    token = Token.objects.get(serial=anna.token.serial)
    assert not ask_server(token).is_locked
    assert not token.is_locked
    assert "Unlocked" in text_of(console.get(path))


def test_unlocking_waits_for_a_second_operator_where_the_policy_says_so(
    console: Client, anna: Person
) -> None:
    set_policy(second_person=True)
    anna.lock(anna.open())
    console.post(f"/console/tokens/{anna.token.serial}", {"action": "unlock"})
    assert ask_server(Token.objects.get(serial=anna.token.serial)).is_locked


def test_auditor_sees_a_token_and_nothing_to_do(anna: Person) -> None:
    page = text_of(browser_of(auditor("Rita")).get(f"/console/tokens/{anna.token.serial}"))
    assert "Revoke…" not in page


# The stock.


TOKEN = {"serial": "HW0001", "suite": TYPED, "batch": "spring", "expires_at": 1_900_000_000}


def test_stock_shows_what_hosts_have_and_goes_on_behind_a_full_part(
    console: Client, host: AuthserverHost, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = stock.cards[TYPED][0].serial
    page = text_of(console.get("/console/stock", {"q": f" {card.lower()} "}))
    assert f"/console/stock/{card}" in page
    assert "More of this host" not in page

    monkeypatch.setattr(shelves, "_PER_HOST", 2)
    (first,) = console.get("/console/stock").context["shelves"]
    assert len(first.tokens) == 2
    (second,) = console.get("/console/stock", {"host": host.number, "after": first.next}).context[
        "shelves"
    ]
    assert {token.serial for token in second.tokens}.isdisjoint(
        token.serial for token in first.tokens
    )


def test_operator_gives_a_token_from_stock_to_a_holder(
    console: Client, olga: Person, dora: Person, stock: Stock
) -> None:
    card = stock.take(TYPED)
    path = f"/console/stock/{card.serial}"
    sent = {"account": f"{dora.account[:4]} {dora.account[4:]}", "name": "Card"}
    page = text_of(console.post(path, sent, follow=True))
    assert "Given out from stock" in page
    token = Token.objects.get(serial=card.serial)
    assert (token.holder, token.name, token.state) == (dora.holder, "Card", "confirmed")
    row = AuditRow.objects.get(action="token.assigned")
    assert (row.actor, row.subject) == (f"operator:{olga.account}", card.serial)

    again = console.post(path, {"account": olga.account, "name": ""})
    assert again.context["form"].non_field_errors(), "said on the form"
    assert again.status_code == 404


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"tokens": [{}], "next": 1},
        {"tokens": 1, "next": 1},
        {"tokens": [{**TOKEN, "expires_at": "soon"}], "next": 1},
        {"tokens": [{**TOKEN, "expires_at": 10**30}], "next": 1},
        {"tokens": [TOKEN] * 50, "next": {}},
    ],
)
def test_host_that_shows_no_stock_in_order_is_called_away(
    console: Client, host: AuthserverHost, shown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AuthserverClient, "stock", lambda _, **__: shown)
    assert "cannot be reached just now" in text_of(console.get("/console/stock"))


def test_host_that_is_away_is_said_to_be(console: Client, host: AuthserverHost) -> None:
    with unreachable(host):
        assert "cannot be reached just now" in text_of(console.get("/console/stock"))


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was given out, of a stock that has everything."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(approvals, "assign_token", lambda **given: found.append(given))
    return found


def test_giving_waits_for_a_second_operator_where_the_policy_says_so(
    console: Client, otto: Person, dora: Person, given: list[dict[str, Any]]
) -> None:
    set_policy(second_person=True)
    sent = {"account": dora.account, "name": ""}
    page = text_of(console.post("/console/stock/HW0001", sent, follow=True))
    assert "This waits for a second operator" in page
    assert not given


@pytest.mark.parametrize(
    ("account", "told"),
    [
        ("", "This field is required"),
        ("12", "twelve digits"),
        ("999999999999", "Nobody here has this account number"),
    ],
)
def test_token_is_given_to_nobody_who_is_not_there(
    console: Client, account: str, told: str, given: list[dict[str, Any]]
) -> None:
    answer = console.post("/console/stock/HW0001", {"account": account, "name": ""})
    assert told in text_of(answer, 422)
    assert not given


def test_refusal_of_a_host_is_said_on_the_form(
    console: Client, dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: Any) -> None:
        raise AuthserverUnavailableError

    monkeypatch.setattr(approvals, "assign_token", away)
    answer = console.post("/console/stock/HW0001", {"account": dora.account, "name": ""})
    assert "cannot be reached just now" in text_of(answer, 503)


def test_serial_that_can_be_none_is_not_found(console: Client) -> None:
    assert console.get(f"/console/stock/{'9' * 17}").status_code == 404
