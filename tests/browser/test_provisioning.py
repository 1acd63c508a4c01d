"""A token without a network, on the host's own page: by the keyboard, on a small phone."""

import io
from collections.abc import Callable
from datetime import UTC, datetime

import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from protocol.enrolment import Invitation
from protocol.provisioning import Provision
from tests.browser.browser import Visitor
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.keyboard import press_to, walk_to
from tests.e2e.live import Live
from tokens.client import Client
from tokens.enrolment import Enrolment, provisioned

QR_ONLY = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def test_the_code_is_read_off_a_small_screen_and_never_shown_again(
    new_visitor: Callable[..., Visitor], site: Live
) -> None:
    dora = site.party("Dora Roth")
    pairing = dora.post("/tokens", {"name": "No network", "suite": ""})
    phone = new_visitor(width=360, height=740, other_origins=(site.authserver_origin,))
    phone.tolerate("status of 409")
    page = phone.page
    page.goto(pairing["invitation"])
    expect(page.get_by_role("img", name="QR code with the enrolment link")).to_be_visible()
    walk_to(page, page.locator("summary"), "the way without a network")
    page.keyboard.press("Enter")
    assert_fits(page)
    assert_accessible(page)

    press_to(page, "Show the code once")
    code = page.get_by_role("img", name="QR code with the secret of the token")
    expect(code).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    # As the screen shows it, and not only as it was drawn.
    [seen] = zxingcpp.read_barcodes(Image.open(io.BytesIO(code.screenshot())), formats=QR_ONLY)
    token, digits = provisioned(Provision.from_link(seen.text), datetime.now(UTC))
    expect(page.locator("#digits")).to_have_text(f"{digits[:4]} {digits[4:]}")
    assert "#" not in page.url

    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("shown only once")
    expect(code).to_have_count(0)

    # From here on all goes as with a network.
    dora.tokens[token.serial] = token
    step = dora.post(f"/tokens/{token.serial}/activate", {"digits": digits})
    assert dora.answer(step).body["accepted"] is True


def test_the_page_looks_again_where_an_answer_breaks_off(
    new_visitor: Callable[..., Visitor], site: Live
) -> None:
    pairing = site.party("Bea Broken").post("/tokens", {"name": "Phone", "suite": ""})
    page = new_visitor(other_origins=(site.authserver_origin,)).page
    page.goto(pairing["invitation"])
    expect(page.get_by_role("img", name="QR code with the enrolment link")).to_be_visible()
    page.evaluate(
        """() => {
          const ask = fetch
          window.fetch = async () => {
            window.fetch = ask
            return { text: async () => { throw new TypeError('it broke off') } }
          }
        }"""
    )
    page.wait_for_function("() => !String(fetch).includes('broke off')")
    enrolment = Enrolment.begin(Invitation.from_link(pairing["invitation"]), datetime.now(UTC))
    enrolment.finish(Client().enrol(enrolment), datetime.now(UTC))
    expect(page.locator("#digits")).to_be_visible()


def test_a_phone_that_reads_the_code_keeps_nothing_of_it(
    new_visitor: Callable[..., Visitor], site: Live
) -> None:
    phone = new_visitor(width=360, height=740, other_origins=(site.authserver_origin,))
    phone.page.goto(f"{site.authserver_origin}/p#0123456789")
    expect(phone.page.get_by_role("alert")).to_contain_text("for a token")
    assert phone.page.url == f"{site.authserver_origin}/p"
    assert_fits(phone.page)
