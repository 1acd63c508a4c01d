"""The phone's page: set up once, it works without a network, by what the platform signed alone."""

import base64
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, Response, expect

from countersign.stage import PAYMENT_PASSWORD, fill_wallet
from protocol import cbor
from protocol.near_field import Asks, Kind, Offer, pack
from protocol.offline import Application, Money, OneWayCode, Outcome, Result
from terminal.errors import TerminalError
from terminal.links.frames import Splitter
from terminal.links.qr import FRAMES_A_CODE, text_of
from terminal.offline.relay import Relay
from terminal.offline.talking import HeardRefusal, Talk
from tests.browser.browser import Visitor, Window
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.conftest import VISITORS
from tests.browser.near import CodeLink, Near
from tests.e2e.live import Live
from tests.e2e.offline import PASSWORD, PRICE, Place, Tap, put_up, said
from tests.e2e.party import Party

NewVisitor = Callable[..., Visitor]
# What a device says in place of what it should, by kind.
Lies = dict[str, Callable[[Any], Any]]
MUCH = Money(2_600, "EUR")


def agree(page: Page) -> None:
    page.get_by_role("button", name="Confirm").click()


@dataclass
class Holding:
    """Whoever holds the phone, once they are asked."""

    act: Callable[[Page], None] = agree
    password: str | None = None
    shown: list[str] = field(default_factory=list)

    def __call__(self, page: Page) -> None:
        self.shown.append(page.locator("#confirm").inner_text())
        if self.password:
            page.get_by_role("textbox", name="Offline password").fill(self.password)
        self.act(page)


class PhoneLink(CodeLink):
    """The device's end of a link, whose other end is the phone's page, in somebody's hands."""

    def __init__(self, near: Near, person: Holding) -> None:
        super().__init__(near)
        self._page, self._person = near.page, person

    def _send_frames(self, frames: list[bytes]) -> None:
        # What is too long for one code is shown in several, each for a while.
        for start in range(0, len(frames), FRAMES_A_CODE):
            super()._send_frames(frames[start : start + FRAMES_A_CODE])
            self._page.wait_for_timeout(1000 if len(frames) > FRAMES_A_CODE else 0)

    def _receive_frames(self, timeout: float) -> Iterator[bytes]:
        # A moment at a time, since the person and the page live in this very thread.
        if self._page.locator("#confirm").is_visible():
            # What is shown meanwhile is for a token.
            self._shown.clear()
            self._person(self._page)
        return super()._receive_frames(min(timeout, 0.2))


@dataclass
class Phone:
    """The page on a phone that was set up, and is without a network from then on."""

    near: Near
    place: Place

    @property
    def page(self) -> Page:
        return self.near.page

    @property
    def visitor(self) -> Visitor:
        return self.near.visitor

    @property
    def client_id(self) -> str:
        return self.page.locator("#client-id").text_content() or ""

    def begin(self) -> None:
        """Start anew, by QR codes."""
        self.page.get_by_role("button", name="Begin").click()

    def meet(
        self,
        person: Holding,
        serve: Callable[[Relay], Any],
        *,
        at: str = "checkout",
        lies: Lies | None = None,
    ) -> Any:
        """Stand before a device; return what it ended with."""
        self.begin()
        tap = Tap(PhoneLink(self.near, person), **(lies or {}))
        relay = getattr(self.place, at)(tap)
        relay.talk = Talk(tap, patience=60)
        try:
            return serve(relay)
        except TerminalError as error:
            return error

    def pay(self, person: Holding, money: Money = PRICE, lies: Lies | None = None) -> Any:
        return self.meet(person, lambda relay: relay.serve(Asks.PAYMENT, money), lies=lies)

    def expect_end(self, heading: str, words: str = "") -> None:
        expect(self.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        expect(self.page.locator("#outcome")).to_contain_text(words)

    def done(self) -> None:
        self.page.get_by_role("button", name="Done").click()

    def go_online(self) -> None:
        self.visitor.context.set_offline(False)
        button = self.page.get_by_role("button", name="Bring up to date")
        with self.page.expect_response(_is_synced):
            button.click()
        # It has what it asked for, and the network may go.
        expect(button).to_be_enabled()


def texts_in(canvas: str) -> list[str]:
    """Return the texts of a drawing that has one pixel for each module."""
    picture = base64.b64decode(canvas.partition(",")[2])
    with Image.open(io.BytesIO(picture)) as drawn:
        large = drawn.resize((8 * drawn.width, 8 * drawn.height), Image.Resampling.NEAREST)
    return [code.text for code in zxingcpp.read_barcodes(large)]


def set_up(near: Near, party: Party, password: str = PASSWORD) -> None:
    """Make a browser somebody's phone."""
    visitor, page = near.visitor, near.page
    visitor.sign_in_as(party.person)
    visitor.go("/offline")
    page.get_by_role("link", name="Set up this phone").click()
    page.get_by_label("Payment password").fill(PAYMENT_PASSWORD)
    page.get_by_label("New offline password").fill(password)
    page.get_by_label("The offline password once more").fill(password)
    with page.expect_response(_is_synced):
        page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("button", name="Begin")).to_be_visible()
    # It has what it asked for, and the network may go.
    expect(page.get_by_role("button", name="Bring up to date")).to_be_enabled()


