"""Charges of one application, each confirmed on its page in another way."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from countersign.sms_centre import texted_code
from countersign.stage import PAYMENT_PASSWORD, fill_wallet
from protocol.application import seal
from protocol.jwk import to_base64
from tests.browser.browser import Visitor
from tests.browser.checks import assert_accessible, assert_fits
from tests.e2e.applications import Application, Buyer
from tests.e2e.live import Live

NewVisitor = Callable[..., Visitor]
_RULE = (
    "INSERT INTO packages_rule (kind, value, number_tail, package_id, made_by_id, created_at,"
    " in_force_at) SELECT 'strategy', '{}', '', p.id, p.developer_id, p.created_at, p.created_at"
    " FROM packages_package p WHERE p.uid = x'{}'"
)


class Player:
    """Somebody with an application on a bound phone, and a browser on it."""

    def __init__(self, site: Live, visitor: Visitor, folder: Path) -> None:
        self.site, self.visitor, self.page = site, visitor, visitor.page
        self.party = site.party("Pia Player")
        fill_wallet(self.party.person, 5_000)
        visitor.sign_in_as(self.party.person)
        developer = site.party("Greta Games")
        self.application = Application.build(site, developer, folder, "Caves")
        self.buyer = Buyer.of(self.application, self.party)
        self.asked: dict[str, Any] = {}

    def asks(self, strategy: str) -> None:
        """Be asked by this strategy alone, and open the page."""
        rule = _RULE.format(strategy, self.application.id)
        self.site.change("platform", "DELETE FROM packages_rule", rule)
        self.asked = self.buyer.post(self.buyer.request())
        assert self.asked["strategy"] == strategy
        self.visitor.go(f"/charges/{self.asked['request']}/confirm")
        expect(self.page.locator("main")).to_contain_text("for Golden sword.")
        self.look()

    def look(self) -> None:
        """Look at the page as it is."""
        assert_fits(self.page)
        assert_accessible(self.page)

    def answer(self, words: str) -> None:
        """Type an answer, and press the button below it."""
        self.page.fill("[name=answer]", words)
        self.page.get_by_role("button", name=re.compile("^Pay 2.50")).click()

    def paid(self) -> None:
        """Be on the page of the charge, which is paid."""
        self.page.wait_for_url(re.compile(rf"/charges/{self.asked['request']}$"))
        assert self.buyer.state(self.asked) == "captured"


@pytest.fixture
def player(site: Live, new_visitor: NewVisitor, tmp_path: Path) -> Iterator[Player]:
    """A player at a small phone."""
    yield Player(site, new_visitor(width=360), tmp_path)
    site.change("platform", "DELETE FROM packages_rule")


def letters(player: Player) -> str:
    """What the newest image shows."""
    query = "SELECT response FROM captcha_captchastore ORDER BY id DESC LIMIT 1"
    ((drawn,),) = player.site.rows("platform", query)
    return str(drawn)


def add_passkey(player: Player) -> None:
    """Put a fingerprint reader into the phone, and add a passkey of it."""
    page = player.page
    session = player.visitor.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    player.visitor.go("/accounts/2fa/webauthn/add/")
    page.get_by_label("Password").fill(player.party.person.password)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/webauthn/add/")
    page.get_by_label("Name").press("Enter")
    page.wait_for_url("**/recovery-codes/")


def test_each_strategy_is_walked_through_on_its_page(player: Player) -> None:
    page, visitor = player.page, player.visitor
    visitor.tolerate("403")

    player.asks("captcha")
    expect(page.locator("img.captcha")).to_be_visible()
    player.answer("wrong")
    expect(page.locator(".errorlist")).to_contain_text("not what the image shows")
    player.look()
    player.answer(letters(player))
    player.paid()

    player.asks("captcha")
    page.get_by_role("button", name="Payment password").click()
    expect(page.get_by_role("textbox", name="Payment password")).to_be_visible()
    player.answer(PAYMENT_PASSWORD)
    player.paid()

    player.asks("sms_code")
    player.answer(texted_code(player.site, player.buyer.handset.number))
    player.paid()

    player.asks("payment_password")
    player.answer("not the password")
    expect(page.locator(".errorlist")).not_to_be_empty()
    player.answer(PAYMENT_PASSWORD)
    player.paid()

    player.asks("online")
    fresh = to_base64(seal(player.buyer.request(), player.buyer.store.third_key))
    player.buyer.ask(f"/billing/requests/{player.asked['request']}/online", {"sealed": fresh})
    page.get_by_role("link", name="See whether it was confirmed").click()
    page.get_by_role("link", name="See how it stands").click()
    player.paid()

    serial = player.party.enrol().serial
    player.asks("token")
    page.get_by_role("button", name="Ask the token").click()
    page.wait_for_url("**/steps/*")
    expect(page.locator("main")).to_contain_text("Golden sword (Caves)")
    step = player.party.get(f"/steps/{page.url.rsplit('/', 1)[1]}")
    assert step["token"] == serial
    player.party.sign(step)
    # The page turns by itself, which would get into the way of leaving it.
    expect(page.get_by_role("heading", name="You have signed this")).to_be_visible()
    assert player.buyer.state(player.asked) == "captured"

    add_passkey(player)
    player.asks("passkey")
    page.get_by_role("button", name="with a passkey").click()
    player.paid()

    player.asks("payment_password")
    page.get_by_role("button", name="Do not pay").click()
    page.wait_for_url(re.compile(r"/charges/[0-9a-f]{16}$"))
    assert player.buyer.state(player.asked) == "cancelled"
