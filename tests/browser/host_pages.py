"""What else the host shows: operators' pages, enrolments, and the token app.

In walks and not in the table of all pages, since what comes before a screen takes long.
"""

from collections.abc import Callable, Iterator

from playwright.sync_api import Page as BrowserPage

from tests.browser import token_acts
from tests.browser.handset import TokenApp
from tests.browser.pages import Act, Page
from tests.browser.scene import HOST_OPERATOR, Scene
from tests.e2e.party import ORDER, Party

Walk = Callable[[BrowserPage, Scene], Iterator[str]]


def _enter(page: BrowserPage, scene: Scene) -> None:
    """Sign in as an operator, on the way to another page."""
    name, password = HOST_OPERATOR
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.locator("[aria-current]").wait_for()


def _open_first(page: BrowserPage, scene: Scene) -> None:
    """The story of one server, and what can be done with it."""
    _enter(page, scene)
    page.locator(".list a").first.click()
    page.locator(".facts").first.wait_for()
    for summary in page.locator("main summary").all():
        summary.click()


def _upload(page: BrowserPage, scene: Scene) -> None:
    """A file that is checked, with a token that is refused."""
    _enter(page, scene)
    file = {"name": "t.csv", "mimeType": "", "buffer": f"SEEN1,{'31' * 20}\nSEEN2,zz\n".encode()}
    page.set_input_files("[name=file]", file)  # type: ignore[arg-type]  # as it is documented
    page.fill("[name=batch]", "Seen")
    page.locator("main form button").click()
    page.locator("#partial").wait_for()


def _invitation(scene: Scene) -> tuple[Party, dict[str, str]]:
    person = scene.people["anna"]
    anna = Party(person.origin, "Anna Meier", person.key, person)
    return anna, anna.post("/tokens", {"name": "Phone"})


def _invite(page: BrowserPage, scene: Scene) -> None:
    """The code for a token, as its link opens it."""
    page.fill("#link", _invitation(scene)[1]["invitation"])
    page.locator("main form button").click()
    page.locator("summary").click()


def _provide(page: BrowserPage, scene: Scene) -> None:
    """The code for a token without a network."""
    _invite(page, scene)
    page.locator("#show button").click()
    page.locator("#digits").wait_for()


def _sign_in_to(path: str) -> str:
    return f"{{host}}/operator/sign-in?next=/operator/{path}"


HOST_PAGES = (
    Page("host-sign-in", "{host}/operator/sign-in"),
    Page("host-overview", _sign_in_to(""), act=_enter),
    Page("host-servers", _sign_in_to("servers"), act=_enter),
    Page("host-server", _sign_in_to("servers"), act=_open_first),
    Page("host-stock", _sign_in_to("stock"), act=_enter),
    Page("host-import", _sign_in_to("import"), act=_enter),
    Page("host-imported", _sign_in_to("import"), act=_upload),
    Page("host-export", _sign_in_to("export"), act=_enter),
    Page("host-enrolment-link", "{host}/e"),
    Page("host-enrolment", "{host}/e", act=_invite),
    Page("host-provision", "{host}/e", act=_provide),
    Page("host-stray-code", "{host}/p"),
)


# --- A token's way to its first answer


def begin(page: BrowserPage, scene: Scene) -> Iterator[str]:
    """Enrol a token, have it answer one statement and decline the next; name each new screen."""
    app = TokenApp(page)
    anna, pairing = _invitation(scene)
    app.paste(pairing["invitation"])
    app.heading("Add a token?").wait_for()
    yield "add"
    app.press("Add it")
    app.heading("Choose a PIN").wait_for()
    yield "pin"
    app.choose_pin()
    app.heading("Compare the eight digits").wait_for()
    yield "compare"
    digits = (page.locator("#digits").text_content() or "").replace(" ", "")
    app.press("They are the same")
    app.heading("The token is on this phone").wait_for()
    yield "added"
    app.press("Done")
    step = anna.post(f"/tokens/{pairing['serial']}/activate", {"digits": digits})
    app.paste(step["challenge"])
    app.press("Go on anyway")
    app.read()
    app.sign("Sign and send")
    app.heading("Approved").wait_for()
    yield "approved"
    app.press("Done")
    order = {"demand": ORDER, "remark": "Tulips", "token": pairing["serial"], "ttl": 600}
    step = anna.post("/transactions", order)
    app.paste(step["challenge"])
    app.press("Go on anyway")
    # Once all was seen the PIN is asked for, and the button stands lower.
    app.read()
    app.press("Decline")
    app.fill("What is wrong?", "I ordered tulips")
    app.sign("Decline it")
    app.heading("Declined").wait_for()
    yield "declined"


# Each begins in a window that holds no token, and names the screens in this order.
TOKEN_WALKS: dict[Walk, tuple[str, ...]] = {
    begin: ("add", "pin", "compare", "added", "approved", "declined"),
    token_acts.use: token_acts.SCREENS,
}


def _until(walk: Walk, last: str) -> Act:
    return lambda page, scene: next(name for name in walk(page, scene) if name == last)


TOKEN_PAGES = tuple(
    Page(f"token-app-{name}", "{host}/token/", act=_until(walk, name))
    for walk, names in TOKEN_WALKS.items()
    for name in names
)
