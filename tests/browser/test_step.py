"""The page of a step in a browser: it counts down, and turns by itself when something happens."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from receipts.images import read_codes
from tests.browser.browser import PATIENCE_MS, Visitor
from tests.e2e.live import Live
from tests.e2e.party import Party
from tokens.client import Client

NewVisitor = Callable[..., Visitor]
Step = Mapping[str, Any]
SAID = "the server responded with a status of"
# At the very same moment a browser itself would send but the second.
_CLICK_TWICE = """async (button) => {
  button.click();
  await new Promise((done) => setTimeout(done, 200));
  button.click();
}"""


@pytest.fixture
def anna(site: Live) -> Party:
    return site.party("Anna Step")


@pytest.fixture
def desk(new_visitor: NewVisitor, anna: Party) -> Visitor:
    """Anna's window."""
    visitor = new_visitor()
    visitor.sign_in_as(anna.person)
    return visitor


def see(visitor: Visitor, step: Step) -> Page:
    """Open the page of a step."""
    visitor.go(f"/steps/{step['id']}")
    return visitor.page


def post_by_token(party: Party, step: Step) -> None:
    """Have the token answer by itself, as a phone with a network does."""
    token, now = party.tokens[step["token"]], datetime.now(UTC)
    shown = token.read(step["challenge"], now)
    assert Client().respond(token, shown, token.respond(shown, now)).accepted


def failures(site: Live, party: Party, step: Step) -> int:
    """How many wrong responses the authentication server has counted in a row."""
    return 5 - int(site.server(party.tokens[step["token"]].vk)["tries_left"])


def tell(page: Page, *, state: str = "challenged", seconds_left: int) -> None:
    """Have the page be told this when it asks how the step stands."""

    def answer(route: Route) -> None:
        route.fulfill(json={"state": state, "seconds_left": seconds_left})

    page.route("**/state", answer)


def test_the_page_turns_by_itself_when_the_token_has_answered(
    desk: Visitor, site: Live, anna: Party
) -> None:
    step = anna.open()
    page = see(desk, step)
    # Asked for at least once before anything has happened.
    page.wait_for_event("response", lambda answer: answer.url.endswith("/state"))

    post_by_token(anna, step)

    expect(page.get_by_role("heading", name="You have signed this")).to_be_visible()
    assert failures(site, anna, step) == 0


def test_a_page_that_came_after_wrong_digits_turns_without_sending_them_again(
    desk: Visitor, site: Live, anna: Party
) -> None:
    step = anna.open()
    page = see(desk, step)
    desk.tolerate(f"{SAID} 422")
    page.fill("[name=response]", next(anna.wrong_codes(step)))
    page.press("[name=response]", "Enter")
    expect(page.locator("#respond .errorlist")).to_contain_text("4 tries are left")
    # With its picture, which is gone with the challenge.
    page.wait_for_load_state()
    assert failures(site, anna, step) == 1
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))

    post_by_token(anna, step)

    expect(page.get_by_role("heading", name="You have signed this")).to_be_visible()
    assert set(sent) == {"GET"}


def test_wrong_digits_lead_back_to_an_empty_field(desk: Visitor, anna: Party) -> None:
    step = anna.open(token=anna.enrol())
    page = see(desk, step)
    desk.tolerate(f"{SAID} 422")

    page.fill("[name=response]", next(anna.wrong_codes(step)))
    page.press("[name=response]", "Enter")

    field = page.locator("[name=response]")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    described = str(field.get_attribute("aria-describedby"))
    expect(page.locator(f"#{described}")).to_contain_text("These digits are not right")


def test_the_page_of_another_party_turns_too(desk: Visitor, site: Live, anna: Party) -> None:
    ben = site.party("Ben Step")
    step = ben.go_on(anna.sign(anna.open()))
    page = see(desk, step)
    expect(page.get_by_role("heading", name="Waits for Ben Step")).to_be_visible()

    ben.sign(step)

    expect(page.get_by_role("heading", name="Ben Step has signed this")).to_be_visible()


