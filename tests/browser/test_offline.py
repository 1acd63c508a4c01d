"""The kiosk page: phones without a network ask through it, by QR codes and by sound."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from countersign.stage import PAYMENT_PASSWORD, fill_wallet
from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64, to_base64
from protocol.near_field import Kind, Offer
from protocol.offline import Level, Money, Result
from terminal.errors import TerminalError
from terminal.offline.registering import Registrar
from terminal.offline.talking import HeardRefusal, Talk
from tests.browser.browser import Visitor, Window
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.near import CodeLink, Near, SoundLink, bring_together
from tests.browser.test_offline_phone import set_up
from tests.e2e.live import Live
from tests.e2e.offline import PASSWORD, Anybody, ByHand, Phone, said
from tests.e2e.party import Party

NewVisitor = Callable[..., Visitor]
START = {"gate": "Let the next one in", "checkout": "Ask for this amount"}
PRICE = Money(450, "EUR")
MUCH = Money(2_600, "EUR")
LITTLE = Money(20, "EUR")
# A room with people in it, as a share of full scale.
NOISE = 0.05


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
    """Somebody with money."""
    party = site.party("Anna Offline")
    fill_wallet(party.person, 20_000)
    return party


@pytest.fixture(scope="module")
def phone(site: Live, holder: Party) -> Phone:
    """Their phone, with an offline password."""
    phone = Phone.of(site, holder, "phone")
    phone.set_password()
    return phone


# --- By QR codes


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


# --- Two pages, the phone's without a network


@pytest.fixture(scope="module")
def phone_page(site: Live, holder: Party, browser: Browser) -> Iterator[Near]:
    """The page of a phone that was set up, and has no network from then on."""
    visitor = Visitor(browser, site.origin, Window(width=360, height=740))
    near = Near(visitor, noise=NOISE)
    set_up(near, holder)
    near.page.evaluate("() => navigator.serviceWorker.ready.then(() => {})")
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

    wait_talking(page.get_by_role("heading", name="Approved"), page, kiosk.page)
    kiosk.expect_approved()
    page.get_by_role("button", name="Done").click()


def wait_talking(wanted: Locator, *pages: Page) -> None:
    """Wait for what a talk leads to; what was lost in the noise is said again, as people do."""
    for page in pages:
        with suppress(AssertionError):
            expect(wanted).to_be_visible(timeout=20_000)
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


# --- What does not open


def _of_another_signer(real: bytes, _: bytes) -> bytes:
    result: Result = said(Result, real)
    return result.sign(SigningKey.generate())


def _changed(real: bytes, _: bytes) -> bytes:
    return real[:-1] + bytes([real[-1] ^ 1])


def _of_an_earlier_time(_: bytes, earlier: bytes) -> bytes:
    return earlier


def _unsigned(_: bytes, __: bytes) -> bytes:
    return b"approved"


def test_a_result_that_is_not_the_platforms_word_about_this_opens_nothing(
    new_kiosk: Callable[..., Kiosk], phone: Phone
) -> None:
    kiosk = new_kiosk()
    results: list[bytes] = []
    lies = iter(
        [lambda real, _: real, _of_another_signer, _changed, _of_an_earlier_time, _unsigned]
    )

    def answer(route: Route) -> None:
        body = route.fetch().json()
        results.append(from_base64(body["result"]))
        body["result"] = to_base64(next(lies)(results[-1], results[0]))
        route.fulfill(status=200, json=body)

    def ask() -> None:
        link = CodeLink(kiosk.near)
        kiosk.start()
        phone.client(link).authorize(Anybody())

    def forget_keys(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"certificates": {}})

    kiosk.page.route("**/offline/countersign", answer)
    # As if the platform had signed with other keys when this device began to wait.
    kiosk.page.route("**/offline/relay", forget_keys, times=1)
    ask()
    kiosk.expect_approved()
    for _ in range(4):
        kiosk.next()
        with pytest.raises(TerminalError):
            ask()
        kiosk.expect_unknown("not the platform's word about this")
    assert not list(lies)


def test_what_may_have_been_paid_is_asked_for_again_or_called_unknown(
    new_kiosk: Callable[..., Kiosk], phone: Phone, holder: Party
) -> None:
    kiosk = new_kiosk("checkout")
    kiosk.near.visitor.tolerate("offline/countersign")
    asked: list[str] = []
    answers: deque[Callable[[Route], None]] = deque(
        [_lost, _unfinished, Route.continue_, _lost, _refused, _lost, _lost, _lost]
    )

    def answer(route: Route) -> None:
        asked.append(route.request.headers["idempotency-key"])
        answers.popleft()(route)

    def pay() -> None:
        link = CodeLink(kiosk.near)
        kiosk.start(LITTLE)
        phone.client(link).authorize(Anybody())

    def balance() -> int:
        return int(holder.get("/wallet")["balances"][0]["wallet"])

    kiosk.page.route("**/offline/countersign", answer)
    before = balance()
    pay()
    kiosk.expect_approved()
    assert len(asked) == 3
    assert len(set(asked)) == 1
    for _ in range(2):
        kiosk.next()
        with pytest.raises(TerminalError):
            pay()
        kiosk.expect_unknown("The platform gave no answer.")
    kiosk.look()
    assert not answers
    assert before - balance() == 3 * LITTLE.amount


def _lost(route: Route) -> None:
    route.fetch()
    route.abort()


def _unfinished(route: Route) -> None:
    route.fulfill(status=409, json={"code": "idempotency_in_progress", "status": 409})


def _refused(route: Route) -> None:
    route.fulfill(status=429, json={"code": "rate_limited", "status": 429})


def test_without_the_platform_nothing_opens_and_the_phone_is_told(
    new_kiosk: Callable[..., Kiosk], phone: Phone
) -> None:
    kiosk = new_kiosk()
    kiosk.near.visitor.tolerate("offline/apply")
    kiosk.page.route("**/offline/apply", lambda route: route.abort())
    link = CodeLink(kiosk.near)
    kiosk.start()
    with pytest.raises(HeardRefusal) as told:
        phone.client(link).authorize(Anybody())

    assert told.value.code == "server_unavailable"
    kiosk.expect_closed("The platform cannot be reached.")

    # A clock that is wrong is no reason for another key.
    kiosk.page.clock.set_system_time(datetime.now(UTC) + timedelta(minutes=-10))
    kiosk.page.reload()
    expect(kiosk.page.locator("#trouble")).to_contain_text("The clock of this device is wrong.")
    expect(kiosk.page.get_by_role("button", name="Try again")).to_be_visible()
    expect(kiosk.page.locator("#setup")).to_be_hidden()


def test_a_device_that_was_taken_away_serves_nobody_until_it_is_set_up_again(
    new_kiosk: Callable[..., Kiosk], site: Live
) -> None:
    kiosk = new_kiosk()
    set_up_anew = kiosk.page.get_by_role("heading", name="Set this device up as a kiosk")
    device = kiosk.owner.get(f"/offline/services/{kiosk.service}/relays")[0]["device"]
    kiosk.owner.call("POST", f"/offline/relays/{device}/end")
    kiosk.start()
    expect(set_up_anew).to_be_visible()

    kiosk.near.visitor.sign_in_as(kiosk.owner.person)
    kiosk.page.reload()
    kiosk.page.get_by_role("button", name="Set it up").click()
    expect(kiosk.page.get_by_role("heading", name="Dana's garden")).to_be_visible()
    relays = kiosk.owner.get(f"/offline/services/{kiosk.service}/relays")
    assert [relay["device"] for relay in relays] == [device]

    # Handed on to somebody else it gets another key.
    kiosk.owner.call("POST", f"/offline/relays/{device}/end")
    other = site.party("Nadia Next")
    wanted = {"title": "Nadia's shed", "kind": "gate", "currency": ""}
    service = other.post("/offline/services", wanted)["id"]
    kiosk.near.visitor.sign_in_as(other.person)
    kiosk.page.reload()
    kiosk.page.get_by_role("button", name="Set it up").click()
    expect(kiosk.page.get_by_role("heading", name="Nadia's shed")).to_be_visible()
    (relay,) = other.get(f"/offline/services/{service}/relays")
    assert relay["device"] != device


# --- By sound


@pytest.fixture
def by_sound(new_visitor: NewVisitor) -> Callable[..., SoundLink]:
    """Return what puts a phone beside a kiosk that listens."""

    def link(kiosk: Kiosk, **air: Any) -> SoundLink:
        visitor = new_visitor()
        near = Near(visitor, **air)
        visitor.go("/kiosk")
        bring_together(near, kiosk.near)
        kiosk.page.get_by_label("Sound").check()
        return SoundLink(near.page)

    return link


def test_what_was_not_heard_is_said_again(
    new_kiosk: Callable[..., Kiosk], by_sound: Callable[..., SoundLink]
) -> None:
    kiosk = new_kiosk()
    link = by_sound(kiosk)
    hear, kiosk.near.on_said = kiosk.near.on_said, lambda _rate, _samples: None
    kiosk.start()
    again = kiosk.page.get_by_role("button", name="Say it again")
    expect(kiosk.page.get_by_text("Said: 1 of 1")).to_be_visible()
    kiosk.near.on_said = hear
    again.click()

    assert Offer(*Talk(link).hear(Kind.OFFER)[1]).title == "Dana's garden"


def test_in_real_time_a_full_frame_goes_through_speaker_air_and_microphone(
    new_kiosk: Callable[..., Kiosk], by_sound: Callable[..., SoundLink]
) -> None:
    kiosk = new_kiosk(in_time=True)
    link = by_sound(kiosk, in_time=True)
    SoundLink(kiosk.page)
    kiosk.page.evaluate("() => { window.heard = link.receive() }")
    message = bytes(range(100))
    began = time.monotonic()
    link.send(message)
    heard = kiosk.page.evaluate("heard.then((message) => [...message])")

    assert bytes(heard) == message
    # 111 bytes with their frame: four seconds of sound, if it is not cut short.
    assert time.monotonic() - began > 4


CODEC = """async (sizes) => {
  const { Codec } = await import('/static/offline/codec.js')
  const heard = []
  const codec = new Codec(48000, (frame) => heard.push(frame), () => {})
  const ends = []
  for (const size of sizes) {
    const made = codec.encode(new Uint8Array(size).fill(7))
    ends.push(await made.then(() => 'made', (error) => error.name))
  }
  const sound = await codec.encode(new Uint8Array(111).fill(9))
  const whole = new Float32Array(sound.length + 48000)
  whole.set(sound)
  for (let at = 0; at + 4096 <= whole.length; at += 4096) codec.decode(whole.slice(at, at + 4096))
  for (let tries = 0; !heard.length && tries < 50; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  codec.close()
  ends.push(await codec.encode(new Uint8Array(1)).then(() => 'made', (error) => error.name))
  return [ends, heard.map((frame) => [...frame])]
}"""


def test_sound_recovers_after_frames_that_it_cannot_carry(visitor: Visitor) -> None:
    visitor.go("/kiosk")
    ends, heard = visitor.page.evaluate(CODEC, [141, 0, 141, 141, 500, 140])

    # The last one once it was closed.
    assert ends == ["CodecError"] * 5 + ["made", "CodecError"]
    assert heard == [[9] * 111]


LATE = """async () => {
  const { Air } = await import('/static/offline/air.js')
  let allow
  navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => { allow = resolve })
  const air = new Air()
  const heard = air.listen(() => {}).then(() => 'heard', (error) => error.name)
  air.close()
  const { stream } = new AudioContext().createMediaStreamDestination()
  allow(stream)
  return [await heard, stream.getTracks().map(({ readyState }) => readyState)]
}"""


def test_a_microphone_that_is_allowed_too_late_is_given_back(visitor: Visitor) -> None:
    visitor.go("/kiosk")

    assert visitor.page.evaluate(LATE) == ["AirError", ["ended"]]


def test_what_evaluates_code_reaches_no_network(visitor: Visitor) -> None:
    page = visitor.go("/kiosk").headers
    worker = visitor.page.request.get("/offline/sound-worker.js").headers
    policy = worker["content-security-policy"]

    assert policy == "default-src 'none'; script-src 'self' 'unsafe-eval'"
    assert "'unsafe-eval'" not in page["content-security-policy"]
    assert "microphone=(self)" in page["permissions-policy"]


# --- What can go wrong before


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
