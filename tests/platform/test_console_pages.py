"""The operators' pages: who sees them, the overview, and what they cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.services import record
from enrolment.live import ask_server
from enrolment.models import AuthserverHost, Token
from notices.models import Notice
from signing.models import PlatformKey
from tests.platform.operators import LISTS, WHOLES, browser_of, text_of
from tests.platform.world import (
    Authserver,
    Person,
    everything_stored,
    now,
    seconds_ago,
    unreachable,
)
from transactions.models import Transaction

# Who sees it.


def every_path(person: Person) -> list[str]:
    """Return the paths of all pages, those on one thing too."""
    tx = Transaction.objects.latest("pk").public_id
    ones = (f"holders/{person.account}", f"tokens/{person.token.serial}", "hosts/1")
    return [f"/console/{path}" for path in (*WHOLES, *ones, f"transactions/{tx}")]


def test_operators_see_every_page(console: Client, anna: Person) -> None:
    for path in every_path(anna):
        assert "<h1>" in text_of(console.get(path)), path


def test_holders_see_none(anna: Person) -> None:
    browser = browser_of(anna)

    for path in every_path(anna):
        assert "This page is not for you." in text_of(browser.get(path), 403), path


def test_strangers_sign_in_first_and_come_back(anna: Person) -> None:
    for path in every_path(anna):
        answer = Client().get(path)
        assert answer.status_code == 302
        assert answer["Location"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_nobody_but_operators_changes_anything(anna: Person, is_signed_in: bool) -> None:  # noqa: FBT001
    browser = browser_of(anna) if is_signed_in else Client()
    before = everything_stored()

    for path in every_path(anna):
        form = {"action": "revoke", "sign_in": "off", "weight": "0", "settle": "0" * 64}
        assert browser.post(path, form).status_code in (302, 403, 405)

    assert everything_stored() == before


def test_an_operator_who_may_not_sign_in_sees_nothing(console: Client, olga: Person) -> None:
    olga.holder.user.is_active = False
    olga.holder.user.save()

    assert console.get("/console/").status_code == 302


def test_no_page_shows_a_secret(console: Client, anna: Person, authserver: Authserver) -> None:
    seed, row = anna.token.seed.hex(), AuthserverHost.objects.get()

    for path in every_path(anna):
        page = text_of(console.get(path))
        for secret in (seed, authserver.key, anna.key, bytes(row.sealed_key).hex()):
            assert secret not in page, path


@pytest.mark.parametrize(
    "path",
    [
        "holders/999999999999",
        "holders/1",
        "holders/x",
        "tokens/NOSUCH",
        "tokens/a/b",
        "tokens/%00",
        "hosts/99",
        "hosts/99999999999999999999999",
        "hosts/x",
        "transactions/0000000000000000",
        "transactions/00",
        "transactions/gggggggggggggggg",
        "nothing",
    ],
)
def test_what_there_is_not_is_not_found(console: Client, path: str) -> None:
    assert console.get(f"/console/{path}").status_code == 404


@pytest.mark.parametrize("path", LISTS)
def test_lists_are_only_read(console: Client, path: str) -> None:
    assert console.post(f"/console/{path}").status_code == 405
    assert console.delete(f"/console/{path}").status_code == 405


# The overview.


def test_the_overview_counts_what_has_not_ended(
    console: Client, anna: Person, host: AuthserverHost
) -> None:
    anna.open()
    ended = anna.open()
    with unreachable(host):
        anna.call("POST", f"/steps/{ended['id']}/cancel")
    with seconds_ago(600):
        anna.open()

    shown = console.get("/console/").context["overview"]

    assert shown.under_way == (2, 1, 1)
    assert {step.state for step in shown.due} == {"challenged", "closing"}
    assert shown.failed == [("authserver_unavailable", 1)]


def test_the_overview_counts_notices_that_did_not_go_out(
    console: Client, anna: Person, ben: Person
) -> None:
    ben.sign(ben.follow(anna.sign(anna.open())))

    assert console.get("/console/").context["overview"].unsent == Notice.objects.count() > 0


def test_failures_older_than_an_hour_are_not_counted(console: Client) -> None:
    for age, code in ((59, "new"), (61, "old")):
        at = now() - timedelta(minutes=age)
        record(action="request.refused", actor="system", subject="x", now=at, code=code)

    assert console.get("/console/").context["overview"].failed == [("new", 1)]


def test_a_host_that_is_away_is_said_and_fails_no_page(
    console: Client, anna: Person, host: AuthserverHost
) -> None:
    with unreachable(host):
        for path in ("", "hosts"):
            assert "No answer" in text_of(console.get(f"/console/{path}"))
        page = text_of(console.get(f"/console/tokens/{anna.token.serial}"))
        assert "The authentication server cannot be reached just now." in page
        assert console.get("/console/hosts/1").status_code == 200


def test_a_host_that_knows_no_such_server_is_said(
    console: Client, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    Token.objects.filter(serial=anna.token.serial).update(vk=bytes(8))

    card = console.get(f"/console/tokens/{anna.token.serial}").context["card"]

    assert (card.live, card.fault) == (None, "server_unknown")


@pytest.mark.parametrize(
    "shown", [{}, {"state": "active", "seq": "x"}, {"locked_until": "noon"}], ids=str
)
def test_a_host_that_talks_nonsense_is_as_good_as_away(
    console: Client, anna: Person, monkeypatch: pytest.MonkeyPatch, shown: dict[str, object]
) -> None:
    whole = {"state": "active", "seq": 1, "tries_left": 5, "locked": False, "locked_until": None}
    answer = whole | shown if shown else shown
    monkeypatch.setattr("enrolment.authserver_client.AuthserverClient.server", lambda *_: answer)

    card = console.get(f"/console/tokens/{anna.token.serial}").context["card"]

    assert (card.live, card.fault) == (None, "authserver_unavailable")


def test_a_clock_that_is_wrong_is_said(
    console: Client, host: AuthserverHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enrolment.authserver_client.AuthserverClient.keys", lambda _: {"time": 0})

    assert "Clock is wrong" in text_of(console.get("/console/"))


@pytest.mark.parametrize("path", ["", "hosts"])
def test_missing_keys_are_said(console: Client, host: AuthserverHost, path: str) -> None:
    PlatformKey.objects.all().delete()

    assert "The site has no keys yet." in text_of(console.get(f"/console/{path}"))


def test_a_locked_token_shows_until_when(console: Client, anna: Person) -> None:
    anna.lock(anna.open())

    live = console.get(f"/console/tokens/{anna.token.serial}").context["card"].live

    assert live.is_locked
    assert live.tries_left == 0
    assert live.locked_until > now()


def test_looking_at_a_token_costs_no_try(console: Client, anna: Person) -> None:
    token = Token.objects.get(serial=anna.token.serial)
    before = ask_server(token)

    console.get(f"/console/tokens/{token.serial}")

    assert ask_server(token) == before


def test_certificates_that_cannot_be_read_are_said(console: Client, anna: Person) -> None:
    Token.objects.update(certificate=b"x")
    AuthserverHost.objects.update(certificates=["x"])

    for path in (f"tokens/{anna.token.serial}", "hosts/1"):
        assert "cannot be read any more" in text_of(console.get(f"/console/{path}"))


# Queries of a page beside those of every page's frame.
QUERIES = {
    "": 8,
    "?q=dddddddddddd": 8,
    "holders": 1,
    "tokens": 2,
    "hosts": 3,
    "transactions": 1,
    "audit": 1,
    "policy": 4,
    "approvals": 2,
    "offline": 5,
    "holders/{account}": 7,
    "tokens/{serial}": 11,
    "hosts/1": 3,
    "transactions/{tx}": 5,
}


def queries_of(console: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert console.get(address).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize("path", QUERIES)
def test_a_page_costs_what_it_costs_however_much_there_is(
    console: Client, anna: Person, eventful: str, path: str
) -> None:
    address = path.format(account=anna.account, serial=anna.token.serial, tx=eventful)
    # Which asks for nothing of its own.
    frame = queries_of(console, "/styleguide")

    asked = queries_of(console, f"/console/{address}")

    assert len(asked) - len(frame) == QUERIES[path], "\n".join(asked)