def _is_synced(response: Response) -> bool:
    return response.url.endswith("/offline/reconcile")


@pytest.fixture(scope="module")
def place(site: Live) -> Place:
    """A checkout, a gate, and somebody with money."""
    owner, holder = site.party("Dana Doors"), site.party("Olga Offline")
    fill_wallet(holder.person, 50_000)
    fill_wallet(owner.person, 100)
    gate = put_up(site, owner, "Dana's garden", "gate", "")
    till = put_up(site, owner, "Dana's corner shop", "checkout", "EUR")
    return Place(site, owner, holder, gate, till)


@pytest.fixture(scope="module")
def own_phone(place: Place, browser: Browser) -> Iterator[Phone]:
    """Theirs: setting one up takes long."""
    visitor = Visitor(browser, place.live.origin, Window(width=360, height=740))
    phone = Phone(Near(visitor), place)
    set_up(phone.near, place.holder)
    phone.page.evaluate("() => navigator.serviceWorker.ready.then(() => {})")
    yield phone
    visitor.close()


@pytest.fixture
def phone(own_phone: Phone, request: pytest.FixtureRequest) -> Iterator[Phone]:
    """The same, where there is no network: what it shows comes from what it keeps."""
    request.node.stash.setdefault(VISITORS, []).append(own_phone.visitor)
    own_phone.visitor.context.set_offline(True)
    own_phone.visitor.forget_troubles()
    own_phone.page.reload()
    expect(own_phone.page.get_by_text("No network")).to_be_visible()
    expect(own_phone.page.get_by_role("button", name="Begin")).to_be_visible()
    yield own_phone
    own_phone.visitor.check()


def test_it_opens_a_gate_and_pays_at_both_levels_without_a_network(phone: Phone) -> None:
    person = Holding()
    opened = phone.meet(person, lambda relay: relay.serve(Asks.RIGHT), at="door")
    assert opened.is_approved
    assert opened.money is None
    assert "Nothing is paid." in person.shown[0]
    phone.expect_end("Approved", "Dana's garden")
    phone.done()

    # What the device calls it is no more than its word; what was signed is shown.
    flattery = {"offer": lambda parts: [parts[0], "A free gift", *parts[2:]]}
    paid = phone.pay(person, lies=flattery)
    assert paid.money == PRICE
    assert all(part in person.shown[1] for part in ("4.50\u00a0EUR", "Dana Doors"))
    phone.expect_end("Approved", "4.50\u00a0EUR")
    expect(phone.page.locator("#approved-what")).to_have_text("Dana's corner shop")
    assert_fits(phone.page)
    assert_accessible(phone.page)
    phone.done()

    high = phone.pay(Holding(password=PASSWORD), MUCH)
    assert high.money == MUCH
    phone.done()
    expect(phone.page.locator("#journal li").first).to_contain_text("26.00\u00a0EUR")

    phone.go_online()
    expect(phone.page.locator("#synced")).to_contain_text("Last on-line")
    (mine,) = (
        client
        for client in phone.place.holder.get("/offline/clients")
        if client["id"] == phone.client_id
    )
    assert mine["state"] == "active", "its journal knows all that was approved"