def test_the_page_notices_that_time_is_up(desk: Visitor, site: Live, anna: Party) -> None:
    # For the authentication server it has time left, so the token is of no further use.
    step = anna.open(token=anna.enrol())
    page = see(desk, step)

    site.change(
        "platform",
        "UPDATE transactions_step SET expires_at = '2026-01-01 00:00:00'"  # noqa: S608
        f" WHERE s = x'{step['id']}'",
    )

    expect(page.get_by_role("heading", name="Out of time")).to_be_visible()
    expect(page.locator("[name=response]")).to_have_count(0)
    expect(page.get_by_role("link", name="Start it again")).to_be_visible()


def test_what_is_being_typed_stays_while_nothing_changes(desk: Visitor, anna: Party) -> None:
    step = anna.open()
    page = see(desk, step)
    page.get_by_text("This is wrong").click()
    page.fill("[name=reason]", "I ordered tul")

    for _ in range(2):
        page.wait_for_event("response", lambda answer: answer.url.endswith("/state"))

    expect(page.locator("[name=reason]")).to_have_value("I ordered tul")
    page.locator("[name=reason]").press_sequentially("ips")
    page.click("#decline button")
    expect(page.get_by_role("heading", name="You said that this is wrong")).to_be_visible()
    expect(page.locator("blockquote")).to_have_text("I ordered tulips")


def test_time_is_counted_down_and_told_aloud_at_three_moments_only(
    desk: Visitor, anna: Party
) -> None:
    step = anna.open()
    spoken = desk.page.locator("#announcements > :visible")
    for left, words in ((100, ""), (60, "One minute left."), (45, ""), (10, "10 seconds left.")):
        tell(desk.page, seconds_left=left)
        page = see(desk, step)
        page.wait_for_event("response", lambda answer: answer.url.endswith("/state"))
        shown = page.locator("[data-countdown]").first
        expect(shown).to_have_text(f"{(left - 1) // 60}:{(left - 1) % 60:02}")
        if words:
            expect(spoken).to_have_text(words)
        else:
            expect(spoken).to_have_count(0)
        page.unroute_all()


def test_a_lost_connection_is_told_and_found_again(desk: Visitor, anna: Party) -> None:
    step = anna.open()
    page = see(desk, step)
    desk.tolerate("ERR_INTERNET_DISCONNECTED")

    desk.context.set_offline(True)
    expect(page.get_by_text("No connection.")).to_be_visible()
    anna.sign(step)
    desk.context.set_offline(False)

    expect(page.get_by_role("heading", name="You have signed this")).to_be_visible()


