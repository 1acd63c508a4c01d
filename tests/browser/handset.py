"""Somebody's phone with the token app, and what its camera is held in front of."""

import gettext
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from countersign.local import ROOT
from protocol import qrtext
from protocol.bundle import Bundle
from protocol.qrtext import Link
from protocol.statement import Statement
from tests.browser.browser import Visitor, Window
from tests.browser.camera import CAMERA_MS, film
from tests.browser.conftest import VISITORS
from tests.e2e.live import Live
from tests.e2e.party import Party
from tests.tokens import app_vectors
from tokens.display import UNLIMITED, lay_out

PIN = "470293"
VECTORS = json.loads((app_vectors.FOLDER / "token_app.json").read_text("utf-8"))
# Puts a token of the vectors into the page's own store, at little cost, as an enrolment does.
_KEEP = """async ({ fields, pin }) => {
  // Its platform is nowhere, so nothing is to be brought up to date: said before the app looks.
  localStorage.setItem('countersign.token.caught-up', String(Date.now()))
  const { fromHex } = await import('/token/receipts/octets.js')
  const { statementKeys } = await import('/token/app/updating.js')
  const keyring = await import('/token/app/keyring.js')
  const store = await import('/token/app/store.js')
  const root = fromHex(fields.platform_root)
  const messages = fields.certificates.map(fromHex)
  const token = {
    serial: fields.serial, suite: fields.suite, counter: fields.counter, vk: fromHex(fields.vk),
    hostOrigin: location.origin, hostRoot: fromHex(fields.host_root),
    platformId: fields.platform_id, platformOrigin: fields.platform_origin, platformRoot: root,
    keys: await statementKeys(messages, root, fields.platform_id),
    keysNumber: fields.keys_number, keysIssued: fields.keys_issued, keysEnded: [],
    profile: { columns: fields.columns, rows: fields.rows },
  }
  const old = (await store.list()).filter((kept) => kept.token.serial === token.serial)
  for (const { id } of old) await keyring.wipe(store, id)
  const secrets = { seed: fromHex(fields.seed), postKey: fromHex(fields.post_key) }
  await keyring.add(store, token, secrets, pin, { iterations: 1, memorySize: 8 })
}"""
_KEPT = """async () => {
  const store = await import('/token/app/store.js')
  return (await store.list()).map(({ token, tries }) => ({ serial: token.serial, tries }))
}"""


@cache
def _catalogs(language: str) -> list[gettext.NullTranslations]:
    """The words of the app's page and of its scripts, as the host has them."""
    folder = ROOT / "authserver" / "locale"
    locale = "zh_Hans" if language == "zh-hans" else language
    return [
        gettext.translation(domain, folder, [locale], fallback=True)
        for domain in ("django", "djangojs")
    ]


def row(about: str) -> dict[str, Any]:
    """Return a challenge of the vectors."""
    found: dict[str, Any] = next(row for row in VECTORS["read"] if row["about"] == about)
    return found


def lines_of(challenge: str) -> list[str]:
    """Return what every token shows of a challenge of one step, as Python has it."""
    _, content = qrtext.decode(challenge, Link.BUNDLE)
    statement = Statement.from_payload(Bundle.decode(content).signed.payload)
    return list(lay_out(statement, [], UNLIMITED)[0])


