"""An operator of a host signs in, imports a file, looks at a token, exports: by the keyboard."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browser import Visitor
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.keyboard import press_to, type_into
from tests.e2e.live import Live

NewVisitor = Callable[..., Visitor]
PASSWORD = "a long password 42"
PASSPHRASE = "correct horse battery"
SEED = "31" * 20


@pytest.fixture
def operator(new_visitor: NewVisitor, site: Live, tmp_path: Path) -> Visitor:
    """Somebody with a phone whom the host has let in."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORD, "utf-8")
    site.authserver("add_operator", "olga", "--password-file", str(secret))
    return new_visitor(width=360, height=740, other_origins=(site.authserver_origin,))


def assert_good(page: Page) -> None:
    assert_fits(page)
    assert_accessible(page)
    page.emulate_media(color_scheme="dark")
    assert_accessible(page, rules=["color-contrast"])
    page.emulate_media(color_scheme="light")


def test_an_operator_imports_and_exports_by_the_keyboard_alone(
    operator: Visitor, site: Live
) -> None:
    page = operator.page
    page.goto(f"{site.authserver_origin}/operator/import")
    assert_good(page)
    type_into(page, "Name", "olga")
    type_into(page, "Password", PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Import tokens")).to_be_visible()
    assert_good(page)
    lines = f"X1,{SEED},TOTP,6,30\nX2,{SEED}\nX3,zz\n".encode()
    page.set_input_files("[name=file]", {"name": "t.csv", "mimeType": "", "buffer": lines})
    type_into(page, "Name of the batch", "Cards of May")
    press_to(page, "Upload and check")

    # It is checked meanwhile, and the page looks again by itself.
    expect(page.get_by_text("Leave the 1 refused token out")).to_be_visible()
    assert_good(page)
    page.get_by_label("Leave the 1 refused token out").focus()
    page.keyboard.press("Space")
    press_to(page, "Store 2 tokens")
    expect(page.get_by_text("2 tokens are in stock.")).to_be_visible()
    assert_good(page)

    press_to(page, "Show them", "link")
    expect(page.get_by_text("X2")).to_be_visible()
    assert_good(page)
    page.get_by_role("link", name="X1").focus()
    page.keyboard.press("Enter")
    page.locator("summary", has_text="Revoke…").focus()
    page.keyboard.press("Enter")
    assert_good(page)
    press_to(page, "Revoke for good")
    expect(page.get_by_text("Revoked for good.")).to_be_visible()

    for name in ("Overview", "Stock", "Export"):
        press_to(page, name, "link")
        expect(page.locator("[aria-current]")).to_have_text(name)
        assert_good(page)
    page.get_by_label("Passphrase", exact=True).focus()
    page.keyboard.type(PASSPHRASE)
    type_into(page, "Passphrase, again", PASSPHRASE)
    # The page stays, and its request becomes a file.
    operator.tolerate("ERR_ABORTED")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    document = Path(download.value.path()).read_text("utf-8")
    assert 'Id="X2"' in document
    assert 'Id="X1"' not in document, "a revoked token leaves in no file"
    press_to(page, "Sign out")
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
