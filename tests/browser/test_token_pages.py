"""The token app on somebody's phone: it sees by its camera, shows, answers, and refuses."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.browser import Visitor, Window, launch
from tests.browser.checks import assert_installable
from tests.browser.conftest import VISITORS
from tests.browser.handset import PIN, Handset, lines_of, row
from tests.browser.keyboard import press_to, walk_to
from tests.e2e.live import Live
from tests.e2e.party import ORDER, Party

SMALL = {"width": 360, "height": 740}
WRONG_PIN = "915384"


@pytest.fixture(scope="module")
def holder(site: Live) -> Party:
    return site.party("Toni Token")


@pytest.fixture(scope="module")
def own_handset(
    playwright: Playwright, site: Live, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Handset]:
    """Theirs, with a camera; to start a browser and to enrol takes long."""
    seen = tmp_path_factory.mktemp("camera") / "seen.mjpeg"
    seen.touch()
    browser = launch(playwright, seen)
    yield Handset(window(browser, site), seen)
    browser.close()


def window(browser: Browser, site: Live, **more: Any) -> Visitor:
    """A window on the host, whose pages may call the platform beside it."""
    more = {**SMALL, **more, "other_origins": (site.origin,)}
    return Visitor(browser, site.authserver_origin, Window(**more))


@pytest.fixture
def handset(own_handset: Handset, request: pytest.FixtureRequest) -> Iterator[Handset]:
    """The same, with the app open."""
    request.node.stash.setdefault(VISITORS, []).append(own_handset.visitor)
    own_handset.visitor.forget_troubles()
    own_handset.open()
    yield own_handset
    own_handset.visitor.context.set_offline(False)
    own_handset.page.clock.set_system_time(datetime.now(UTC))
    own_handset.page.unroute_all()
    own_handset.visitor.check()


@pytest.fixture(scope="module")
def own_desk(browser: Browser, site: Live, holder: Party) -> Iterator[Visitor]:
    visitor = Visitor(browser, site.origin, Window(other_origins=(site.authserver_origin,)))
    visitor.sign_in_as(holder.person)
    yield visitor
    visitor.close()


@pytest.fixture
def desk(own_desk: Visitor, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """The computer at which the holder is signed in."""
    request.node.stash.setdefault(VISITORS, []).append(own_desk)
    own_desk.forget_troubles()
    yield own_desk
    own_desk.check()


@pytest.fixture(scope="module")
def token(own_handset: Handset, own_desk: Visitor) -> str:
    """Its serial: enrolled as a newcomer does it, with nothing but screens and a camera."""
    phone, page = own_handset, own_desk.page
    phone.open()
    own_desk.go("/tokens/new")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/activate")
    serial = page.url.split("/")[-2]
    with own_desk.context.expect_page() as opened:
        page.get_by_role("link", name="Open its page").click()
    host = opened.value
    phone.hold_before(host.get_by_role("img", name="QR code"))

    phone.look()
    expect(phone.heading("Add a token?")).to_be_visible()
    expect(phone.page.locator("#add-host")).to_have_text(own_handset.visitor.origin)
    phone.press("Add it")
    expect(phone.heading("Choose a PIN")).to_be_visible()
    phone.choose_pin()
    expect(phone.heading("Compare the eight digits")).to_be_visible()
    digits = phone.page.locator("#digits").text_content() or ""
    expect(host.locator("#digits")).to_have_text(digits)
    host.close()
    phone.press("They are the same")
    expect(phone.heading("The token is on this phone")).to_be_visible()
    phone.press("Done")

    page.get_by_label("The eight digits on your token").fill(digits)
    page.keyboard.press("Enter")
    page.wait_for_url("**/steps/*")
    answer_on_line(phone, page)
    expect(page.get_by_role("heading", name="Your token is active")).to_be_visible()
    return serial


def answer_on_line(phone: Handset, page: Page) -> list[str]:
    """Read the challenge that a page shows, and send the answer with one tap."""
    phone.hold_before(page.locator(".qr img").first)
    phone.look()
    lines = phone.lines
    assert lines == lines_of(page.locator("#challenge").text_content() or "")
    phone.read()
    phone.sign("Sign and send")
    expect(phone.heading("Approved")).to_be_visible()
    return lines


def ask(holder: Party, desk: Visitor, token: str) -> Page:
    """Begin a transaction, and open the page of its step."""
    body = {"demand": ORDER, "remark": "Before noon 🌹", "token": token, "ttl": 600}
    step = holder.post("/transactions", body)
    desk.go(f"/steps/{step['id']}")
    return desk.page


def test_a_step_is_signed_by_camera_and_one_tap(
    handset: Handset, desk: Visitor, holder: Party, token: str
) -> None:
    page = ask(holder, desk, token)
    lines = answer_on_line(handset, page)
    assert any("1250.00 EUR" in line for line in lines)
    expect(page.get_by_role("heading", name="You have signed this")).to_be_visible()


def test_a_step_is_signed_without_a_network_by_digits_that_are_typed(
    handset: Handset, desk: Visitor, holder: Party, token: str
) -> None:
    page = ask(holder, desk, token)
    handset.hold_before(page.locator(".qr img").first)
    handset.page.evaluate("() => navigator.serviceWorker.ready.then(() => {})")
    assert_installable(handset.page)
    handset.visitor.context.set_offline(True)
    handset.page.reload()
    expect(handset.page.get_by_text("No network")).to_be_visible()

    handset.look()
    assert handset.lines == lines_of(page.locator("#challenge").text_content() or "")
    handset.read()
    expect(handset.page.get_by_role("button", name="Sign and send")).to_be_hidden()
    handset.sign("Sign and show the code")
    code = handset.code

    page.get_by_label("The digits on your token").fill(code)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You have signed this")).to_be_visible()


def test_a_holder_declines_and_says_why(
    handset: Handset, desk: Visitor, holder: Party, token: str
) -> None:
    page = ask(holder, desk, token)
    handset.hold_before(page.locator(".qr img").first)
    handset.look()
    expect(handset.heading("Read this before you answer")).to_be_visible()
    handset.press("Decline")
    handset.fill("What is wrong?", "I ordered tulips")
    handset.fill("PIN", PIN)
    handset.press("Decline it")
    expect(handset.heading("Declined")).to_be_visible()
    expect(page.get_by_text("I ordered tulips")).to_be_visible()


def test_a_wrong_pin_is_counted_in_the_database_and_a_right_one_forgives(
    handset: Handset, token: str
) -> None:
    handset.page.get_by_role("button", name=token).click()
    handset.press("Move to another phone")
    handset.fill("PIN", WRONG_PIN)
    handset.press("Show it")
    expect(handset.page.get_by_text("9 tries are left")).to_be_visible()
    assert tries(handset, token) == 1
    handset.fill("PIN", PIN)
    handset.press("Show it")
    expect(handset.page.locator("#move-code")).to_have_text(re.compile("-"))
    assert tries(handset, token) == 0


def tries(handset: Handset, serial: str) -> int:
    return next(int(kept["tries"]) for kept in handset.kept if kept["serial"] == serial)


def test_a_token_is_wiped_after_ten_wrong_pins(handset: Handset) -> None:
    handset.keep({"serial": "WIPED-1"})
    handset.page.get_by_role("button", name="WIPED-1").click()
    handset.press("Change the PIN")
    for left in range(9, -1, -1):
        handset.fill("PIN now", WRONG_PIN)
        handset.fill("New PIN", PIN)
        handset.fill("The same PIN again", PIN)
        handset.press("Change the PIN")
        if left:
            expect(handset.page.locator(".errorlist")).to_contain_text(
                re.compile(rf"\b({left}|one) tr")
            )
    expect(handset.trouble).to_contain_text("wiped from this phone")
    assert "WIPED-1" not in {kept["serial"] for kept in handset.kept}


def test_a_token_moves_to_another_phone_which_signs_with_it(
    handset: Handset, own_handset: Handset, site: Live, holder: Party, desk: Visitor, token: str
) -> None:
    handset.page.get_by_role("button", name=token).click()
    handset.press("Move to another phone")
    handset.fill("PIN", PIN)
    handset.press("Show it")
    expect(handset.page.locator("#move-picture > *")).to_be_visible()
    code = handset.page.locator("#move-code").text_content() or ""
    browser = handset.visitor.context.browser
    assert browser is not None
    other = Handset(window(browser, site), handset.seen)
    other.hold_before(handset.page.locator("#move-picture > *"))
    other.open()
    other.look()
    expect(other.heading("A token from another phone")).to_be_visible()
    other.fill("Code from the other phone", code.lower())
    other.press("Open it")
    other.choose_pin("602817")
    expect(other.heading("Now wipe it on the old phone")).to_be_visible()
    other.press("Done")
    expect(other.page.get_by_role("button", name=token)).to_be_visible()
    answer = ask(holder, desk, token)
    other.hold_before(answer.locator(".qr img").first)
    other.look()
    expect(other.heading("Read this before you answer")).to_be_visible()
    other.read()
    other.sign("Sign and send", "602817")
    expect(other.heading("Approved")).to_be_visible()
    other.visitor.check()
    other.visitor.close()


def test_a_statement_is_answered_by_the_keyboard_alone(handset: Handset) -> None:
    challenge, page = row("answers by OCRA-1:HOTP-SHA256-8:QH64-T1M"), handset.page
    handset.keep()
    handset.set_clock(challenge["now"])
    press_to(page, "Read a code")
    walk_to(page, page.locator("#screen-scan summary"), "Without the camera")
    page.keyboard.press("Enter")
    walk_to(page, page.locator("#text"), "The text of the code")
    page.keyboard.insert_text(challenge["text"])
    press_to(page, "Read the text")
    press_to(page, "Go on anyway")
    assert handset.lines == challenge["lines"]
    page.keyboard.press("End")
    walk_to(page, page.locator("#sign-pin"), "PIN")
    page.keyboard.type(PIN)
    press_to(page, "Sign and show the code")
    assert handset.code == challenge["response"]


def test_of_two_tokens_the_one_that_is_asked_answers(handset: Handset) -> None:
    first, second = row("answers by OCRA-1:HOTP-SHA256-8:QH64-T1M"), row("another serial")
    handset.keep()
    handset.keep({"serial": "T-0002", "seed": "32" * 32})
    handset.set_clock(first["now"])
    for challenge, serial in ((second, "T-0002"), (first, "T-0001")):
        handset.paste(challenge["text"])
        handset.press("Go on anyway")
        expect(handset.page.locator("#statement-token")).to_have_text(serial)
        handset.read()
        handset.sign("Sign and show the code")
        assert (handset.code == first["response"]) == (challenge is first)
        handset.press("Done")


def test_a_clock_that_is_wrong_is_told_when_asked_beside_a_statement_and_in_a_refusal(
    handset: Handset,
) -> None:
    challenge, page = row("answers by OCRA-1:HOTP-SHA256-8:QH64-T1M"), handset.page
    handset.keep()
    handset.set_clock(challenge["now"])
    page.get_by_text("This app", exact=True).click()
    handset.press("Check the clock")
    expect(page.locator("#clock")).to_have_text("The clock of this phone is right.")

    # The host goes on telling what it is.
    page.clock.set_fixed_time(challenge["now"] + 300)
    handset.press("Check the clock")
    expect(page.locator("#clock")).to_contain_text(re.compile("clock is (299|300) seconds fast"))
    handset.paste(challenge["text"])
    expect(handset.heading("The token refuses")).to_be_visible()
    expect(page.locator("#outcome-words")).to_contain_text("seconds fast")

    handset.press("Done")
    page.clock.set_fixed_time(challenge["now"] + 100)
    handset.paste(challenge["text"])
    handset.press("Go on anyway")
    expect(page.locator("#clock-words")).to_contain_text("seconds fast")


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ("another platform's code", "the code is from another platform"),
        ("names another platform", "the statement names another platform"),
        ("unknown key", "key that this token does not know"),
        ("altered earlier content", "not what was signed"),
        ("byte 92 changed", "Answer nothing"),
        ("241 seconds later", "has expired"),
        ("61 seconds ahead", "check this phone's clock"),
        ("another sight", "misstates"),
    ],
)
def test_what_it_does_not_obey_it_refuses_in_words(
    handset: Handset, about: str, words: str
) -> None:
    challenge = row(about)
    if "T-0001" not in {kept["serial"] for kept in handset.kept}:
        handset.keep()
    handset.set_clock(challenge["now"])
    # It looks for newer keys: the platform of the vectors is nowhere, and the host not its own.
    handset.visitor.tolerate("platform.example|violates|status of 404")
    handset.paste(challenge["text"])
    expect(handset.heading("The token refuses")).to_be_visible()
    expect(handset.page.locator("#outcome-words")).to_contain_text(re.compile(words, re.I))
    expect(handset.page.locator("#screen-statement")).to_be_hidden()