class TokenApp:
    """The app in a window.

    Attributes:
        page: Where it is open.
    """

    def __init__(self, page: Page) -> None:
        """Take the page."""
        self.page = page

    def keep(self, about: dict[str, Any] | None = None) -> None:
        """Have it hold a token of the vectors, and open the app anew."""
        self.page.evaluate(_KEEP, {"fields": {**VECTORS["base"], **(about or {})}, "pin": PIN})
        self.page.reload()
        expect(self.heading("Your tokens")).to_be_visible()

    def set_clock(self, now: int) -> None:
        """Have phone and host believe that it is this moment, in Unix seconds, and stays it."""
        told = {"Date": format_datetime(datetime.fromtimestamp(now, UTC), usegmt=True)}
        self.page.clock.set_fixed_time(now)
        self.page.route("**/healthz", lambda route: route.fulfill(headers=told))

    def say(self, words: str) -> str:
        """Return the app's own words in the language in which it is open."""
        language = self.page.locator("html").get_attribute("lang") or ""
        said = (catalog.gettext(words) for catalog in _catalogs(language))
        return next((each for each in said if each != words), words)

    @property
    def kept(self) -> list[dict[str, Any]]:
        """Serials, and PINs tried in vain, of what is in its database."""
        found: list[dict[str, Any]] = self.page.evaluate(_KEPT)
        return found

    def heading(self, name: str) -> Locator:
        """The title of a screen."""
        return self.page.get_by_role("heading", name=self.say(name), level=1)

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=self.say(name), exact=True).click()

    def fill(self, label: str, text: str) -> None:
        """Type into a field."""
        self.page.get_by_label(self.say(label), exact=True).locator("visible=true").fill(text)

    def paste(self, text: str) -> None:
        """Read a code that came as text."""
        self.press("Read a code")
        # Open it stays, and a second press would fold it.
        self.page.locator("#screen-scan details").evaluate("(part) => { part.open = true }")
        self.fill("The text of the code", text)
        self.press("Read the text")

    def choose_pin(self, pin: str = PIN) -> None:
        """Choose the PIN of a new token."""
        self.fill("New PIN", pin)
        self.fill("The same PIN again", pin)
        self.press("Set the PIN")

    @property
    def lines(self) -> list[str]:
        """The statement as it is shown."""
        expect(self.heading("Read this before you answer")).to_be_visible()
        return self.page.locator("#lines > li").all_text_contents()

    def read(self) -> None:
        """Look at every line of the statement."""
        lines = self.page.locator("#lines > li")
        for number in range(lines.count()):
            # What lies at the foot of the screen may be covered, and does not count.
            lines.nth(number).evaluate("(line) => line.scrollIntoView({ block: 'center' })")
            self.page.evaluate("() => new Promise(requestAnimationFrame)")
        expect(self.page.locator("#sign-form")).to_be_visible()

    def sign(self, button: str, pin: str = PIN) -> None:
        """Answer the statement that is shown."""
        self.fill("PIN", pin)
        self.press(button)

    @property
    def code(self) -> str:
        """The digits that it shows to be typed."""
        expect(self.heading("Your code")).to_be_visible()
        return (self.page.locator("#code").text_content() or "").replace(" ", "")

    @property
    def trouble(self) -> Locator:
        """What it says went wrong."""
        return self.page.locator("#trouble")


class Handset(TokenApp):
    """Somebody's phone.

    Attributes:
        visitor: Its window.
        seen: The film that its camera plays.
    """

    def __init__(self, visitor: Visitor, seen: Path) -> None:
        """Take its window, and the film that its camera plays from the start each time."""
        super().__init__(visitor.page)
        self.visitor, self.seen = visitor, seen

    def open(self) -> None:
        """Open the app."""
        self.visitor.go("/token/")
        expect(self.heading("Your tokens")).to_be_visible()

    def begin_enrolment(self, holder: Party, suite: str = "") -> tuple[str, str]:
        """Enrol a token until its digits are compared; return its serial and the digits."""
        pairing = holder.post("/tokens", {"name": "Phone", "suite": suite})
        self.paste(pairing["invitation"])
        self.press("Add it")
        self.choose_pin()
        expect(self.heading("Compare the eight digits")).to_be_visible()
        digits = self.page.locator("#digits").text_content() or ""
        return pairing["serial"], digits.replace(" ", "")

    def enrol(self, holder: Party, suite: str = "") -> dict[str, Any]:
        """Enrol a token, and return its activation step."""
        serial, digits = self.begin_enrolment(holder, suite)
        self.press("They are the same")
        self.press("Done")
        step: dict[str, Any] = holder.post(f"/tokens/{serial}/activate", {"digits": digits})
        return step

    def hold_before(self, code: Locator) -> None:
        """Hold its camera in front of a code that another screen shows."""
        film(code.screenshot(), self.seen)

    def look(self) -> None:
        """Read the code that the camera is held in front of."""
        self.press("Read a code")
        self.press("Start the camera")
        expect(self.page.locator("#screen-scan")).to_be_hidden(timeout=CAMERA_MS)


def without_camera(
    request: pytest.FixtureRequest, browser: Browser, site: Live, *, height: int
) -> Iterator[Handset]:
    """Yield, for a fixture, a phone without a token and without a camera; then check its pages."""
    window = Window(width=360, height=height, other_origins=(site.origin,))
    visitor = Visitor(browser, site.authserver_origin, window)
    request.node.stash.setdefault(VISITORS, []).append(visitor)
    handset = Handset(visitor, Path())
    handset.open()
    yield handset
    visitor.check()
    visitor.close()
