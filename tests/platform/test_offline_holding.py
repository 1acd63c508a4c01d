"""What holders do with their phones that work without a network, over the API and by pages."""

from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from audit.models import AuditRow
from notices.models import Notice
from offline.models import Authorization, Client
from offline.services.clients import suspend_client
from protocol.offline import Level
from tests.platform.offline import PASSWORD, PAYPASS, Phone, Shop
from tests.platform.operators import auditor, browser_of, operator, text
from tests.platform.world import Person, call, now

pytestmark = pytest.mark.usefixtures("phone_keys")
WRONG = "wrong-1-wrong"


@pytest.fixture
def phone(db: None) -> Phone:
    return Phone.rich()


@pytest.fixture
def browser(phone: Phone) -> Browser:
    return browser_of(phone.person)


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop.of(Person.make("Olga"))


def page(browser: Browser, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, path
    return text(answer)


def settings_of(phone: Phone) -> str:
    return f"/offline/settings/{phone.row.public_id}"


def does(browser: Browser, phone: Phone, action: str, **typed: str) -> tuple[int, str]:
    answer = browser.post(settings_of(phone), {"action": action, **typed})
    return answer.status_code, text(answer)


def api(phone: Phone, what: str, body: Any = None, method: str = "POST") -> Any:
    path = f"/offline/clients/{phone.row.public_id}/{what}"
    return call(method, path, body, key=phone.person.key)


# --- Over the API


def test_a_holder_stops_a_phone_at_once_and_lets_it_go_on_with_the_payment_password(
    phone: Phone, shop: Shop
) -> None:
    assert api(phone, "suspend").body["state"] == "suspended"
    assert phone.refused(shop) == (403, "unknown_client")
    assert api(phone, "resume", {"payment_password": WRONG}).refusal == (403, "paypass_wrong")
    assert phone.row.state == "suspended"
    assert api(phone, "resume", {"payment_password": PAYPASS}).body["state"] == "active"
    assert phone.applies(shop).brings().status == 200


@pytest.mark.parametrize("reason", ["operator", "cloned"])
def test_what_its_holder_did_not_stop_its_holder_does_not_let_go_on(
    phone: Phone, reason: str
) -> None:
    suspend_client(client=phone.row, actor="system", now=now(), reason=reason)
    answer = api(phone, "resume", {"payment_password": PAYPASS})
    assert answer.refusal == (409, "client_state_wrong")
    assert phone.row.state == "suspended"


def test_a_holder_sets_the_offline_password_and_unlocks_it(phone: Phone) -> None:
    (listed,) = call("GET", "/offline/clients", key=phone.person.key).body
    assert (listed["has_password"], listed["is_locked"]) == (False, False)
    body = {"payment_password": PAYPASS, "password": PASSWORD}
    assert api(phone, "password", body).body["has_password"]
    Client.objects.update(locked_at=now(), failures=5)
    assert api(phone, "unlock", {"payment_password": WRONG}).refusal == (403, "paypass_wrong")
    assert phone.row.locked_at
    assert not api(phone, "unlock", {"payment_password": PAYPASS}).body["is_locked"]
    assert phone.row.failures == 0


def test_one_way_codes_are_off_until_their_limit_is_set(phone: Phone, shop: Shop) -> None:
    assert phone.row.code_limit == 0
    body = {"amount": 500, "currency": "EUR", "payment_password": PAYPASS}
    answer = api(phone, "codes", body, "PUT")
    assert (answer.body["code_limit"], answer.body["code_currency"]) == (500, "EUR")
    off = api(phone, "codes", {**body, "amount": 0}, "PUT")
    assert (off.body["code_limit"], off.body["code_currency"]) == (0, "")


def test_what_is_removed_is_gone_for_good(phone: Phone, shop: Shop) -> None:
    assert api(phone, "remove").status == 204
    assert call("GET", "/offline/clients", key=phone.person.key).body == []
    assert phone.refused(shop) == (403, "unknown_client")
    assert api(phone, "resume", {"payment_password": PAYPASS}).status == 404


@pytest.mark.parametrize(
    ("what", "body", "method"),
    [
        ("suspend", None, "POST"),
        ("remove", None, "POST"),
        ("resume", {"payment_password": PAYPASS}, "POST"),
        ("unlock", {"payment_password": PAYPASS}, "POST"),
        ("password", {"payment_password": PAYPASS, "password": PASSWORD}, "POST"),
        ("limits?currency=EUR", None, "GET"),
        ("codes", {"payment_password": PAYPASS, "amount": 1, "currency": "EUR"}, "PUT"),
    ],
)
def test_a_phone_is_its_holders_alone(phone: Phone, what: str, body: Any, method: str) -> None:
    before = Client.objects.values().get()
    path = f"/offline/clients/{phone.row.public_id}/{what}"
    assert call(method, path, body, key=Person.make("Mallory").key).status == 404
    assert call(method, path, body).status == 401
    assert Client.objects.values().get() == before


def test_a_holder_reads_what_became_of_what_the_phones_asked_for(phone: Phone, shop: Shop) -> None:
    phone.applies(shop).brings()
    waiting = phone.applies(shop)
    rows = call("GET", "/offline/authorizations", key=phone.person.key).body["results"]
    first, second = rows
    assert (first["id"], first["state"], first["code"]) == (
        waiting.row.public_id,
        "tbs_issued",
        None,
    )
    assert (second["amount"], second["currency"], second["way"]) == (250, "EUR", "offline")
    assert second["payee"] == shop.owner.holder.account
    assert call("GET", "/offline/authorizations", key=shop.owner.key).body["results"] == []


def test_no_answer_says_which_secret_was_wrong(shop: Shop) -> None:
    phone = Phone.rich(has_password=True)
    exchange = phone.applies(shop, level=Level.HIGH)
    exchange.brings_sealed(password="not the one")  # a wrong one
    told = str(call("GET", "/offline/authorizations", key=phone.person.key).body)
    assert "countersign_invalid" in told
    assert "password_wrong" not in told


# --- Pages


def test_who_has_no_phone_yet_is_told_how_to_set_one_up(dora: Person) -> None:
    browser = browser_of(dora)
    assert 'href="/offline"' in page(browser, "/offline/settings")
    assert 'href="/offline/settings"' in page(browser, "/offline/history")


@pytest.mark.parametrize("path", ["settings", "history", "services"])
def test_nobody_sees_these_pages_without_signing_in(db: None, path: str) -> None:
    assert Browser().get(f"/offline/{path}").status_code == 302


def test_the_page_of_a_phone_is_its_holders_alone(phone: Phone) -> None:
    other = browser_of(Person.make("Mallory"))
    assert other.get(settings_of(phone)).status_code == 404
    assert other.post(settings_of(phone), {"action": "suspend"}).status_code == 404
    assert phone.row.state == "active"


def test_a_holder_rules_a_phone_by_its_page(phone: Phone, browser: Browser) -> None:
    paypass = {"payment_password": PAYPASS}
    assert (
        does(browser, phone, "limits", day="5", month="12.50", currency="EUR", **paypass)[0] == 302
    )
    said = page(browser, settings_of(phone))
    assert "today, of 5.00\xa0EUR" in said
    assert "this month, of 12.50\xa0EUR" in said
    assert does(browser, phone, "password", password=PASSWORD, **paypass)[0] == 302
    assert phone.row.sealed_password
    assert does(browser, phone, "codes", amount="5", currency="EUR", **paypass)[0] == 302
    assert "up to 5.00\xa0EUR each" in page(browser, settings_of(phone))
    assert does(browser, phone, "no_codes", **paypass)[0] == 302
    assert phone.row.code_limit == 0
    assert does(browser, phone, "suspend")[0] == 302
    assert "You stopped it" in page(browser, settings_of(phone))
    assert does(browser, phone, "resume", **paypass)[0] == 302
    Client.objects.update(locked_at=now(), failures=5)
    assert "wrong five times" in page(browser, settings_of(phone))
    assert does(browser, phone, "unlock", **paypass)[0] == 302
    assert phone.row.locked_at is None
    assert does(browser, phone, "remove")[0] == 302
    assert phone.row.state == "removed"
    assert browser.get(settings_of(phone)).status_code == 404


@pytest.mark.parametrize(
    ("action", "typed", "status", "told"),
    [
        ("limits", {"day": "5", "month": "x", "currency": "EUR"}, 422, "Write the amount"),
        ("limits", {"day": "5", "month": "9", "currency": "XXY"}, 422, ""),
        ("password", {"password": "12345"}, 422, "Choose 6 to 64 characters"),
        ("password", {"password": PAYPASS}, 422, "Choose 6 to 64 characters"),
        ("codes", {"amount": "999999", "currency": "EUR"}, 422, ""),
        ("unlock", {"payment_password": WRONG}, 403, "payment password"),
        ("resume", {}, 409, "not possible as the phone stands"),
    ],
)
def test_what_is_refused_is_said_where_it_was_typed(
    phone: Phone, browser: Browser, action: str, typed: dict[str, str], status: int, told: str
) -> None:
    before = Client.objects.values().get()
    found, said = does(browser, phone, action, **{"payment_password": PAYPASS, **typed})
    assert (found, told in said) == (status, True)
    assert PAYPASS not in said
    assert Client.objects.values().get() == before


def test_an_unknown_button_is_refused(phone: Phone, browser: Browser) -> None:
    assert does(browser, phone, "approve")[0] == 400


def test_the_history_shows_what_became_of_everything_and_the_receipt_of_one(
    phone: Phone, browser: Browser, shop: Shop
) -> None:
    done = phone.applies(shop)
    done.brings()
    refused = phone.applies(shop)
    refused.brings(phone.applies(shop).signs())
    said = page(browser, "/offline/history")
    assert said.index(refused.row.public_id) < said.index(done.row.public_id)
    for part in ("Corner checkout", "2.50\xa0EUR", "play money", "Paid by your phones"):
        assert part in said, part
    path = f"/offline/history/{done.row.public_id}"
    one = page(browser, path)
    for part in ("What was paid", "On the phone", "/r#", f'{path}/receipt.png"'):
        assert part in one, part
    assert browser.get(f"{path}/receipt.png").status_code == 200
    assert browser_of(shop.owner).get(f"{path}/receipt.png").status_code == 200
    assert browser_of(shop.owner).get(path).status_code == 404
    pdf = browser.get(f"{path}/receipt.pdf?paper=letter")
    assert (pdf.status_code, pdf["Content-Type"]) == (200, "application/pdf")
    other = page(browser, f"/offline/history/{refused.row.public_id}")
    assert "Nothing was authorized" in other
    assert "receipt.png" not in other
    assert browser.get(f"/offline/history/{refused.row.public_id}/receipt.png").status_code == 404


def test_both_sides_send_the_link_of_a_receipt_and_nobody_else(
    phone: Phone, shop: Shop, dora: Person
) -> None:
    done = phone.applies(shop)
    done.brings()
    path = f"/offline/authorizations/{done.row.public_id}/receipt/email"
    body = {"email": "carla@example.org"}
    for person in (phone.person, shop.owner):
        assert call("POST", path, body, key=person.key).status == 202
    browser = browser_of(phone.person)
    page_of_it = f"/offline/history/{done.row.public_id}"
    typed = {"action": "mail", "email": "Carla@Example.org"}
    assert browser.post(page_of_it, typed)["Location"] == page_of_it
    wrong = browser.post(page_of_it, {"action": "mail", "email": "nobody"})
    assert (wrong.status_code, 'aria-invalid="true"' in wrong.content.decode()) == (422, True)
    letters = Notice.objects.filter(kind="receipt_sent", email=body["email"])
    link = browser.get(f"{page_of_it}/receipt.txt")
    assert {letter.path for letter in letters} == {
        link.content.decode().removeprefix(settings.COUNTERSIGN_ORIGIN)
    }
    assert letters.count() == 3
    assert call("POST", path, body, key=dora.key).status == 404
    assert call("POST", path, body).status == 401


def test_an_owner_offers_a_service_and_rules_it_by_its_page(shop: Shop, dora: Person) -> None:
    browser = browser_of(shop.owner)
    made = browser.post("/offline/services", {"title": "Door", "kind": "gate", "currency": "EUR"})
    assert made.status_code == 302
    path = made["Location"]
    assert "No device stands here yet" in page(browser, path)

    def act(**typed: str) -> int:
        return browser.post(path, typed).status_code

    assert act(action="edit", title="Back door", is_high="on") == 302
    assert "It is there for you, and for those named here" in page(browser, path)
    account = dora.holder.account
    assert act(action="grant", account=f"{account[:4]} {account[4:]}") == 302
    assert account in page(browser, path)
    assert act(action="ungrant", account=account) == 302
    assert account not in page(browser, path)
    assert act(action="grant", account="1") == 422
    device = shop.gadget.row.public_id
    assert act(action="add", device=device) == 422, "it stands elsewhere"
    assert browser.post(_page_of(shop), {"action": "take", "device": device}).status_code == 302
    assert act(action="add", device=device) == 302
    assert "Relay" in page(browser, path)
    assert act(action="take", device="zz") == 404
    for nobody in ("", "\0", "x", "0" * 5000):
        assert act(action="ungrant", account=nobody) == 422
        assert act(action="grant", account=nobody) == 422
        assert act(action="add", device=nobody) == 422
    assert act(action="end") == 302
    assert "Ended" in page(browser, path)
    assert act(action="edit", title="Again") == 409


def test_an_owner_sees_what_was_taken(phone: Phone, shop: Shop) -> None:
    phone.applies(shop).brings()
    said = page(browser_of(shop.owner), _page_of(shop))
    for part in ("<b>2.50\xa0EUR</b>", "Taken, day by day", phone.person.holder.account):
        assert part in said, part
    assert browser_of(phone.person).get(_page_of(shop)).status_code == 404


def _page_of(shop: Shop) -> str:
    return f"/offline/services/{shop.service.public_id}"


# --- The console


def test_an_operator_sees_and_stops_phones_and_services(phone: Phone, shop: Shop) -> None:
    browser = browser_of(operator("Otto"))
    phone.applies(shop).brings()
    suspend_client(client=phone.row, actor="system", now=now(), reason="cloned")
    listed = page(browser, "/console/offline?state=cloned")
    assert phone.row.public_id in listed
    assert "phones perhaps copied" in page(browser, "/console/")
    for sought in (phone.row.public_id, Authorization.objects.get().public_id):
        found = browser.get("/console/", {"q": sought})
        assert found["Location"] == f"/console/offline/phones/{phone.row.public_id}"
    found = browser.get("/console/", {"q": shop.service.public_id})
    assert found["Location"] == f"/console/offline/services/{shop.service.public_id}"
    assert phone.row.public_id not in page(browser, "/console/offline?state=locked")
    path = f"/console/offline/phones/{phone.row.public_id}"
    assert "Two phones used its key" in page(browser, path)
    assert browser.post(path, {"action": "resume"}).status_code == 302
    assert browser.post(path, {"action": "resume"}).status_code == 409
    assert browser.post(path, {"action": "suspend"}).status_code == 302
    assert phone.row.reason == "operator"
    assert browser.post(path, {"action": "remove"}).status_code == 302
    page(browser, path)
    path = f"/console/offline/services/{shop.service.public_id}"
    assert "2.50\xa0EUR" in page(browser, path)
    assert browser.post(path, {"action": "suspend"}).status_code == 302
    assert "stopped it" in page(browser_of(shop.owner), _page_of(shop))
    assert browser.post(path, {"action": "resume"}).status_code == 302
    assert browser.post(path, {"action": "end"}).status_code == 400
    assert AuditRow.objects.filter(action="service.suspended").count() == 1


def test_an_operator_stops_what_its_holder_stopped_before(phone: Phone, shop: Shop) -> None:
    browser = browser_of(operator("Otto"))
    path = f"/console/offline/phones/{phone.row.public_id}"
    suspend_client(client=phone.row, actor="x", now=now())
    assert "Stop it" in page(browser, path)
    assert browser.post(path, {"action": "suspend"}).status_code == 302
    assert phone.row.reason == "operator"
    assert "Stop it" not in page(browser, path)
    # What it is refused is found on its page, with the precise reason.
    phone.refused(shop)
    assert "client_suspended" in page(browser, path)


@pytest.mark.parametrize("path", ["/offline/history", "/offline/services/{service}"])
def test_a_longer_list_costs_no_more_queries(
    phone: Phone, shop: Shop, path: str, django_assert_max_num_queries: Any
) -> None:
    who = phone.person if "history" in path else shop.owner
    browser, path = browser_of(who), path.format(service=shop.service.public_id)
    phone.applies(shop).brings()
    with CaptureQueriesContext(connection) as asked:
        page(browser, path)
    few = len(asked)
    for _ in range(3):
        phone.applies(shop).brings()
    with django_assert_max_num_queries(few):
        page(browser, path)


def test_an_auditor_looks_and_changes_nothing(phone: Phone, shop: Shop) -> None:
    browser = browser_of(auditor("Ada"))
    for path in (
        f"/console/offline/phones/{phone.row.public_id}",
        f"/console/offline/services/{shop.service.public_id}",
    ):
        assert 'name="action"' not in page(browser, path)
        assert browser.post(path, {"action": "suspend"}).status_code == 403
    assert phone.row.state == "active"


def test_the_console_is_for_operators(dora: Person, phone: Phone) -> None:
    for path in ("", f"/phones/{phone.row.public_id}", "/services/0000000000000000"):
        assert browser_of(dora).get(f"/console/offline{path}").status_code == 403
