"""Kiosk and phone as two pages, the phone's without a network."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from countersign.stage import PAYMENT_PASSWORD
from protocol.offline import Level
from tests.browser import offline_kiosk
from tests.browser.browser import Visitor, Window
from tests.browser.near import Near, bring_together
from tests.browser.offline_kiosk import NOISE, PRICE, Kiosk
from tests.browser.offline_phone import set_up
from tests.e2e.live import Live
from tests.e2e.offline import PASSWORD
from tests.e2e.party import Party

new_kiosk, holder = offline_kiosk.new_kiosk, offline_kiosk.holder


@pytest.fixture(scope="module")
def phone_page(site: Live, holder: Party, browser: Browser) -> Iterator[Near]:
    """The page of a phone that was set up, and has no network from then on."""
    visitor = Visitor(browser, site.origin, Window(width=360, height=740))
    near = Near(visitor, noise=NOISE)
    set_up(near, holder)
    near.page.evaluate("() => navigator.serviceWorker.ready.then(() => {})")
    # What is under way when the network goes would be a failed request.
    near.page.wait_for_load_state("networkidle")
    # From what it keeps, not from what it has loaded.
    visitor.context.set_offline(True)
    visitor.page.reload()
    visitor.forget_troubles()
    yield near
    visitor.check()
    visitor.close()


@pytest.mark.parametrize("level", Level, ids=lambda level: level.name)
@pytest.mark.parametrize("carrier", ["QR codes", "Sound"])
def test_two_pages_authorize_at_both_levels_over_each_link(
    new_kiosk: Callable[..., Kiosk], phone_page: Near, carrier: str, level: Level
) -> None:
    kiosk, page = new_kiosk("checkout", noise=NOISE), phone_page.page
    bring_together(kiosk.near, phone_page)
    for each in (kiosk.page, page):
        each.get_by_label(carrier).check()
    page.locator("#ready-form details").evaluate("details => { details.open = true }")
    page.get_by_label("Ask for my offline password").set_checked(level is Level.HIGH)
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("#facing")).to_be_visible()
    kiosk.start(PRICE)
    confirm = page.get_by_role("button", name="Confirm")
    wait_talking(confirm, page, kiosk.page)
    expect(page.locator("#confirm")).to_contain_text("4.50\u00a0EUR")
    if level is Level.HIGH:
        page.get_by_role("textbox", name="Offline password").fill(PASSWORD)
    confirm.click()

    # The kiosk shows it for some seconds only, the phone until it is touched.
    opened = kiosk.page.get_by_role("heading", name="Approved", exact=True)
    wait_talking(opened, page, kiosk.page)
    expect(page.get_by_role("heading", name="Approved")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Done").click()


def wait_talking(wanted: Locator, *pages: Page) -> None:
    """Wait for what a talk leads to; what was lost in the noise is said again, as people do."""
    for page in pages:
        with suppress(AssertionError):
            expect(wanted).to_be_visible(timeout=60_000)
            return
        again = page.get_by_role("button", name="Say it again")
        if again.is_visible():
            again.click()
    expect(wanted).to_be_visible()


def test_a_phone_whose_clock_is_wrong_keeps_its_key_and_says_so(phone_page: Near) -> None:
    visitor, page = phone_page.visitor, phone_page.page
    visitor.tolerate("the server responded with a status of 4")
    visitor.tolerate("/api/v1/devices")
    visitor.context.set_offline(False)
    page.clock.set_system_time(datetime.now(UTC) + timedelta(minutes=10))
    visitor.go("/offline")
    expect(page.get_by_role("button", name="Begin")).to_be_visible()
    key = page.locator("#device-id").text_content()
    page.get_by_role("button", name="Bring up to date").click()
    expect(page.locator("#trouble-words")).to_contain_text("The clock of this device is wrong.")
    expect(page.locator("#removed")).to_be_hidden()
    _set_up_again(visitor)
    expect(page.locator("#trouble-words")).to_contain_text("The clock of this device is wrong.")

    # Nor is anything forgotten before there is another key.
    page.clock.set_system_time(datetime.now(UTC))
    unknown = {"code": "device_proof_invalid", "detail": "", "status": 401}
    page.route("**/api/v1/offline/client", lambda route: route.fulfill(status=401, json=unknown))
    page.route("**/api/v1/devices", lambda route: route.abort())
    _set_up_again(visitor)
    expect(page.locator("#trouble-words")).to_contain_text("The platform cannot be reached.")
    page.unroute_all()
    visitor.go("/offline")
    expect(page.get_by_role("button", name="Begin")).to_be_visible()
    assert page.locator("#device-id").text_content() == key


def _set_up_again(visitor: Visitor) -> None:
    visitor.go("/offline/set-up")
    visitor.page.get_by_label("Payment password").fill(PAYMENT_PASSWORD)
    visitor.page.get_by_role("button", name="Set it up").click()
