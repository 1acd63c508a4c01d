"""Pages of phones: a holder's own, and everybody's for operators."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import AuditRow
from billing.ledger.services import set_payment_password
from binding.models import Binding, Chip
from binding.services import suspend
from binding.words import STANDINGS
from tests.platform.operators import auditor, browser_of, text
from tests.platform.phones import HEADER, Phone, Sim, TestChip
from tests.platform.world import Person, now

pytestmark = pytest.mark.usefixtures("phone_keys")

PASSPHRASE = "seven-otters"
LIST = "/console/phones"


@pytest.fixture
def phone(dora: Person) -> Phone:
    set_payment_password(holder=dora.holder, password=PASSPHRASE, now=now())
    return Phone.bound(dora)


@pytest.fixture
def browser(dora: Person) -> Client:
    return browser_of(dora)


def page_of(phone: Phone) -> str:
    return f"/phones/{phone.row.public_id}"


def test_who_has_no_phone_is_told_how_to_bind_one(browser: Client) -> None:
    page = text(browser.get("/phones"))
    assert "No phone is bound" in page
    assert "terminal phone register" in page


def test_phones_are_listed_with_how_they_stand(phone: Phone, browser: Client) -> None:
    page = text(browser.get("/phones"))
    assert f"…{phone.sim.number[-4:]}" in page
    assert phone.sim.number not in page
    assert "belong together" in page


@pytest.mark.parametrize(("state", "reason"), STANDINGS)
def test_each_state_is_said_in_plain_words(
    phone: Phone, browser: Client, state: str, reason: str
) -> None:
    Binding.objects.update(state=state, reason=reason, proved_at=None)
    answer = browser.get(page_of(phone))
    if reason == "not_proved":
        assert answer.status_code == 404
    else:
        assert str(STANDINGS[state, reason]) in text(answer)


def test_a_stolen_phone_is_stopped_and_goes_on_with_the_payment_password(
    phone: Phone, browser: Client
) -> None:
    page = page_of(phone)
    assert browser.post(page, {"action": "stop"})["Location"] == page
    assert phone.row.reason == "reported"
    wrong = browser.post(page, {"action": "resume", "password": "wrong"})
    assert wrong.status_code == 403
    assert "not your payment password" in text(wrong)
    assert browser.post(page, {"action": "resume", "password": PASSPHRASE}).status_code == 302
    assert phone.row.state == "bound"
    told = text(browser.get(page))
    assert told.index("Let go on") < told.index("Stopped") < told.index("Asked to be bound")


def test_what_is_refused_is_said_on_the_page(phone: Phone, browser: Client) -> None:
    browser.post(page_of(phone), {"action": "end"})
    again = browser.post(page_of(phone), {"action": "end"})
    assert again.status_code == 409
    assert "does not stand as it did" in text(again)
    assert AuditRow.objects.filter(code="binding_state_wrong").count() == 1


def test_a_new_phone_is_agreed_to_after_24_hours_and_can_be_refused_before(
    phone: Phone, browser: Client
) -> None:
    new = Phone.of(phone.person, sim=phone.sim)
    new.prove(new.register())
    shown = text(browser.get(page_of(new)))
    assert "Refuse this phone" in shown
    assert "bind it" not in shown
    agreed = {"action": "agree", "password": PASSPHRASE}
    assert browser.post(page_of(new), agreed).status_code == 409
    with time_machine.travel(now() + timedelta(hours=24), tick=False):
        later = browser_of(phone.person)
        assert "This is my new phone" in text(later.get(page_of(new)))
        assert later.post(page_of(new), agreed).status_code == 302
    assert new.row.state == "bound"


@pytest.mark.parametrize("action", ["", "nonsense"])
def test_an_unknown_action_is_malformed(phone: Phone, browser: Client, action: str) -> None:
    assert browser.post(page_of(phone), {"action": action}).status_code == 400


def test_nobody_sees_the_phone_of_somebody_else(phone: Phone) -> None:
    stranger = browser_of(Person.make("Ed"))
    assert stranger.get(page_of(phone)).status_code == 404
    assert stranger.post(page_of(phone), {"action": "stop"}).status_code == 404
    assert Client().get(page_of(phone)).status_code == 302


# The operators' pages.


def test_a_phone_is_found_by_its_number_which_stands_in_no_address(
    phone: Phone, console: Client
) -> None:
    answer = console.post(LIST, {"action": "find", "number": phone.sim.number})
    assert answer["Location"] == f"{LIST}/{phone.row.public_id}"
    assert "belong together" in text(console.get(answer["Location"]))


@pytest.mark.parametrize(
    ("number", "status", "told"),
    [("12", 422, "number"), (Sim().number, 404, "No phone has"), ("", 422, "required")],
)
def test_a_number_of_nobody_is_said(
    phone: Phone, console: Client, number: str, status: int, told: str
) -> None:
    answer = console.post(LIST, {"action": "find", "number": number})
    assert answer.status_code == status
    assert told in text(answer)


def test_a_carrier_s_word_stops_a_phone(phone: Phone, console: Client, olga: Person) -> None:
    console.post(LIST, {"action": "swap", "number": phone.sim.number})
    assert phone.row.reason == "sim_swap"
    row = AuditRow.objects.get(action="binding.suspended")
    assert row.actor == f"operator:{olga.account}"


def test_operators_stop_let_go_on_and_end(phone: Phone, console: Client) -> None:
    page = f"{LIST}/{phone.row.public_id}"
    for action, state in (("suspend", "suspended"), ("resume", "bound"), ("revoke", "revoked")):
        assert console.post(page, {"action": action}).status_code == 302
        assert phone.row.state == state
    assert console.post(page, {"action": "suspend"}).status_code == 409
    assert console.post(page, {"action": "nonsense"}).status_code == 400
    assert console.get(f"{LIST}/{'0' * 16}").status_code == 404


def test_the_list_is_narrowed_by_state(phone: Phone, console: Client) -> None:
    suspend(phone.row, reason="operator", actor="system", now=now())
    assert phone.row.public_id in text(console.get(f"{LIST}?state=suspended"))
    assert phone.row.public_id not in text(console.get(f"{LIST}?state=bound"))
    assert phone.row.public_id in text(console.get(f"{LIST}?state=nonsense"))


def test_other_phones_of_the_number_are_named(phone: Phone, console: Client) -> None:
    other = Phone.of(Person.make("Ed"), sim=Sim(number=phone.sim.number))
    Binding.objects.update(state="revoked")
    other.prove(other.register())
    assert phone.row.public_id in text(console.get(f"{LIST}/{other.row.public_id}"))


def upload(content: bytes) -> dict[str, Any]:
    return {"action": "import", "file": SimpleUploadedFile("chips.csv", content)}


def test_a_list_of_chips_is_taken_in(console: Client) -> None:
    answer = console.post(LIST, upload(f"{HEADER}\n{TestChip().line}\n".encode()))
    assert answer["Location"] == LIST
    assert "1 chip was added" in text(console.get(LIST))


@pytest.mark.parametrize("content", [b"nonsense", b"\xff\xfe", b""])
def test_a_list_that_is_none_is_refused(console: Client, content: bytes) -> None:
    answer = console.post(LIST, upload(content))
    assert answer.status_code == 422
    assert not Chip.objects.exists()


def test_auditors_look_and_others_do_not(phone: Phone) -> None:
    reader, page = browser_of(auditor("Ada")), f"{LIST}/{phone.row.public_id}"
    assert "Stop it" not in text(reader.get(page))
    assert reader.post(page, {"action": "suspend"}).status_code == 403
    for path in (LIST, page):
        assert reader.get(path).status_code == 200
        assert browser_of(phone.person).get(path).status_code == 403
    assert phone.row.state == "bound"
