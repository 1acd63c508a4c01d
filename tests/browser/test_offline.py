"""The kiosk page: phones without a network ask through it, by QR codes."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from countersign.stage import PAYMENT_PASSWORD
from protocol.near_field import Kind, Offer
from protocol.offline import Level, Money
from terminal.errors import TerminalError
from terminal.offline.registering import Registrar
from terminal.offline.talking import HeardRefusal, Talk
from tests.browser import offline_kiosk
from tests.browser.near import CodeLink
from tests.browser.offline_kiosk import MUCH, PRICE, START, Kiosk
from tests.e2e.live import Live
from tests.e2e.offline import PASSWORD, Anybody, ByHand, Phone
from tests.e2e.party import Party

new_kiosk, holder, phone = offline_kiosk.new_kiosk, offline_kiosk.holder, offline_kiosk.phone


def test_a_gate_opens_for_who_has_a_right_and_offers_itself_again(
    new_kiosk: Callable[..., Kiosk], phone: Phone
) -> None:
    kiosk = new_kiosk()
    kiosk.page.set_viewport_size({"width": 360, "height": 740})
    kiosk.look()
    kiosk.page.clock.install()
    kiosk.page.evaluate(AWAKE)
    link = CodeLink(kiosk.near)
    kiosk.start()
    expect(kiosk.page.locator("#code canvas")).to_be_visible()
    kiosk.look()
    result = phone.client(link).authorize(Anybody())

    assert result.is_approved
    assert result.money is None
    kiosk.expect_approved()
    kiosk.look()
    # Nobody has to touch it for the next one.
    kiosk.page.clock.fast_forward(20_000)
    expect(kiosk.page.get_by_text("Scan this code with your phone.")).to_be_visible()
    assert phone.client(link).authorize(Anybody()).is_approved
    kiosk.expect_approved()
    locks = kiosk.page.locator("html")
    expect(locks).to_have_attribute("data-locks", "1")
    kiosk.page.evaluate("hide()")
    expect(locks).to_have_attribute("data-locks", "1")
    # As when somebody goes to another page, and back.
    kiosk.page.evaluate(LEFT_AND_BACK)
    expect(kiosk.page.get_by_role("button", name=START["gate"])).to_be_visible()
    expect(locks).to_have_attribute("data-locks", "0")


# How many keep the screen on; a page that was out of sight has lost them.
AWAKE = """() => {
  const held = new Set()
  const tell = () => { document.documentElement.dataset.locks = held.size }
  const request = async () => {
    const lock = { release: async () => { held.delete(lock); tell() } }
    held.add(lock)
    tell()
    return lock
  }
  Object.defineProperty(navigator, 'wakeLock', { value: { request } })
  window.hide = () => {
    held.clear()
    tell()
    document.dispatchEvent(new Event('visibilitychange'))
  }
}"""
LEFT_AND_BACK = """() => {
  dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))
  dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
}"""


def test_a_checkout_takes_a_large_amount_with_the_offline_password(
    new_kiosk: Callable[..., Kiosk], phone: Phone
) -> None:
    kiosk = new_kiosk("checkout")
    link = CodeLink(kiosk.near)
    kiosk.start(MUCH)
    person = Anybody(PASSWORD)
    result = phone.client(link).authorize(person)

    assert result.money == MUCH
    assert [asked.level for asked in person.shown] == [Level.HIGH]
    kiosk.expect_approved()
    expect(kiosk.page.locator("#approved")).to_contain_text("26.00\u00a0EUR")


def test_a_wrong_offline_password_opens_nothing_and_the_phone_is_told(
    new_kiosk: Callable[..., Kiosk], site: Live, holder: Party
) -> None:
    kiosk = new_kiosk()
    # After this one, it will be asked for more.
    phone = Phone.of(site, holder, "mistyped")
    phone.set_password()
    link = CodeLink(kiosk.near)
    kiosk.start()
    with pytest.raises(TerminalError) as refused:
        phone.client(link).authorize(Anybody("nine tall pines"), level=Level.HIGH)

    assert refused.value.code == "countersign_invalid"
    kiosk.expect_closed("The phone did not confirm this, or the offline password was wrong.")


def test_a_one_way_code_pays_and_nothing_is_said_to_the_phone(
    new_kiosk: Callable[..., Kiosk], site: Live, holder: Party
) -> None:
    kiosk = new_kiosk("checkout")
    holds = {"title": "Dana's garden", "is_open": True, "is_high": False, "high_from": None}
    kiosk.owner.call("PUT", f"/offline/services/{kiosk.service}", holds | {"takes_codes": True})
    kiosk.page.reload()
    phone = Phone.of(site, holder, "shows codes")
    client = phone.store.registration().client.hex()
    limit = {"payment_password": PAYMENT_PASSWORD, "amount": 900, "currency": "EUR"}
    holder.call("PUT", f"/offline/clients/{client}/codes", limit)
    Registrar.of(phone.home).refresh()
    link = CodeLink(kiosk.near)
    kiosk.page.get_by_label("Amount").fill("4,50")
    kiosk.page.get_by_role("button", name="Take it by a one-way code").click()
    phone.client(link).show_code(Money(900, "EUR"))

    kiosk.expect_approved()
    expect(kiosk.page.locator("#facing")).to_be_hidden()


def test_an_application_for_another_amount_is_not_passed_on(
    new_kiosk: Callable[..., Kiosk], phone: Phone
) -> None:
    kiosk = new_kiosk("checkout")
    asked: list[str] = []
    kiosk.page.on("request", lambda request: asked.append(request.url))
    link = CodeLink(kiosk.near)
    hand, talk = ByHand(phone, link), Talk(link)
    kiosk.start(PRICE)
    offer = Offer(*talk.hear(Kind.OFFER)[1])
    assert offer.money == PRICE
    talk.say(Kind.APPLICATION, hand.application(replace(offer, money=Money(1, "EUR"))))

    kiosk.expect_closed("something else than was offered")
    with pytest.raises(HeardRefusal) as told:
        talk.hear(Kind.TO_BE_SIGNED)
    assert told.value.code == "offer_mismatch"
    assert not [url for url in asked if url.endswith("/apply")]