def test_who_always_wants_the_offline_password_is_asked_for_it(phone: Phone) -> None:
    phone.page.get_by_text("More choices").click()
    always = phone.page.get_by_label("Ask for my offline password every time")
    always.check()
    refused = phone.pay(Holding(password="seven tall spruces"))
    assert refused.code == "countersign_invalid"
    phone.expect_end("Not approved")
    phone.done()
    always.uncheck()
    # After a wrong one it is always asked for, until it is right.
    assert phone.pay(Holding(password=PASSWORD)).is_approved


def test_declining_signs_nothing_and_tells_the_device(phone: Phone) -> None:
    def decline(page: Page) -> None:
        assert_fits(page)
        assert_accessible(page)
        page.get_by_role("button", name="Decline").click()

    refused = phone.pay(Holding(decline))
    assert isinstance(refused, HeardRefusal)
    assert refused.code == "declined"
    phone.expect_end("Not approved", "You declined. Nothing was signed.")
    expect(phone.page.locator("#last-code canvas")).to_be_visible()


class _StoppedError(Exception):
    """Whoever holds the phone is done with the device."""


def test_stopping_while_the_countersign_is_said_does_not_look_as_if_nothing_was_signed(
    phone: Phone,
) -> None:
    def stop(page: Page) -> None:
        # As when saying it takes half a minute.
        page.evaluate("() => { SubtleCrypto.prototype.sign = () => new Promise(() => {}) }")
        agree(page)
        expect(page.get_by_text("Hold this code before the camera")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        raise _StoppedError

    with pytest.raises(_StoppedError):
        phone.pay(Holding(stop))
    phone.expect_end("You confirmed; the result did not come")


def test_a_step_that_a_device_does_not_take_is_said_so_and_asked_for_once(phone: Phone) -> None:
    phone.page.get_by_text("More choices").click()
    field = phone.page.get_by_label("Number of the step to be signed")
    field.fill("0123 4567 89AB CDEF")
    refused = phone.pay(Holding())
    assert refused.code == "service_denied"
    phone.expect_end("Not approved", "A step is not signed at this device")
    phone.done()
    expect(field).to_have_value("")


def _damaged(parts: list[Any]) -> list[Any]:
    return [parts[0][:-1] + bytes([parts[0][-1] ^ 1]), parts[1]]


@pytest.mark.parametrize(
    "lies",
    [
        {"to_be_signed": _damaged},
        {"to_be_signed": lambda parts: [parts[0], b"a bundle that nobody asked for"]},
    ],
    ids=["changed", "with a bundle"],
)
def test_what_the_platform_did_not_sign_is_never_asked_about(lies: Lies, phone: Phone) -> None:
    person = Holding()
    refused = phone.pay(person, lies=lies)
    assert refused.code == "tbs_mismatch"
    assert person.shown == []
    phone.expect_end("Not approved", "something else than you asked for")


def test_another_amount_than_the_one_asked_for_is_never_asked_about(phone: Phone) -> None:
    person = Holding()
    first = phone.pay(person)
    assert first.is_approved
    phone.done()
    # A tbs of an earlier application, sound as it is.
    old = phone.place.stored(first.serial)["tbs"]
    refused = phone.pay(person, lies={"to_be_signed": lambda parts: [old, None]})
    assert refused.code == "tbs_mismatch"
    assert len(person.shown) == 1


def test_a_result_that_the_platform_did_not_sign_is_not_believed(phone: Phone) -> None:
    def forged(parts: list[Any]) -> list[Any]:
        real = said(Result, parts[0])
        key = phone.place.till.keys().signing
        return [replace(real, outcome=Outcome.APPROVED, code="approved").sign(key)]

    assert phone.pay(Holding(), lies={"result": forged}).is_approved
    phone.expect_end("You confirmed; the result did not come")
    phone.done()
    expect(phone.page.locator("#journal li").first).to_contain_text("the result did not come")
    # On-line it learns how it ended.
    phone.go_online()
    expect(phone.page.locator("#journal li").first).to_contain_text("Approved")


def test_a_one_way_code_is_shown_for_a_minute_and_drawn_once(phone: Phone) -> None:
    holder, page = phone.place.holder, phone.page
    client = phone.client_id
    limit = {"amount": 500, "currency": "EUR", "payment_password": PAYMENT_PASSWORD}
    holder.call("PUT", f"/offline/clients/{client}/codes", limit)
    phone.go_online()
    expect(page.get_by_label("At most")).to_be_visible()
    phone.visitor.context.set_offline(True)

    link = CodeLink(phone.near)
    page.get_by_label("At most").fill("5.01")
    page.get_by_role("button", name="Show the code").click()
    expect(page.locator("#facing")).to_be_hidden()
    page.get_by_label("At most").fill("5")
    page.get_by_role("button", name="Show the code").click()
    expect(page.locator("#code-until")).to_contain_text("s")
    assert_fits(page)

    kind, code = cbor.decode(link.recv())
    assert kind == Kind.CODE
    assert said(OneWayCode, code).most == Money(500, "EUR")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#journal li").first).to_contain_text("5.00\u00a0EUR")


def test_a_phones_camera_app_leads_right_into_the_exchange(phone: Phone) -> None:
    offer = Offer(b"\x05" * 8, "Dana's corner shop", Asks.PAYMENT, PRICE)
    text = text_of(Splitter().split(pack(Kind.OFFER, *offer.parts())))
    link = CodeLink(phone.near)
    phone.page.goto(f"/o#{text.partition('#')[2]}")

    kind, application = cbor.decode(link.recv())
    assert kind == Kind.APPLICATION
    assert said(Application, application).money == PRICE
    assert phone.page.url.endswith("/offline")
    phone.page.get_by_role("button", name="Stop").click()
    expect(phone.page.locator("#journal li").first).to_contain_text("Not confirmed")


def test_a_step_is_signed_by_the_answer_of_the_holders_token(
    site: Live, place: Place, new_visitor: NewVisitor
) -> None:
    signer = site.party("Sina Signs")
    fill_wallet(signer.person, 100)
    near = Near(new_visitor(width=360, height=740))
    set_up(near, signer)
    desk = put_up(site, place.owner, "Dana's desk", "approval", "")
    phone, step = Phone(near, replace(place, gate=desk)), signer.open()
    near.page.get_by_text("More choices").click()
    grouped = " ".join(re.findall("....", step["id"][:16].upper()))
    near.page.get_by_label("Number of the step to be signed").fill(grouped)

    def answer(page: Page) -> None:
        code = page.locator("#bundle canvas").evaluate("canvas => canvas.toDataURL()")
        (text,) = texts_in(code)
        token, now = signer.tokens[step["token"]], datetime.now(UTC)
        response = token.respond(token.read(text, now), now)
        field = page.get_by_label("What the token shows")
        field.fill("\u4e00\u4e8c")
        agree(page)
        expect(field).to_be_visible()
        # However a keyboard writes its digits.
        field.fill(response.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}))
        agree(page)

    person = Holding(answer, password=PASSWORD)
    signed = phone.meet(person, lambda relay: relay.serve(Asks.STEP), at="door")
    assert signed.is_approved
    assert signer.state(step) == "signed"
    phone.expect_end("Approved", "Dana's desk")
    phone.done()
    expect(near.page.locator("#step")).to_have_value("")


