"""Somebody new: sign-up, a token, and a passkey, in the browser."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from countersign.person import Person
from tests.browser.browser import Visitor
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.keyboard import press_to, type_into
from tests.browser.token_scene import CARDS, SEED
from tests.e2e.live import Live
from tokens.suites import parse_suite
from tokens.token import Token

NewVisitor = Callable[..., Visitor]
PASSWORD = "correct horse battery"


@pytest.fixture
def nobody(site: Live, tmp_path: Path) -> Person:
    """Somebody who has an e-mail address and a token program, and no account."""
    address = f"{tmp_path.name.replace('_', '-')}@example.com"
    return Person(site.origin, address, site.folder / "mail", tmp_path, "Nora Neu")


@pytest.fixture
def phone(new_visitor: NewVisitor, site: Live) -> Visitor:
    """A small window, from which the authserver's own page may be opened."""
    return new_visitor(width=360, height=740, other_origins=(site.authserver_origin,))


def sign_up(visitor: Visitor, nobody: Person) -> None:
    """Sign up by the keyboard alone, and confirm the address with the mailed code."""
    page = visitor.page
    visitor.go("/")
    press_to(page, "Make an account", "link")
    page.wait_for_url("**/signup/")
    type_into(page, "E-mail address", nobody.email)
    type_into(page, "Password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/confirm-email/")
    type_into(page, "Code", nobody.mailed_code())
    page.keyboard.press("Enter")
    page.wait_for_url(f"{visitor.origin}/")


