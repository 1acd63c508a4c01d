"""The token app when its holder goes on before it is done, in this window or in another."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.handset import PIN, Handset, TokenApp, without_camera
from tests.browser.test_scan_pictures import NO_FRAMES, drawn
from tests.browser.token_scene import TYPED_SUITE
from tests.e2e.live import Live
from tests.e2e.party import ORDER, Party


@pytest.fixture(scope="module")
def holder(site: Live) -> Party:
    return site.party("Lena Left")


@pytest.fixture
def handset(request: pytest.FixtureRequest, browser: Browser, site: Live) -> Iterator[Handset]:
    """A phone without a token and without a camera."""
    yield from without_camera(request, browser, site, height=740)


def second_window(handset: Handset) -> TokenApp:
    """The app once more on the same phone."""
    other = TokenApp(handset.visitor.context.new_page())
    other.page.goto("/token/")
    expect(other.heading("Your tokens")).to_be_visible()
    return other


def read(handset: Handset, step: dict[str, Any]) -> None:
    """Read a step's challenge to its end."""
    handset.paste(step["challenge"])
    handset.press("Go on anyway")
    handset.read()


def decline(handset: Handset, why: str) -> None:
    handset.press("Decline")
    handset.fill("What is wrong?", why)
    handset.fill("PIN", PIN)
    handset.press("Decline it")