def test_it_makes_sounds_without_a_network(phone: Phone) -> None:
    samples = phone.page.evaluate("""async () => {
      const { Codec } = await import('/static/offline/codec.js');
      const codec = new Codec(48000, () => {}, () => {});
      const samples = await codec.encode(new Uint8Array(20));
      codec.close();
      return samples.length;
    }""")
    assert samples > 10_000


def test_two_windows_never_use_one_counter(phone: Phone) -> None:
    draw = """async () => {
      const store = await import('/static/offline/store.js');
      const counted = [];
      for (let each = 0; each < 20; each += 1) {
        counted.push(store.change('client', (kept) => ({ ...kept, counter: kept.counter + 1 })));
      }
      return (await Promise.all(counted)).map(({ counter }) => counter);
    }"""
    other = phone.visitor.context.new_page()
    other.goto("/offline")
    both = [window.evaluate(draw) for window in (phone.page, other)]
    assert len({counter for drawn in both for counter in drawn}) == 40


def test_the_counter_of_a_copy_is_told_on_and_not_taken_over(phone: Phone) -> None:
    phone.visitor.context.set_offline(False)
    seen = phone.page.evaluate("""async () => {
      const { Client } = await import('/static/offline/client.js');
      const store = await import('/static/offline/store.js');
      const client = await Client.open();
      const kept = await store.read('client');
      const introduced = await client.device.call('GET', '/offline/client');
      const told = [];
      let state = 'suspended';
      // Somebody else paid, and listed it, with a copy of the key.
      client.device.call = async (method, path, body) => {
        if (path !== '/offline/reconcile') return { ...introduced, state, counter: 4_000_000 };
        told.push(body.counter);
        return { state, entries: [] };
      };
      const counted = [];
      await client.setPassword('payment', 'password');
      for (state of ['suspended', 'active', 'active']) {
        await client.sync();
        counted.push(client.registration.counter);
      }
      await store.write('client', kept);
      return { drawn: kept.counter, told, counted };
    }""")
    drawn, after = seen["drawn"], 4_000_000
    # It goes on behind the other once an operator has looked at it.
    assert seen["told"] == [drawn, drawn, after]
    assert seen["counted"] == [drawn, after, after]


