"""The page of a phone without a network, in somebody's hands."""

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, Response, expect

from countersign.stage import PAYMENT_PASSWORD, fill_wallet
from protocol.near_field import Asks
from protocol.offline import Money
from terminal.errors import TerminalError
from terminal.links.qr import FRAMES_A_CODE
from terminal.offline.relay import Relay
from terminal.offline.talking import Talk
from tests.browser.browser import Visitor, Window
from tests.browser.conftest import VISITORS
from tests.browser.near import CodeLink, Near
from tests.e2e.live import Live
from tests.e2e.offline import PASSWORD, PRICE, Place, Tap, put_up
from tests.e2e.party import Party

NewVisitor = Callable[..., Visitor]
# What a device says in place of what it should, by kind.
Lies = dict[str, Callable[[Any], Any]]
MUCH = Money(2_600, "EUR")
ROUNDS = 5


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
        parts = [frames[at : at + FRAMES_A_CODE] for at in range(0, len(frames), FRAMES_A_CODE)]
        if len(parts) == 1:
            super()._send_frames(frames)
            return
        # A camera that is slow may have missed one: in turn, until all were seen.
        for part in ROUNDS * parts:
            super()._send_frames(part)
            self._page.wait_for_timeout(1000)
            if self._page.locator("#confirm, #outcome").filter(visible=True).count():
                return

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
        with self.page.expect_response(is_synced):
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
    with page.expect_response(is_synced):
        page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("button", name="Begin")).to_be_visible()
    # It has what it asked for, and the network may go.
    expect(page.get_by_role("button", name="Bring up to date")).to_be_enabled()


def is_synced(response: Response) -> bool:
    """Tell whether the phone has compared itself with the platform."""
    return response.url.endswith("/offline/reconcile")


@pytest.fixture(scope="module")
def place(site: Live) -> Place:
    """A checkout, a gate, and somebody with money; others for each module."""
    owner, holder = (
        Party.sign_up(site.origin, site.folder / "mail", name)
        for name in ("Dana Doors", "Olga Offline")
    )
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
