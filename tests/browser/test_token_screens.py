"""What the token app asks and tells before a PIN, after a pause, and of digits that are typed."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from protocol import qrtext
from protocol.ed25519 import SigningKey
from protocol.keys import Directory, Purpose, open_certificate
from protocol.qrtext import Link
from tests.browser.handset import PIN, VECTORS, Handset, without_camera
from tests.browser.token_scene import TYPED_SUITE
from tests.e2e.live import Live
from tests.e2e.party import Party
from tokens.client import Client


@pytest.fixture(scope="module")
def holder(site: Live) -> Party:
    return site.party("Sven Screen")


@pytest.fixture
def handset(request: pytest.FixtureRequest, browser: Browser, site: Live) -> Iterator[Handset]:
    """A phone without a token and without a camera, smaller than any statement."""
    yield from without_camera(request, browser, site, height=360)


def test_an_enrolment_goes_on_where_the_app_was_closed_and_differing_digits_end_it(
    handset: Handset, holder: Party
) -> None:
    handset.paste(holder.post("/tokens", {"name": "Phone"})["invitation"])
    handset.press("Add it")
    expect(handset.heading("Choose a PIN")).to_be_visible()
    handset.page.reload()
    handset.press("Go on")
    handset.choose_pin()
    digits = handset.page.locator("#digits")
    expect(digits).to_be_visible()
    shown = digits.text_content()
    handset.page.reload()
    handset.press("Go on")
    expect(digits).to_have_text(shown or "")

    handset.press("They differ")
    expect(handset.page.get_by_text("No token on this phone yet")).to_be_visible()
    expect(handset.trouble).to_contain_text("The digits differ")
    assert handset.kept == []


def test_no_pin_is_asked_before_every_line_was_seen_and_a_page_of_the_same_phone_is_warned_of(
    handset: Handset, holder: Party
) -> None:
    challenge = handset.enrol(holder)["challenge"]
    handset.page.evaluate("(code) => { location.hash = code }", quote(challenge, safe=""))
    expect(handset.heading("Is the page on this same phone?")).to_be_visible()
    assert "#" not in handset.page.url, "what is asked is gone from the address"
    handset.press("Go on anyway")

    pin = handset.page.get_by_role("textbox", name="PIN")
    expect(handset.heading("Read this before you answer")).to_be_visible()
    expect(handset.page.get_by_text("There is more")).to_be_visible()
    # To its last line, past those between.
    handset.page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    expect(handset.page.locator("#lines > li").last).to_be_in_viewport()
    expect(pin).to_be_hidden()
    # What comes up then pushes nothing away under a finger.
    decline = handset.page.locator("#decline")
    stood = decline.evaluate("(button) => button.offsetTop")
    handset.read()
    expect(pin).to_be_visible()
    assert decline.evaluate("(button) => button.offsetTop") == stood


def test_a_key_s_code_brings_a_token_the_platform_s_key_and_one_of_another_root_is_refused(
    handset: Handset, holder: Party, site: Live
) -> None:
    handset.enrol(holder)
    directory = Directory.open(Client().directory(site.origin))
    messages = [
        message
        for message in directory.certificates
        if open_certificate(message, directory.root).purpose is Purpose.STATEMENT
    ]
    handset.paste(qrtext.encode(site.origin, Link.KEY, messages[-1]))
    expect(
        handset.page.get_by_text("The keys of your platform are up to date: read the challenge")
    ).to_be_visible()

    [known] = directory.keys(Purpose.STATEMENT)
    handset.open()
    handset.paste(qrtext.encode(site.origin, Link.KEY, known.sign(SigningKey.generate())))
    expect(handset.heading("The token refuses")).to_be_visible()


def test_what_is_left_while_the_pin_is_worked_on_is_not_answered(
    handset: Handset, holder: Party
) -> None:
    step, page = handset.enrol(holder), handset.page
    posted: list[str] = []
    page.on("request", lambda asked: posted.append(asked.url) if asked.post_data else None)
    # As where the token was not opened today: its keys are brought up to date.
    page.evaluate("() => localStorage.clear()")
    with page.expect_response(lambda answer: answer.url.endswith("/countersign/keys")):
        page.reload()
    handset.paste(step["challenge"])
    handset.press("Go on anyway")
    handset.read()
    handset.fill("PIN", PIN)
    page.evaluate(
        """() => {
          document.getElementById('sign-send').click()
          document.getElementById('decline').click()
        }"""
    )
    expect(handset.heading("Decline")).to_be_visible()
    page.locator("#sign-form:not([aria-busy])").wait_for(state="attached")
    expect(handset.heading("Decline")).to_be_visible()
    assert not posted

    # Signed by other means before: it is not to pass for declined.
    accepted = {"accepted": True, "state": "signed", "reason": "accepted"}
    page.route("**/api/v1/responses", lambda route: route.fulfill(json=accepted))
    handset.fill("What is wrong?", "我" * 41)
    handset.fill("PIN", PIN)
    handset.press("Decline it")
    expect(page.locator(".errorlist")).to_contain_text("too long")
    assert not posted
    handset.fill("What is wrong?", "Wrong\npayee")
    handset.press("Decline it")
    expect(handset.heading("Too late: it was signed")).to_be_visible()


def test_a_typed_token_answers_only_the_platform_that_has_proved_itself(
    handset: Handset, holder: Party
) -> None:
    step = handset.enrol(holder, TYPED_SUITE)
    page = handset.page

    def type_all(proof: str) -> None:
        handset.fill("The digits of the page", step["question"])
        page.get_by_label("What the page answers").fill(proof)
        handset.fill("PIN", PIN)
        handset.press("Show the code")

    page.get_by_role("button", name=step["token"]).click()
    handset.press("Type a challenge")
    page.get_by_text("Is it really the platform?").click()
    own = (page.locator("#own-challenge").text_content() or "").replace(" ", "")
    proof = holder.post(f"/steps/{step['id']}/proof", {"challenge": own})["answer"]
    type_all(f"{(int(proof) + 1) % 10**8:08}")
    expect(handset.trouble).to_contain_text("not the true platform")
    expect(handset.heading("Your code")).to_be_hidden()

    type_all(proof)
    assert holder.answer(step, handset.code).body["accepted"] is True


def test_a_token_that_was_shown_for_another_phone_says_so_until_it_is_wiped(
    handset: Handset,
) -> None:
    page = handset.page
    handset.keep()
    page.get_by_role("button", name="T-0001").click()
    handset.press("Move to another phone")
    handset.fill("PIN", PIN)
    handset.press("Show it")
    expect(page.get_by_text("If the other phone has read it")).to_be_visible()
    handset.press("Stop")
    expect(page.get_by_text("Perhaps on another phone, too")).to_be_visible()
    assert page.locator("#move-code").text_content() == ""
    page.get_by_role("button", name="T-0001").click()
    expect(page.get_by_text("This token was shown for another phone")).to_be_visible()

    # Left while it is locked for the journey, it is shown nowhere.
    handset.press("Move to another phone")
    handset.fill("PIN", PIN)
    page.evaluate(
        """async () => {
          document.querySelector("#move-form button").click()
          history.back()
          const form = document.querySelector("#move-form")
          while (form.ariaBusy) await new Promise((resolve) => setTimeout(resolve, 20))
        }"""
    )
    assert page.locator("#move-code").text_content() == ""
    assert page.locator("#move-picture > *").count() == 0


def test_an_open_app_takes_a_code_in_its_address_and_another_language_and_says_what_is_missing(
    handset: Handset,
) -> None:
    page = handset.page
    page.evaluate("() => { location.hash = '#mAAAA' }")
    expect(handset.heading("A token from another phone")).to_be_visible()
    # The first screen would come after a look into the database.
    page.evaluate("async () => (await import('/token/app/store.js')).list()")
    expect(handset.heading("A token from another phone")).to_be_visible()
    handset.press("Stop")

    handset.press("Read a code")
    page.get_by_text("Without the camera").click()
    handset.fill("The text of the code", "a secret")
    handset.press("Back")
    expect(page.locator("#text")).to_have_value("")

    page.evaluate("() => navigator.serviceWorker.ready.then(() => {})")
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(page.locator("#is-kept")).to_be_attached()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")

    page.evaluate(
        "async () => { for (const each of await navigator.serviceWorker.getRegistrations())"
        " await each.unregister() }"
    )
    handset.visitor.tolerate("main.js|Failed to fetch|ERR_FAILED")
    page.route("**/pages/main.js", lambda route: route.abort())
    page.reload()
    expect(handset.heading("This browser cannot hold a token")).to_be_visible()
    expect(page.get_by_text("did not get all of this page")).to_be_visible()


def test_a_newer_version_waits_until_its_holder_takes_it_and_holds_the_same_tokens(
    handset: Handset,
) -> None:
    page = handset.page
    handset.keep()
    expect(page.locator("#is-kept:not([hidden])")).to_be_attached()
    # Another language is another version.
    cookie = {"name": "token-language", "value": "zh-hans", "url": page.url}
    handset.visitor.context.add_cookies([cookie])  # type: ignore[list-item]  # as it is documented
    page.reload()
    expect(page.get_by_text("A newer version of this app is here.")).to_be_visible()
    # What is kept does not change under its reader's hands.
    expect(page.locator("html")).to_have_attribute("lang", "en")

    handset.press("Use it now")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(page.get_by_role("button", name=VECTORS["base"]["serial"])).to_be_visible()
    expect(page.locator("#newer")).to_be_hidden()
    assert len(page.evaluate("caches.keys()")) == 1