def test_somebody_new_enrols_the_token_program_by_the_keyboard_alone(
    phone: Visitor, nobody: Person
) -> None:
    page = phone.page
    sign_up(phone, nobody)
    phone.go("/tokens")
    press_to(page, "Enrol a token", "link")
    page.wait_for_url("**/new")
    type_into(page, "Name", "Phone")
    press_to(page, "Go on")
    page.wait_for_url("**/activate")
    assert_fits(page)
    assert_accessible(page)

    with phone.context.expect_page() as opened:
        press_to(page, "Open its page", "link")
    host = opened.value
    expect(host.get_by_role("img", name="QR code")).to_be_visible()
    assert_fits(host)
    assert_accessible(host)
    link = page.get_by_role("link", name="Open its page").get_attribute("href") or ""
    assert "#" not in host.url, "the secret is gone from the address"
    shown = str(json.loads(nobody.token("enrol", link, "--json"))["digits"])
    # It looks again by itself.
    expect(host.locator("#digits")).to_have_text(f"{shown[:4]} {shown[4:]}")
    host.close()

    page.bring_to_front()
    type_into(page, "The eight digits on your token", shown)
    page.keyboard.press("Enter")
    page.wait_for_url("**/steps/*")
    challenge = page.locator("#challenge").text_content() or ""
    type_into(page, "The digits on your token", nobody.token("respond", challenge, "--yes"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your token is active")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)


@pytest.mark.usefixtures("scene")
def test_a_card_is_taken_by_its_serial_and_activated_by_the_keyboard_alone(
    phone: Visitor, nobody: Person
) -> None:
    page, card = phone.page, Token(serial=CARDS[1], suite=parse_suite("HOTP:SHA1-6"), seed=SEED)
    sign_up(phone, nobody)
    phone.go("/tokens/new")
    press_to(page, "I have a hardware token with a serial", "link")
    page.wait_for_url("**/assign")
    type_into(page, "Serial", card.serial)
    page.keyboard.press("Enter")
    page.wait_for_url("**/activate")
    press_to(page, "Ask the token")
    page.wait_for_url("**/steps/*")
    type_into(page, "The digits on your token", card.press(datetime.now(UTC)))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your token is active")).to_be_visible()
    expect(page.get_by_text("From now on it signs you in")).to_be_visible()


def enrol(phone: Visitor, nobody: Person) -> str:
    """Enrol the token program; return the address of the token."""
    page = phone.page
    phone.go("/tokens/new")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/activate")
    link = page.get_by_role("link", name="Open its page").get_attribute("href") or ""
    shown = str(json.loads(nobody.token("enrol", link, "--json"))["digits"])
    address = page.url.removesuffix("/activate")
    page.get_by_label("The eight digits on your token").fill(shown)
    page.keyboard.press("Enter")
    page.wait_for_url("**/steps/*")
    challenge = page.locator("#challenge").text_content() or ""
    page.get_by_label("The digits on your token").fill(nobody.token("respond", challenge, "--yes"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your token is active")).to_be_visible()
    return address


@pytest.mark.usefixtures("authenticator")
def test_a_locked_token_is_unlocked_by_showing_a_passkey(phone: Visitor, nobody: Person) -> None:
    page = phone.page
    phone.tolerate("status of (422|423)")
    sign_up(phone, nobody)
    add_passkey(phone, alone=True)
    token = enrol(phone, nobody)
    phone.go(f"{token}/try")
    page.get_by_role("button", name="Begin the test").click()
    for wrong in range(5):
        page.get_by_label("The digits on your token").fill(f"{wrong:08}")
        with page.expect_navigation():
            page.keyboard.press("Enter")

    page.get_by_role("link", name="Unlock it now").click()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/reauthenticate/**")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{token}/unlock")
    assert_fits(page)
    assert_accessible(page)
    page.get_by_role("button", name="Unlock this token").click()

    page.wait_for_url(token)
    expect(page.get_by_text("you can sign with this token again")).to_be_visible()


def test_wrong_digits_are_told_and_what_was_typed_is_still_there(
    phone: Visitor, nobody: Person
) -> None:
    page = phone.page
    phone.tolerate("status of (409|422)")
    sign_up(phone, nobody)
    phone.go("/tokens/new")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/activate")
    page.get_by_label("The eight digits on your token").fill("12345678")
    page.keyboard.press("Enter")

    expect(page.get_by_text("has not answered yet")).to_be_visible()
    expect(page.get_by_label("The eight digits on your token")).to_have_value("12345678")
    expect(page.get_by_role("link", name="Open its page")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)


@pytest.fixture
def authenticator(phone: Visitor) -> Iterator[str]:
    """A fingerprint reader in the device; yields its id."""
    session = phone.context.new_cdp_session(phone.page)
    session.send("WebAuthn.enable")
    made = session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    yield made["authenticatorId"]
    session.detach()


def add_passkey(phone: Visitor, *, alone: bool) -> None:
    """Add a passkey, having shown the password once more."""
    page = phone.page
    phone.go("/account")
    page.get_by_role("link", name="Passkeys").click()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/webauthn/add/")
    assert_fits(page)
    assert_accessible(page)
    if not alone:
        page.get_by_label("without the password").uncheck()
    page.get_by_label("Name").press("Enter")
    page.wait_for_url("**/recovery-codes/")
    assert_fits(page)
    assert_accessible(page)


def sign_out(phone: Visitor) -> None:
    phone.go("/account")
    phone.page.get_by_role("button", name="Sign out").click()
    phone.page.wait_for_url(f"{phone.origin}/")


@pytest.mark.usefixtures("authenticator")
def test_a_passkey_is_added_and_signs_in_alone(phone: Visitor, nobody: Person) -> None:
    page = phone.page
    sign_up(phone, nobody)
    add_passkey(phone, alone=True)
    sign_out(phone)

    phone.go("/accounts/login/?next=/tokens")
    press_to(page, "Sign in with a passkey")

    page.wait_for_url(f"{phone.origin}/tokens")
    phone.go("/accounts/2fa/")
    expect(page.get_by_text("Last used")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)


@pytest.mark.usefixtures("authenticator")
def test_a_passkey_or_a_recovery_code_follows_the_password(phone: Visitor, nobody: Person) -> None:
    page = phone.page
    sign_up(phone, nobody)
    add_passkey(phone, alone=False)
    codes = page.locator("#codes li").all_inner_texts()
    for answer in ("passkey", "code"):
        sign_out(phone)
        phone.sign_in(nobody.email, PASSWORD)
        page.wait_for_url("**/2fa/authenticate/")
        assert_fits(page)
        assert_accessible(page)
        if answer == "passkey":
            press_to(page, "Use a passkey")
        else:
            page.get_by_text("use a recovery code").click()
            page.get_by_label("Code").fill(codes[0])
            page.keyboard.press("Enter")
        page.wait_for_url(f"{phone.origin}/")


def test_a_passkey_that_is_not_given_is_told_on_the_page(
    phone: Visitor, nobody: Person, authenticator: str
) -> None:
    session = phone.context.new_cdp_session(phone.page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False}
    )

    phone.go("/accounts/login/")
    phone.page.get_by_role("button", name="Sign in with a passkey").click()

    expect(phone.page.get_by_role("alert")).to_contain_text("That did not work")


def test_a_name_is_changed_and_a_key_made_by_the_keyboard(phone: Visitor, nobody: Person) -> None:
    page = phone.page
    sign_up(phone, nobody)
    phone.go("/account")
    type_into(page, "Your name", "Nora Neu")
    press_to(page, "Save the name")
    expect(page.get_by_text("Your name is saved.")).to_be_visible()
    type_into(page, "What is it for?", "Till")
    press_to(page, "Make a key")
    expect(page.locator("#new-key")).to_have_text(re.compile("^cs_"))
    assert_fits(page)
    assert_accessible(page)