@contextmanager
def held_up(handset: Handset, pattern: str) -> Iterator[list[Route]]:
    """Keep requests from going on until the end."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    handset.page.route(pattern, hold)
    yield held
    for route in held:
        route.continue_()
    handset.page.unroute(pattern)


def activated(handset: Handset, holder: Party) -> Any:
    """Enrol a token; return the step that it signed for that."""
    activation = handset.enrol(holder)
    read(handset, activation)
    handset.sign("Sign and show the code")
    assert holder.answer(activation, handset.code).body["accepted"] is True
    handset.press("Done")
    return activation


def test_a_decline_says_that_the_step_was_signed_or_once_more_that_it_is_declined(
    handset: Handset, holder: Party
) -> None:
    activation = activated(handset, holder)

    read(handset, activation)
    decline(handset, "I did not ask for this")
    expect(handset.heading("Too late: it was signed")).to_be_visible()
    handset.press("Done")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    body = {"demand": ORDER, "remark": "Soon", "token": activation["token"], "ttl": 600}
    read(handset, holder.post("/transactions", body))
    handset.visitor.tolerate("api/v1/responses|ERR_FAILED")
    handset.page.route("**/api/v1/responses", lose, times=1)
    decline(handset, "Too dear")
    expect(handset.trouble).to_contain_text("There is no answer")
    handset.press("Decline it")
    expect(handset.heading("Declined")).to_be_visible()


def test_what_came_of_the_step_before_does_not_take_away_the_statement_that_is_read(
    handset: Handset, holder: Party
) -> None:
    first = activated(handset, holder)
    body = {"demand": ORDER, "remark": "Soon", "token": first["token"], "ttl": 600}
    steps = [holder.post("/transactions", body) for _ in range(3)]

    read(handset, steps[0])
    with held_up(handset, "**/api/v1/responses") as held:
        decline(handset, "Too dear")
        handset.page.wait_for_function("() => document.querySelector('#decline-form').ariaBusy")
        wait_for(handset, held)
        handset.page.go_back()
        expect(handset.heading("Your tokens")).to_be_visible()
        read(handset, steps[1])
    expect(handset.trouble).to_contain_text("Of the step that you left (Order, Amount:")
    expect(handset.trouble).to_contain_text("Declined. The step has ended.")
    expect(handset.heading("Read this before you answer")).to_be_visible()

    # The statement that is shown is still the one that is asked.
    with held_up(handset, "**/api/v1/responses") as held:
        handset.sign("Sign and send")
        wait_for(handset, held)
        handset.page.go_back()
        expect(handset.heading("Your tokens")).to_be_visible()
        read(handset, steps[2])
    expect(handset.trouble).to_contain_text("Approved. The platform took your answer.")
    expect(handset.heading("Read this before you answer")).to_be_visible()


def wait_for(handset: Handset, held: list[Route]) -> None:
    """Wait until a request is held up."""
    for _ in range(300):
        if held:
            return
        handset.page.wait_for_timeout(100)
    raise AssertionError("nothing was asked")


def test_a_code_of_a_typed_token_is_not_shown_to_whoever_has_the_phone_next(
    handset: Handset, holder: Party
) -> None:
    step, page = handset.enrol(holder, TYPED_SUITE), handset.page
    page.get_by_role("button", name=step["token"]).click()
    handset.press("Type a challenge")
    handset.fill("The digits of the page", step["question"])
    handset.fill("PIN", PIN)
    page.evaluate(
        """() => {
          document.querySelector("#type-form button:not([type=button])").click()
          document.querySelector("#screen-type [data-back]").click()
        }"""
    )
    expect(handset.heading(step["token"])).to_be_visible()
    page.locator("#type-form:not([aria-busy])").wait_for(state="attached")
    expect(handset.heading(step["token"])).to_be_visible()
    assert page.locator("#code").text_content() == ""


def test_to_skip_to_the_content_leaves_no_screen(handset: Handset) -> None:
    page = handset.page
    page.evaluate("() => { location.hash = '#mAAAA' }")
    expect(handset.heading("A token from another phone")).to_be_visible()
    handset.fill("Code from the other phone", "ABCD")
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    # The first screen would come after a look into the database.
    page.evaluate("async () => (await import('/token/app/store.js')).list()")
    expect(handset.heading("A token from another phone")).to_be_visible()
    expect(page.locator("#arrive-code")).to_have_value("ABCD")
    assert "#" not in page.url


def test_a_newer_version_that_is_taken_in_one_window_takes_nothing_from_another(
    handset: Handset,
) -> None:
    page = handset.page
    expect(page.locator("#is-kept:not([hidden])")).to_be_attached()
    other = second_window(handset)
    other.page.evaluate("() => { location.hash = '#mAAAA' }")
    other.fill("Code from the other phone", "ABCD")
    # Another language is another version.
    cookie = {"name": "token-language", "value": "zh-hans", "url": page.url}
    handset.visitor.context.add_cookies([cookie])  # type: ignore[list-item]  # as it is documented
    page.reload()
    handset.press("Use it now")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")

    # Its own turn has come as well: both windows have one worker.
    other.page.wait_for_timeout(1000)
    expect(other.page.locator("#arrive-code")).to_have_value("ABCD")
    other.press("Stop")
    expect(other.page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(other.heading("Your tokens")).to_be_visible()


def test_each_window_compares_its_own_token(handset: Handset, holder: Party) -> None:
    handset.begin_enrolment(holder)
    other = Handset(handset.visitor, Path())
    other.page = second_window(handset).page
    other.press("Go on")
    other.press("They are the same")
    other.press("Done")
    second, _ = other.begin_enrolment(holder)

    handset.press("They differ")
    expect(handset.trouble).to_contain_text("The digits differ")
    assert {kept["serial"] for kept in handset.kept} == {second}
    other.page.reload()
    other.press("Go on")
    expect(other.heading("Compare the eight digits")).to_be_visible()

    handset.page.reload()
    handset.press("Give it up")
    expect(handset.page.get_by_text("No token on this phone yet")).to_be_visible()
    other.press("They are the same")
    expect(other.trouble).to_contain_text("This token is not on this phone")
    expect(other.page.get_by_text("No token on this phone yet")).to_be_visible()


def test_a_camera_that_shows_nothing_is_given_back_and_starts_anew(handset: Handset) -> None:
    page = handset.page
    page.evaluate(NO_FRAMES)
    handset.press("Read a code")
    for number, leave in enumerate(("Stop the camera", "Back")):
        handset.press("Start the camera")
        page.wait_for_function("(number) => given.length > number", arg=number)
        handset.press(leave)
        page.wait_for_function("(number) => given[number].readyState === 'ended'", arg=number)
    handset.press("Read a code")
    expect(page.get_by_role("button", name="Start the camera")).to_be_visible()
    handset.press("Start the camera")
    page.wait_for_function("() => given[2]?.readyState === 'live'")


def test_a_picture_that_is_read_too_late_says_nothing_on_another_screen(handset: Handset) -> None:
    picture = {"name": "code.png", "mimeType": "image/png", "buffer": drawn("hello")}
    handset.press("Read a code")
    with held_up(handset, "**/receipts/reader.js") as held:
        handset.page.locator("#picture").set_input_files(picture)  # type: ignore[arg-type]  # as it is documented
        wait_for(handset, held)
        handset.press("Back")
        expect(handset.heading("Your tokens")).to_be_visible()
    handset.page.wait_for_load_state("networkidle")
    handset.page.evaluate("async () => (await import('/token/receipts/reader.js')).readPicture")
    handset.page.wait_for_timeout(500)
    expect(handset.trouble).to_be_hidden()


def test_what_the_browser_fails_to_do_is_said_wherever_it_was_asked_for(handset: Handset) -> None:
    page, wrong = handset.page, "Something went wrong in this browser"
    handset.visitor.tolerate("out of order")
    handset.keep()
    page.evaluate(
        """() => {
          const refuse = async () => { throw new Error("out of order") }
          navigator.serviceWorker.getRegistration = refuse
        }"""
    )
    page.get_by_role("button", name="简体中文").click()
    expect(handset.trouble).to_contain_text(wrong)

    page.get_by_role("button", name="T-0001").click()
    handset.press("Change the PIN")
    page.evaluate(
        "() => { IDBFactory.prototype.open = () => { throw new Error('out of order') } }"
    )
    page.locator("#screen-change [data-back]").click()
    expect(handset.trouble).to_contain_text(wrong)
    page.evaluate("() => { document.getElementById('trouble').hidden = true }")
    page.go_back()
    expect(handset.trouble).to_contain_text(wrong)
