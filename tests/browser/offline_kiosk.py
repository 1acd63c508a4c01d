"""A kiosk for phones without a network: its page on a device, and somebody's phone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from countersign.stage import fill_wallet
from protocol.offline import Money
from tests.browser.browser import Visitor
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.near import Near
from tests.e2e.live import Live
from tests.e2e.offline import Phone
from tests.e2e.party import Party

NewVisitor = Callable[..., Visitor]
START = {"gate": "Let the next one in", "checkout": "Ask for this amount"}
PRICE = Money(450, "EUR")
MUCH = Money(2_600, "EUR")
LITTLE = Money(20, "EUR")
# A room with people in it, as a share of full scale.
NOISE = 0.02


@dataclass
class Kiosk:
    """The page on a device that was set up, with nobody signed in."""

    near: Near
    owner: Party
    service: str
    kind: str

    @property
    def page(self) -> Page:
        """Where it is shown."""
        return self.near.page

    def start(self, money: Money | None = None) -> None:
        """Offer the service."""
        if money:
            self.page.get_by_label("Amount").fill(f"{money.amount / 100:.2f}")
        self.page.get_by_role("button", name=START[self.kind]).click()

    def look(self) -> None:
        """Look at the page as it is."""
        assert_fits(self.page)
        assert_accessible(self.page)

    def expect_approved(self) -> None:
        """Fail unless it opened."""
        expect(self.page.get_by_role("heading", name="Approved", exact=True)).to_be_visible()

    def expect_closed(self, why: str) -> None:
        """Fail unless it says why it did not open."""
        expect(self.page.get_by_role("heading", name="Not approved")).to_be_visible()
        expect(self.page.locator("#refused")).to_contain_text(why)
        expect(self.page.get_by_role("heading", name="Approved", exact=True)).to_be_hidden()

    def expect_unknown(self, why: str) -> None:
        """Fail unless it says that it may have been approved, and does not open."""
        heading = self.page.get_by_role("heading", name="Not known how it ended")
        expect(heading).to_be_visible()
        expect(self.page.locator("#unknown")).to_contain_text(why)
        for name in ("Approved", "Not approved"):
            expect(self.page.get_by_role("heading", name=name, exact=True)).to_be_hidden()

    def next(self) -> None:
        """Have done with this one."""
        self.page.get_by_role("button", name="Next").click()


@pytest.fixture
def new_kiosk(site: Live, new_visitor: NewVisitor) -> Callable[..., Kiosk]:
    """Return what sets a device up at a new service."""
    owner = site.party("Dana Gates")

    def new(kind: str = "gate", **air: Any) -> Kiosk:
        currency = "EUR" if kind == "checkout" else ""
        wanted = {"title": "Dana's garden", "kind": kind, "currency": currency}
        service = owner.post("/offline/services", wanted)["id"]
        visitor = new_visitor()
        # Of what is refused, the browser tells by itself.
        visitor.tolerate("the server responded with a status of 4")
        visitor.sign_in_as(owner.person)
        near = Near(visitor, **air)
        visitor.go(f"/kiosk?service={service}")
        visitor.page.get_by_role("button", name="Set it up").click()
        expect(visitor.page.get_by_role("heading", name="Dana's garden")).to_be_visible()
        # From now on its key alone speaks for it.
        visitor.context.clear_cookies()
        return Kiosk(near, owner, service, kind)

    return new


@pytest.fixture(scope="module")
def holder(site: Live) -> Party:
    """Somebody with money, another one for each module."""
    party = Party.sign_up(site.origin, site.folder / "mail", "Anna Offline")
    fill_wallet(party.person, 20_000)
    return party


@pytest.fixture(scope="module")
def phone(site: Live, holder: Party) -> Phone:
    """Their phone, with an offline password."""
    phone = Phone.of(site, holder, "phone")
    phone.set_password()
    return phone
