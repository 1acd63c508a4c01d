"""The operator pages: what they show, what they change, and what they never show."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from authserver import services
from authserver.errors import KeyProviderError
from authserver.models import Event, Server
from authserver.operators import selectors
from authserver.services import seals
from tests.authserver.batch_files import SEED, imported, now
from tests.authserver.world import Bank, Paired

PASSWORD = "a long password 42"
PAGES = ("", "servers", "stock", "import", "export")


@pytest.fixture
def anna(db: None) -> Client:
    """The browser of an operator who is signed in."""
    services.add_operator(name="anna", password=PASSWORD)
    client = Client()
    client.post("/operator/sign-in", {"name": "anna", "password": PASSWORD})
    return client


def text_of(client: Client, path: str) -> str:
    answer = client.get(f"/operator/{path}")
    assert answer.status_code == 200, answer
    return answer.content.decode()


@pytest.mark.parametrize("path", PAGES)
def test_nobody_else_sees_a_page(db: None, path: str) -> None:
    answer = Client().get(f"/operator/{path}")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/operator/sign-in?")


@pytest.mark.parametrize("path", [*PAGES, "sign-in", "nowhere"])
def test_a_page_has_no_inline_script_or_style_and_no_cache_keeps_it(
    anna: Client, bank: Bank, path: str
) -> None:
    answer = anna.get(f"/operator/{path}")
    page = answer.content.decode()
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/operator.js" defer>']
    assert "<style" not in page
    assert "style=" not in page
    assert not re.findall(r"\son\w+=", page)
    assert answer.headers["Cache-Control"] == "no-store"
    # Without it browsers send forms with an origin of null.
    assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("path", "kind"), [("/operator.js", "text/javascript"), ("/operator.css", "text/css")]
)
def test_script_and_style_come_from_this_origin(db: None, path: str, kind: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_host_says_what_to_do(anna: Client, path: str) -> None:
    page = text_of(anna, path)
    assert "empty" in page or path == ""


def test_the_overview_says_that_the_host_is_not_set_up(anna: Client) -> None:
    assert "This host has not been set up yet." in text_of(anna, "")


def test_the_overview_counts_servers_by_state_and_shows_keys_with_their_days(
    anna: Client, active: Paired
) -> None:
    imported(active.bank, "A1", "A2", "A3")
    page = text_of(anna, "")
    assert "This host is ready." in page
    assert re.findall(r"<b>(\d+)</b><span>([^<]+)", page) == [
        ("4", "servers in all"),
        ("0", "locked now"),
        ("3", "In stock"),
        ("1", "Active"),
    ]
    assert "2026-11-22 to 2031-11-22" in page


def test_of_many_that_were_imported_together_the_overview_names_the_batch_once(
    anna: Client, bank: Bank
) -> None:
    imported(bank, *(f"A{number}" for number in range(30)))
    assert text_of(anna, "").count("Imported") == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"X1", "X2", "Y1"}),
        ("?q=x", {"X1", "X2"}),
        ("?q=X2", {"X2"}),
        ("?q=ma", {"X1", "X2"}),
        ("?state=revoked", {"X2"}),
        ("?q=x&state=stock", {"X1"}),
        ("?state=locked", {"Y1"}),
        ("?q=zz", set()),
        ("?q=%00&state=nonsense", {"X1", "X2", "Y1"}),
        ("?before=0", set()),
        ("?before=x", {"X1", "X2", "Y1"}),
        (f"?before={'9' * 40}", {"X1", "X2", "Y1"}),
    ],
)
def test_servers_are_found_by_serial_batch_and_state(
    anna: Client, bank: Bank, query: str, found: set[str]
) -> None:
    imported(bank, "X1", "X2", batch="May")
    imported(bank, "Y1", batch="June")
    Server.objects.filter(serial="X2").update(state="revoked")
    Server.objects.filter(serial="Y1").update(locked_until=now() + timedelta(minutes=1))
    page = text_of(anna, f"servers{query}")
    assert set(re.findall(r'<b class="mono">(\w+)</b>', page)) == found


def test_a_server_is_found_by_how_its_id_begins(anna: Client, bank: Bank) -> None:
    imported(bank, "A1", "A2")
    server = Server.objects.first()
    assert server
    page = text_of(anna, f"servers?q={server.vk[:9]}")
    assert re.findall(r'<b class="mono">(\w+)</b>', page) == [server.serial]


def test_a_long_list_is_shown_in_parts(anna: Client, bank: Bank) -> None:
    imported(bank, *(f"A{number:03}" for number in range(60)))
    page = text_of(anna, "servers?state=stock")
    assert page.count('<b class="mono">') == 50
    older = re.search(r'rel="next" href="\?([^"]+)"', page)
    assert older
    page = text_of(anna, f"servers?{older[1].replace('&amp;', '&')}")
    assert re.findall(r'<b class="mono">(\w+)</b>', page) == [
        f"A{number:03}" for number in reversed(range(10))
    ]


def test_a_list_costs_as_many_queries_however_long_it_is(anna: Client, bank: Bank) -> None:
    imported(bank, "A1")
    text_of(anna, "servers")
    with CaptureQueriesContext(connection) as few:
        text_of(anna, "servers")
    imported(bank, *(f"B{number}" for number in range(40)), batch="June")
    with CaptureQueriesContext(connection) as many:
        text_of(anna, "servers")
    assert len(many) == len(few)


def test_a_server_shows_its_whole_story_with_its_verdicts(anna: Client, active: Paired) -> None:
    active.answer(active.statement())
    active.call("POST", "/suspend", {"actor": "otto"})
    page = text_of(anna, f"servers/{active.vk}")
    told = re.findall(r"<h3>([^<]+)</h3>", page)
    assert told == [
        "Suspended",
        "Activated",
        "Digits compared",
        "Token enrolled",
        "Server made for a new token",
    ]
    assert "platform:otto" in page
    assert "2 accepted" in page


def test_an_event_of_a_kind_unknown_here_is_shown_as_it_is(anna: Client, active: Paired) -> None:
    Event.objects.create(server=active.row, kind="beamed", actor="host", at=now())
    assert "beamed" in text_of(anna, f"servers/{active.vk}")


def test_the_overview_says_when_the_keys_cannot_be_had(
    anna: Client, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise KeyProviderError("The HSM does not answer.")

    monkeypatch.setattr(selectors, "check_ready", fails)
    assert "The HSM does not answer." in text_of(anna, "")


def test_no_page_shows_a_secret(anna: Client, active: Paired) -> None:
    imported(active.bank, "A1")
    serials = [active.serial, "A1"]
    for server in Server.objects.filter(serial__in=serials):
        page = text_of(anna, f"servers/{server.vk}")
        secrets = [seals.seed_of(server), seals.server_key(server).to_bytes(), server.sealed_key]
        assert all(secret.hex() not in page.lower() for secret in secrets)
        assert SEED not in page


def act(client: Client, vk: str, action: str) -> int:
    return client.post(f"/operator/servers/{vk}", {"action": action}).status_code


def test_an_operator_suspends_resumes_and_revokes_and_the_story_says_who(
    anna: Client, active: Paired
) -> None:
    for action, state in (("suspend", "suspended"), ("resume", "active"), ("revoke", "revoked")):
        assert act(anna, active.vk, action) == 302
        assert active.row.state == state
    events = Event.objects.filter(actor="operator:anna").order_by("id")
    assert [event.kind for event in events] == ["suspended", "resumed", "revoked"]


def test_an_operator_unlocks(anna: Client, active: Paired) -> None:
    active.fail(active.statement(), 5)
    assert "Locked" in text_of(anna, f"servers/{active.vk}")
    assert act(anna, active.vk, "unlock") == 302
    assert not active.row.is_locked(now())
    assert active.answer(active.statement(number=1)).body["accepted"]


@pytest.mark.parametrize(
    ("action", "status"), [("resume", 409), ("suspend", 409), ("nonsense", 422), ("", 422)]
)
def test_what_the_state_does_not_allow_is_refused_and_changes_nothing(
    anna: Client, active: Paired, action: str, status: int
) -> None:
    act(anna, active.vk, "revoke")
    before = Event.objects.count()
    assert act(anna, active.vk, action) == status
    assert active.row.state == "revoked"
    assert Event.objects.count() == before


def test_a_page_offers_only_what_the_state_allows(anna: Client, active: Paired) -> None:
    page = text_of(anna, f"servers/{active.vk}")
    assert re.findall(r'name="action" value="(\w+)"', page) == ["suspend", "revoke"]


@pytest.mark.parametrize(
    "path",
    [
        "servers/0123456789abcdef",
        "imports/01234567-89ab-cdef-0123-456789abcdef",
        "imports/01234567-89ab-cdef-0123-456789abcdef/report",
        "nowhere",
        "servers/",
        "servers/xyz",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(anna: Client, path: str) -> None:
    answer = anna.get(f"/operator/{path}")
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.content.decode()


def test_the_stock_says_how_much_of_each_batch_is_left(anna: Client, bank: Bank) -> None:
    imported(bank, "A1", "A2", "A3", "A4", batch="May")
    Server.objects.filter(serial="A1").update(state="active")
    Server.objects.filter(serial__in=["A2", "A3"]).update(state="revoked")
    page = text_of(anna, "stock")
    assert re.findall(r'<td class="number">(\d+)</td>', page) == ["1", "1", "2"]


def test_the_pages_speak_the_reader_s_language(anna: Client, bank: Bank) -> None:
    answer = anna.get("/operator/", headers={"Accept-Language": "zh-CN"})
    assert '<html lang="zh-hans">' in answer.content.decode()


def test_an_operator_s_request_with_a_stale_session_is_asked_to_sign_in(
    anna: Client, active: Paired, clock: time_machine.Traveller
) -> None:
    clock.shift(16 * 60)
    assert act(anna, active.vk, "revoke") == 302
    assert active.row.state == "active"
