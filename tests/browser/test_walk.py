"""The main job by two strangers with a browser each, from signing up to the second signature."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from countersign.person import Person
from receipts.images import read_codes
from tests.browser.browser import Visitor
from tests.browser.camera import CAMERA_MS, film
from tests.browser.checks import assert_accessible, assert_fits
from tests.e2e.live import Live

NewVisitor = Callable[..., Visitor]
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh-CN"])


@dataclass
class Walker:
    """Somebody with a window and the token program, who acts by what the pages offer."""

    visitor: Visitor
    person: Person
    keyboard_only: bool = False

    def press(self, selector: str) -> None:
        """Use a link or button: with the mouse, or by reaching it with Tab and pressing Enter."""
        target = self.visitor.page.locator(selector).first
        if not self.keyboard_only:
            target.click()
            return
        for _ in range(150):
            if target.evaluate("element => element === document.activeElement"):
                self.visitor.page.keyboard.press("Enter")
                return
            self.visitor.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} cannot be reached by keyboard")

    def looked_at(self) -> None:
        """Check the page that is open: fits, and can be read aloud."""
        assert_fits(self.visitor.page)
        if self.visitor.runs_scripts:
            assert_accessible(self.visitor.page)

    def sign_up(self) -> None:
        page = self.visitor.page
        self.visitor.go("/accounts/signup/")
        page.fill("[name=email]", self.person.email)
        page.fill("[name=password1]", self.person.password)
        self.looked_at()
        self.press("main form button")
        page.wait_for_url("**/confirm-email/")
        page.fill("[name=code]", self.person.mailed_code())
        self.press("main form button")
        page.wait_for_url(self.visitor.origin + "/*")

    def enrol(self) -> None:
        page = self.visitor.page
        self.visitor.go("/tokens/new")
        page.fill("[name=name]", "My phone")
        self.looked_at()
        self.press("main form button.button")
        page.wait_for_url("**/activate")
        link = page.locator("#link").text_content() or ""
        digits = json.loads(self.person.token("enrol", link, "--json"))["digits"]
        self.looked_at()
        page.fill("[name=digits]", digits)
        self.press("main form button")
        page.wait_for_url("**/steps/*")
        self.answer()

    def answer(self) -> None:
        """Copy the challenge, let the token answer, and type its digits."""
        page = self.visitor.page
        challenge = page.locator("#challenge").text_content() or ""
        self.looked_at()
        page.fill("[name=response]", self.person.token("respond", challenge, "--yes"))
        self.press("#respond button")
        expect(page.locator(".seal-good.seal-large")).to_be_visible()
        self.looked_at()

    def write(self, kind: str, remark: str, **fields: str) -> None:
        """Fill in the form of a step and send it."""
        page = self.visitor.page
        page.check(f"[name=kind][value={kind}]")
        for name, value in {**fields, "remark": remark}.items():
            field = page.locator(f"[name={name}]")
            if name == "currency":
                field.select_option(value)
            else:
                field.fill(value)
        self.looked_at()
        self.press("form[data-compose] .actions button")
        page.wait_for_url("**/steps/*")


@pytest.fixture
def walker(site: Live, new_visitor: NewVisitor, tmp_path: Path) -> Callable[..., Walker]:
    def new(*, keyboard_only: bool = False, **window: object) -> Walker:
        address = f"{secrets.token_hex(4)}@example.com"
        person = Person(site.origin, address, site.folder / "mail", tmp_path, "")
        return Walker(new_visitor(**window), person, keyboard_only)

    return new


def order(walker: Walker) -> None:
    walker.visitor.go("/transactions/new")
    walker.write(
        "order",
        "Bitte vor Mittag / 请在中午前送达 🌹",
        amount="1250.00",
        currency="EUR",
        payee_name="Blumen Schmidt KG",
        payee_account="DE89370400440532013000",
        text="300 roses, delivered on Friday",
    )
    walker.answer()


@LANGUAGES
def test_two_strangers_sign_one_after_the_other_and_the_second_scans_with_a_camera(
    walker: Callable[..., Walker], language: str, tmp_path: Path
) -> None:
    anna = walker(language=language, width=360)
    anna.sign_up()
    anna.enrol()
    order(anna)
    with anna.visitor.page.expect_download() as download:
        anna.press("a[download$='.png']")
    picture = Path(download.value.path()).read_bytes()
    [receipt] = read_codes(picture)
    assert receipt.startswith(f"{anna.visitor.origin}/r#")

    ben = walker(language=language, camera=film(picture, tmp_path / "receipt.mjpeg"))
    ben.sign_up()
    ben.enrol()
    ben.visitor.go("/scan")
    ben.press("#camera-start")
    page = ben.visitor.page
    result = page.locator("#result")
    expect(result).to_contain_text("300 roses, delivered on Friday", timeout=CAMERA_MS)
    expect(result).to_contain_text("Blumen Schmidt KG")
    ben.looked_at()
    ben.press("#result form button")
    page.wait_for_url("**/continue/*")
    expect(page.locator("main")).to_contain_text("1,250.00\u00a0EUR")
    ben.write("approval", "Accepted / 同意")
    ben.answer()
    expect(page.locator("main")).to_contain_text("300 roses, delivered on Friday")


@LANGUAGES
def test_without_scripts_everything_works_but_scanning_which_says_so(
    walker: Callable[..., Walker], language: str
) -> None:
    anna = walker(language=language, width=360, javascript=False)
    anna.sign_up()
    anna.enrol()
    order(anna)
    anna.visitor.go("/scan")
    expect(anna.visitor.page.locator("noscript .note")).to_contain_text("JavaScript")


def test_the_whole_walk_can_be_done_with_the_keyboard_alone(
    walker: Callable[..., Walker],
) -> None:
    anna = walker(keyboard_only=True)
    anna.sign_up()
    anna.enrol()
    order(anna)
    ben = walker(keyboard_only=True)
    ben.sign_up()
    ben.enrol()
    text = anna.visitor.page.locator("#receipt-text").text_content() or ""
    ben.visitor.go("/scan")
    ben.visitor.page.fill("#text", text)
    ben.press("#by-text button")
    ben.press("#result form button")
    ben.visitor.page.wait_for_url("**/continue/*")
    ben.write("approval", "Accepted")
    ben.answer()
