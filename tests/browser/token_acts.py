"""What the token app shows to whom it holds tokens of the vectors for, screen by screen."""

from collections.abc import Iterator

from playwright.sync_api import Page, expect

from tests.browser.handset import PIN, TokenApp, row
from tests.browser.scene import Scene
from tests.browser.token_scene import TYPED_SUITE

_SERIAL = "T-0001"
_TYPED_SERIAL = "T-0002"
# In the order in which they are seen.
SCREENS = (
    *("empty", "tokens", "scan", "token", "change-pin", "move", "remove"),
    *("same-phone", "statement", "decline", "code", "refused", "statement-chain"),
    *("type", "arrive", "cannot"),
)


def use(page: Page, scene: Scene) -> Iterator[str]:
    """Use an app that was opened for the first time; name each screen that shows."""
    app = TokenApp(page)
    page.locator("#none").wait_for()
    page.locator("#screen-tokens summary").click()
    yield "empty"
    app.keep()
    page.get_by_role("button", name=_SERIAL).wait_for()
    yield "tokens"
    app.press("Read a code")
    page.get_by_text(app.say("Without the camera")).click()
    yield "scan"
    yield from _look_after(app)
    yield from _answer(app)
    _back(app)
    app.keep({"serial": _TYPED_SERIAL, "suite": TYPED_SUITE})
    page.get_by_role("button", name=_TYPED_SERIAL).click()
    app.press("Type a challenge")
    page.locator("#type-proof summary").click()
    yield "type"
    _back(app)
    app.paste(f"{scene.places['host']}/token/#m0123456789")
    app.heading("A token from another phone").wait_for()
    yield "arrive"
    page.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError') }"
    )
    page.reload()
    app.heading("This browser cannot hold a token").wait_for()
    yield "cannot"


def _look_after(app: TokenApp) -> Iterator[str]:
    """Do with a token what can be done with it."""
    page = app.page
    _open(app)
    yield "token"
    app.press("Change the PIN")
    app.fill("PIN now", PIN)
    # One that somebody would guess.
    app.fill("New PIN", "123456")
    app.press("Change the PIN")
    page.locator(".errorlist").wait_for()
    yield "change-pin"
    _open(app)
    app.press("Move to another phone")
    app.fill("PIN", PIN)
    app.press("Show it")
    page.locator("#move-picture > *").wait_for()
    yield "move"
    _open(app)
    app.press("Remove")
    yield "remove"


def _answer(app: TokenApp) -> Iterator[str]:
    """Answer challenges that came as text, decline one, and refuse one that was changed."""
    _paste(app)
    yield "same-phone"
    _read_on(app)
    yield "statement"
    app.press("Decline")
    yield "decline"
    _paste(app)
    _read_on(app)
    app.sign("Sign and show the code")
    assert app.code
    yield "code"
    _paste(app, "byte 92 changed")
    app.heading("The token refuses").wait_for()
    yield "refused"
    _paste(app, "earlier steps are shown and folded ones counted")
    _read_on(app)
    yield "statement-chain"


def _back(app: TokenApp) -> None:
    """Go back to the first screen, as phones do."""
    app.page.go_back()
    expect(app.heading("Your tokens")).to_be_visible()


def _open(app: TokenApp) -> None:
    _back(app)
    app.page.get_by_role("button", name=_SERIAL).click()
    app.heading(_SERIAL).wait_for()


def _paste(app: TokenApp, about: str = "answers by OCRA-1:HOTP-SHA256-8:QH64-T1M") -> None:
    _back(app)
    challenge = row(about)
    app.set_clock(challenge["now"])
    app.paste(challenge["text"])
    expect(app.page.locator("#screen-scan")).to_be_hidden()


def _read_on(app: TokenApp) -> None:
    app.press("Go on anyway")
    app.read()