def test_nothing_is_compared_with_the_platform_while_an_exchange_is_under_way(
    phone: Phone,
) -> None:
    phone.begin()
    expect(phone.page.get_by_text("Point the camera at the code")).to_be_visible()
    phone.visitor.context.set_offline(False)
    other = phone.visitor.context.new_page()
    asked: list[str] = []
    other.on("request", lambda request: asked.append(request.url))
    with other.expect_response("**/offline/client"):
        other.goto("/offline")
    with other.expect_response("**/offline/client"):
        other.get_by_role("button", name="Bring up to date").click()
    expect(other.get_by_role("button", name="Bring up to date")).to_be_enabled()
    assert not any("/offline/reconcile" in url for url in asked)

    phone.page.get_by_role("button", name="Stop").click()
    with other.expect_response(_is_synced) as synced:
        other.get_by_role("button", name="Bring up to date").click()
    drawn = other.evaluate("""async () => {
      const { read } = await import('/static/offline/store.js');
      return (await read('client')).counter;
    }""")
    told: Any = synced.value.request.post_data_json
    assert told["counter"] == drawn, "a higher one is a copy's"
    other.close()


def test_a_network_that_leads_nowhere_keeps_nobody_from_beginning(phone: Phone) -> None:
    phone.visitor.context.set_offline(False)
    other = phone.visitor.context.new_page()
    other.add_init_script("""
      const { fetch } = window;
      window.fetch = (url, options) => {
        if (!String(url).includes('/api/')) return fetch(url, options);
        window.isAsked = true;
        return new Promise(() => {});
      };
    """)
    other.goto("/offline")
    other.wait_for_function("() => window.isAsked")
    held = other.evaluate("() => navigator.locks.query().then(({ held }) => held.length)")
    assert held == 0
    other.close()


def test_a_page_that_comes_back_as_it_was_left_begins_anew(phone: Phone) -> None:
    phone.begin()
    expect(phone.page.get_by_role("button", name="Stop")).to_be_visible()
    for event in ("pagehide", "pageshow"):
        phone.page.evaluate(
            "name => dispatchEvent(new PageTransitionEvent(name, { persisted: true }))", event
        )
    expect(phone.page.get_by_role("button", name="Begin")).to_be_visible()


def test_the_screen_stays_on_while_something_is_under_way(phone: Phone) -> None:
    page = phone.page
    page.evaluate("""() => {
      window.locks = [];
      navigator.wakeLock.request = async () => {
        const lock = { isHeld: true, async release() { this.isHeld = false } };
        locks.push(lock);
        return lock;
      };
    }""")
    held = "() => locks.map(({ isHeld }) => isHeld)"
    phone.begin()
    page.wait_for_function("() => locks.length")
    # In the background browsers take it away.
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_function("() => locks.length === 2")
    assert page.evaluate(held) == [True, True]
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Begin")).to_be_visible()
    assert page.evaluate(held) == [False, False]
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    assert page.evaluate(held) == [False, False]


def test_the_key_cannot_be_taken_out(phone: Phone) -> None:
    taken = phone.page.evaluate("""async () => {
      const { read } = await import('/static/offline/store.js');
      const { pair } = await read('device.phone');
      return crypto.subtle.exportKey('pkcs8', pair.privateKey).then(() => 'taken', (e) => e.name);
    }""")
    assert taken == "InvalidAccessError"
    kept = phone.page.evaluate("""async () => {
      const { read } = await import('/static/offline/store.js');
      return JSON.stringify([await read('client'), await read('device.phone')]);
    }""")
    assert PASSWORD not in kept