def test_digits_sent_twice_at_once_are_sent_once(desk: Visitor, anna: Party) -> None:
    step = anna.open()
    page = see(desk, step)
    sent: list[Route] = []

    def hold(route: Route) -> None:
        """Have no answer come before the second click, which would then be on another page."""
        if route.request.method == "POST":
            sent.append(route)
        else:
            route.continue_()

    page.route("**/steps/**", hold)
    page.fill("[name=response]", anna.code(step))
    page.locator("#respond button").evaluate(_CLICK_TWICE)
    for _ in range(PATIENCE_MS // 50):
        if sent:
            break
        page.wait_for_timeout(50)
    sent[0].continue_()

    expect(page.get_by_role("heading", name="You have signed this")).to_be_visible()
    assert len(sent) == 1


def test_the_way_back_from_a_signed_step_does_not_lead_to_its_challenge(
    desk: Visitor, anna: Party
) -> None:
    step = anna.open()
    page = see(desk, step)
    page.fill("[name=response]", anna.code(step))
    page.press("[name=response]", "Enter")
    expect(page.get_by_role("heading", name="You have signed this")).to_be_visible()
    page.get_by_role("link", name="The whole transaction").click()
    page.wait_for_url("**/transactions/*")

    for _ in range(2):
        page.go_back()
        if page.url == "about:blank":
            break
        expect(page.locator("[name=response]")).to_have_count(0)


def test_the_challenge_is_copied_for_the_token_program(desk: Visitor, anna: Party) -> None:
    step = anna.open()
    desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = see(desk, step)

    page.get_by_role("button", name="Copy for the token program").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == step["challenge"]
    page.get_by_text("Using the token program").click()
    page.get_by_role("button", name="Copy the command").click()
    copied = f"python -m tokens respond '{step['challenge']}' --post"
    expect(page.locator("[data-copy='#command']")).to_have_text("Copied")
    assert page.evaluate("() => navigator.clipboard.readText()") == copied


def test_the_code_on_the_page_is_read_by_a_scanner(
    new_visitor: NewVisitor, site: Live, anna: Party
) -> None:
    ben = site.party("Ben Step")
    step = ben.go_on(anna.sign(anna.open()))
    for window in ({"width": 360}, {"width": 1280, "scheme": "dark"}):
        visitor = new_visitor(**window)
        visitor.sign_in_as(ben.person)
        picture = see(visitor, step).locator(".qr").first.screenshot()
        assert read_codes(picture) == [step["challenge"]]


def test_a_receipt_that_does_not_verify_any_more_is_not_drawn_and_that_is_told(
    desk: Visitor, site: Live, anna: Party
) -> None:
    step = anna.open()
    anna.sign(step)
    site.change(
        "platform",
        f"UPDATE transactions_step SET verdict = x'00' WHERE s = x'{step['id']}'",  # noqa: S608
    )
    desk.tolerate(f"{SAID} 409")

    page = see(desk, step)

    expect(page.get_by_text("This code could not be drawn")).to_be_visible()
    expect(page.locator(".qr")).to_have_count(0)


def test_without_scripts_a_step_is_answered_all_the_same(
    new_visitor: NewVisitor, anna: Party
) -> None:
    step = anna.open()
    visitor = new_visitor(javascript=False, width=360)
    visitor.sign_in_as(anna.person)
    page = see(visitor, step)
    expect(page.locator("main")).to_contain_text("Answer by")
    expect(page.locator("main time").first).to_contain_text("UTC")
    for hidden in page.locator("[data-copy], [data-countdown], #offline").all():
        expect(hidden).to_be_hidden()
    expect(page.get_by_role("link", name="See whether it was answered")).to_be_visible()

    page.fill("[name=response]", anna.code(step))
    page.click("#respond button")

    expect(page.get_by_role("heading", name="You have signed this")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.startswith("receipt-1-")


def test_a_step_is_answered_by_keyboard_alone(desk: Visitor, anna: Party) -> None:
    step = anna.open()
    page = see(desk, step)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator("[name=response]").evaluate("e => e === document.activeElement"):
            break

    page.keyboard.type(anna.code(step))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="You have signed this")).to_be_visible()


def test_a_receipt_is_printed_without_the_frame_of_the_page(desk: Visitor, anna: Party) -> None:
    step = anna.open()
    anna.sign(step)
    page = see(desk, step)
    page.emulate_media(media="print")

    expect(page.locator(".qr").first).to_be_visible()
    expect(page.get_by_role("heading", name="You have signed this")).to_be_visible()
    for element in (".top", ".foot", ".actions", "details"):
        for found in page.locator(element).all():
            expect(found).to_be_hidden()


def test_a_transaction_is_closed_after_a_word_on_what_that_means(
    desk: Visitor, anna: Party
) -> None:
    step = anna.open()
    anna.sign(step)
    desk.go(f"/transactions/{step['transaction']}")
    page = desk.page
    button = page.get_by_role("button", name="Close it")
    expect(button).to_be_hidden()

    page.get_by_text("Close this transaction").click()
    expect(page.get_by_text("it cannot be opened again")).to_be_visible()
    button.click()

    expect(page.get_by_text("This transaction is closed.")).to_be_visible()
    expect(button).to_have_count(0)


def test_the_numbers_at_the_navigation_follow_by_themselves(
    desk: Visitor, site: Live, anna: Party
) -> None:
    nora = site.party("Nora Step")
    nora.token()
    desk.sign_in_as(nora.person)
    desk.page.clock.install()
    desk.go("/account")
    number = desk.page.locator("[data-count=waits]")
    expect(number).to_be_hidden()

    anna.sign(anna.open(next={"account": nora.account}))
    desk.page.clock.fast_forward(21_000)

    expect(number).to_have_text("1")
