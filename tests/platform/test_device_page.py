"""The page of devices: what there is, one more, one less."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from audit.models import AuditRow
from binding.models import Device, DeviceCode
from protocol.ed25519 import SigningKey
from signing.services import create_keys
from tests.platform.gadgets import Gadget
from tests.platform.operators import browser_of, text
from tests.platform.world import Person, now

PAGE = "/devices"


@pytest.fixture(autouse=True)
def own_keys(db: None) -> None:
    create_keys(root=SigningKey.generate(), now=now())


@pytest.fixture
def browser(dora: Person) -> Client:
    return browser_of(dora)


def code_on(page: str) -> str:
    """The code in the command that the page shows."""
    return page.partition("device add ")[2].partition(" ")[0]


def test_who_has_none_is_told_what_to_do(browser: Client) -> None:
    page = text(browser.get(PAGE))
    assert "No device yet" in page
    assert 'value="invite"' in page


def test_the_code_on_the_page_adds_a_device(browser: Client, dora: Person) -> None:
    assert browser.post(PAGE, {"action": "invite"}).status_code == 302
    page = text(browser.get(PAGE))
    assert "--platform http://localhost:8000" in page

    assert Gadget().add(code_on(page), "Living room").status == 201

    page = text(browser.get(PAGE))
    assert "Living room" in page
    assert "device add" not in page, "a used code is of no use"


def test_a_code_is_shown_as_long_as_it_lives(browser: Client) -> None:
    browser.post(PAGE, {"action": "invite"})
    with time_machine.travel(now() + timedelta(minutes=10), tick=False):
        assert "device add" not in text(browser.get(PAGE))


def test_a_code_made_elsewhere_is_not_shown(browser: Client, dora: Person) -> None:
    dora.post("/devices/codes")
    assert "device add" not in text(browser.get(PAGE))


def test_a_form_sent_twice_makes_one_code(browser: Client) -> None:
    for _ in range(2):
        browser.post(PAGE, {"action": "invite"})
    assert DeviceCode.objects.count() == 1
    assert AuditRow.objects.filter(action="device.invited").count() == 1


def test_a_device_is_removed(browser: Client, dora: Person) -> None:
    gadget = Gadget.of(dora)
    answer = browser.post(PAGE, {"action": "remove", "device": str(gadget.row)}, follow=True)
    assert "The device is removed" in text(answer)
    assert not Device.objects.filter(removed_at=None).exists()


def test_nobody_removes_or_sees_what_is_not_theirs(browser: Client) -> None:
    gadget = Gadget.of(Person.make("Eve"), "Zither")
    assert "Zither" not in text(browser.get(PAGE))
    answer = browser.post(PAGE, {"action": "remove", "device": str(gadget.row)})
    assert answer.status_code == 404
    assert gadget.row.removed_at is None


@pytest.mark.parametrize(
    "fields", [{}, {"action": "rename"}, {"action": "remove"}, {"action": "remove", "device": "x"}]
)
def test_a_form_that_asks_for_nothing_is_malformed(
    browser: Client, fields: dict[str, str]
) -> None:
    assert browser.post(PAGE, fields).status_code == 400


def test_a_name_is_not_markup(browser: Client, dora: Person) -> None:
    Gadget.of(dora, "<script>alert(1)</script>")
    assert b"<script>alert" not in browser.get(PAGE).content


def test_the_page_is_for_who_is_signed_in(client: Client) -> None:
    assert client.get(PAGE).headers["Location"].startswith("/accounts/login/")