def test_a_phone_is_set_up_by_who_is_signed_in_and_has_a_payment_password(
    site: Live, new_visitor: NewVisitor
) -> None:
    visitor = new_visitor()
    visitor.go("/offline")
    visitor.page.get_by_role("link", name="Set up this phone").click()
    expect(visitor.page).to_have_url(f"{site.origin}/accounts/login/?next=/offline/set-up")

    visitor.sign_in_as(site.party("Nora New").person)
    visitor.go("/offline/set-up")
    expect(visitor.page.get_by_role("link", name="Set a payment password")).to_be_visible()

    # Some browsers keep nothing, as their owners want it.
    blocked = visitor.context.new_page()
    blocked.add_init_script("""
      const refuse = () => { throw new DOMException('blocked', 'SecurityError') };
      IDBFactory.prototype.open = refuse;
      Object.defineProperty(window, 'localStorage', { get: refuse });
    """)
    blocked.goto("/offline")
    expect(blocked.get_by_text("This browser keeps nothing for this site")).to_be_visible()


def test_a_phone_is_set_up_by_the_payment_password_and_anew_once_removed(
    place: Place, new_visitor: NewVisitor
) -> None:
    near = Near(new_visitor())
    near.visitor.tolerate("Failed to load resource")
    near.visitor.sign_in_as(place.holder.person)
    page = near.page
    near.visitor.go("/offline/set-up")
    # As earlier versions did, which held up the whole site.
    page.evaluate("() => navigator.serviceWorker.register('/sw.js').then(() => {})")
    page.get_by_label("Payment password").fill("not-this-one")
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("alert")).to_be_visible()

    # Nobody tries a payment password at somebody else's account.
    near.visitor.sign_in_as(place.owner.person)
    page.reload()
    expect(page.locator("#other-account")).to_have_text(place.holder.account)
    expect(page.get_by_label("Payment password")).to_be_hidden()
    assert_fits(page)
    assert_accessible(page)
    near.visitor.sign_in_as(place.holder.person)
    page.reload()
    page.evaluate(
        "() => { navigator.storage.persist = async () => { sessionStorage.is = 'kept' } }"
    )

    # What was begun is gone on with.
    page.get_by_label("Payment password").fill(PAYMENT_PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_text("For larger ones set an offline password.")).to_be_visible()

    # A key that was removed is of no use any more; another one is made.
    client = page.locator("#client-id").text_content()
    assert page.evaluate("() => sessionStorage.is") == "kept", "the browser was asked to keep it"
    expect(page.get_by_text("This page is kept on this phone")).to_be_visible()
    scopes = (
        "() => navigator.serviceWorker.getRegistrations().then((all) => all.map((a) => a.scope))"
    )
    assert page.evaluate(scopes) == [f"{place.live.origin}/o"], "other pages hold no update up"
    page.add_init_script("navigator.serviceWorker.register = () => Promise.reject(new Error())")
    place.holder.call("POST", f"/offline/clients/{client}/remove")
    page.reload()
    expect(page.get_by_text("This page is not kept on this phone")).to_be_visible()
    page.get_by_role("link", name="Set it up anew").click()
    page.get_by_label("Payment password").fill(PAYMENT_PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_text("For larger ones set an offline password.")).to_be_visible()
    expect(page.locator("#client-id")).not_to_have_text(client or "")

    near.visitor.sign_in_as(place.owner.person)
    near.visitor.go("/offline/set-up")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_label("Payment password")).to_be_visible()


def test_the_page_works_by_keyboard_and_fits_in_the_dark(phone: Phone) -> None:
    phone.page.emulate_media(color_scheme="dark")
    assert_fits(phone.page)
    assert_accessible(phone.page)
    phone.page.get_by_role("button", name="Begin").focus()
    phone.page.keyboard.press("Enter")
    expect(phone.page.get_by_role("button", name="Stop")).to_be_visible()
    phone.page.get_by_role("button", name="Stop").focus()
    phone.page.keyboard.press("Enter")
    expect(phone.page.get_by_role("button", name="Begin")).to_be_visible()
