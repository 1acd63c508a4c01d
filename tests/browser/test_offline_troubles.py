"""What can go wrong at a kiosk before anybody asks."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser import offline_kiosk
from tests.browser.browser import Visitor
from tests.browser.offline_kiosk import START, Kiosk
from tests.e2e.live import Live

new_kiosk = offline_kiosk.new_kiosk


@pytest.mark.parametrize(
    ("carrier", "sentence"),
    [("QR codes", "The camera was not allowed."), ("Sound", "The microphone was not allowed.")],
)
def test_what_was_not_allowed_is_named(
    new_kiosk: Callable[..., Kiosk], carrier: str, sentence: str
) -> None:
    kiosk = new_kiosk()
    refuse = "async () => { throw new DOMException('', 'NotAllowedError') }"
    kiosk.page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = {refuse} }}")
    kiosk.page.get_by_label(carrier).check()
    kiosk.start()

    kiosk.expect_closed(sentence)


def test_an_amount_that_is_none_is_asked_for_again(new_kiosk: Callable[..., Kiosk]) -> None:
    kiosk = new_kiosk("checkout")
    field = kiosk.page.get_by_label("Amount")
    for text in ("", "0", "-1", "1.234", "1,000.00", "ten"):
        field.fill(text)
        kiosk.page.get_by_role("button", name=START["checkout"]).click()
        assert field.evaluate("field => field.validationMessage").startswith("Type an amount")
    expect(field).to_be_visible()


def test_whoever_offers_no_service_is_sent_to_where_services_are_made(
    visitor: Visitor, site: Live
) -> None:
    visitor.sign_in_as(site.party("Nora Nothing").person)
    visitor.go("/kiosk")
    visitor.page.get_by_role("link", name="Your services").click()

    expect(visitor.page).to_have_url(f"{site.origin}/offline/services")


NO_KEYS = """crypto.subtle.generateKey = async () => {
  throw new DOMException('', 'NotSupportedError')
}"""
# As where site data are blocked.
NOTHING_KEPT = """for (const name of ['indexedDB', 'localStorage']) {
  const get = () => { throw new DOMException('', 'SecurityError') }
  Object.defineProperty(window, name, { get })
}"""


@pytest.mark.parametrize(
    ("lack", "sentence"),
    [
        (NO_KEYS, "This browser cannot be a kiosk"),
        (NOTHING_KEPT, "This browser keeps nothing for this site"),
    ],
)
def test_a_browser_that_cannot_be_a_kiosk_says_so(
    visitor: Visitor, lack: str, sentence: str
) -> None:
    visitor.context.add_init_script(lack)
    visitor.go("/kiosk")

    expect(visitor.page.get_by_text(sentence)).to_be_visible()
    expect(visitor.page.get_by_role("button", name="Set it up")).to_be_hidden()
