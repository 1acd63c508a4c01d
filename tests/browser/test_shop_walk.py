"""A purchase from end to end, in the browser of a buyer, with two terminals and the developer."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from terminal.adding import add_device
from terminal.errors import OperationProhibited
from terminal.home import Home
from tests.browser.browser import Visitor
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.shop_scene import CONTENT, sold
from tests.e2e.live import Live
from tests.e2e.party import Party
from tests.e2e.shop import Device

NewVisitor = Callable[..., Visitor]
PASSPHRASE = "seven-otters"
TITLE = "Rain on a roof"


@pytest.fixture
def dana(site: Live) -> Party:
    """A developer who sells what may be used on one device."""
    dana = site.party("Dana Rain")
    sold(dana.person, "music", TITLE, "One hour of it.")
    return dana


@pytest.fixture
def uploading(site: Live, new_visitor: NewVisitor) -> Visitor:
    """A developer on the page that takes the file of a new resource."""
    draft = site.party("Dana Rain").post("/resources", {"kind": "app", "title": "Drops"})["id"]
    visitor = new_visitor()
    visitor.sign_in_as(site.party("Dana Rain").person)
    visitor.go(f"/develop/{draft}/upload")
    return visitor


def looked_at(visitor: Visitor) -> None:
    assert_fits(visitor.page)
    assert_accessible(visitor.page)


def fill_wallet(visitor: Visitor, password: str) -> None:
    """Choose a payment password, for which one says again who one is; and top the wallet up."""
    page = visitor.page
    visitor.go("/accounts/reauthenticate/?next=/wallet/payment-password")
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/wallet/payment-password")
    for field in page.locator("main input[type=password]").all():
        field.fill(PASSPHRASE)
    page.locator("main form button").click()
    page.wait_for_url("**/wallet")
    visitor.go("/wallet/top-up")
    page.fill("[name=amount]", "50.00")
    page.locator("main form button").click()
    page.wait_for_url("**/wallet")
    expect(page.locator("main")).to_contain_text("50.00\u00a0EUR")


def find_and_pay(visitor: Visitor) -> None:
    """Find it in the shop, choose a price, and pay from the wallet."""
    page = visitor.page
    visitor.go("/shop")
    page.fill("[name=q]", "rain")
    page.press("[name=q]", "Enter")
    page.get_by_role("link", name=TITLE).click()
    looked_at(visitor)
    page.get_by_role("link", name=re.compile(r"Buy\s+For good")).click()
    page.fill("[name=payment_password]", PASSPHRASE)
    looked_at(visitor)
    page.get_by_role("button", name=re.compile("Pay 19.90")).click()
    page.wait_for_url("**/library/*")
    expect(page.locator("main")).to_contain_text("Yours for good.")


def download(visitor: Visitor, folder: Path) -> Path:
    """Go to the resource and have the browser load the file."""
    page = visitor.page
    page.get_by_role("link", name="Download and use").click()
    with page.expect_download() as loading:
        page.get_by_role("link", name="Download").click()
    path = folder / loading.value.suggested_filename
    loading.value.save_as(path)
    return path


def add(visitor: Visitor, party: Party, folder: Path) -> Device:
    """Have the page give a code, and type it on a new terminal."""
    page = visitor.page
    visitor.go("/devices")
    page.locator("button[value=invite]").click()
    command = page.locator("#device-command").text_content() or ""
    code = re.search(r"device add (\S+)", command)
    assert code is not None
    home = Home(folder)
    add_device(home, origin=party.origin, code=code[1], name=folder.name)
    return Device(party, home)


def refusal(device: Device, file: Path) -> str:
    """Return why a device may not use a file."""
    with pytest.raises(OperationProhibited) as refused:
        device.use(file)
    return refused.value.code


def test_buy_use_move_to_another_device_which_is_refused_and_give_back_which_locks_it(
    site: Live, new_visitor: NewVisitor, dana: Party, tmp_path: Path
) -> None:
    anna = site.party("Anna Walks")
    visitor = new_visitor(width=360)
    visitor.sign_in_as(anna.person)
    page = visitor.page

    fill_wallet(visitor, anna.person.password)
    find_and_pay(visitor)
    purchase = page.url
    file = download(visitor, tmp_path)
    desk = add(visitor, anna, tmp_path / "Desk")
    assert desk.use(file) == CONTENT

    other = add(visitor, anna, tmp_path / "Other")
    assert refusal(other, file) == "device_limit"
    page.goto(purchase)
    expect(page.locator("main .list")).to_contain_text("Desk")
    expect(page.locator("main .list")).not_to_contain_text("Other")

    page.get_by_text("Ask for your money back").click()
    page.fill("[name=reason]", "It is snow, not rain.")
    looked_at(visitor)
    page.get_by_role("button", name=re.compile("Give it up")).click()
    expect(page.locator("main")).to_contain_text("The developer decides")
    assert desk.use(file) == CONTENT

    developer = new_visitor()
    developer.sign_in_as(dana.person)
    developer.go("/develop")
    expect(developer.page.locator("main")).to_contain_text("It is snow, not rain.")
    developer.page.get_by_role("button", name="Give the money back").click()
    expect(developer.page.locator("main")).to_contain_text("The money went back to the buyer.")

    assert refusal(desk, file) == "entitlement_refunded"
    page.goto(purchase)
    expect(page.locator("main")).to_contain_text("You have your money back")
    visitor.go("/wallet")
    expect(page.locator("main .facts .amount").first).to_contain_text("50.00\u00a0EUR")


def test_an_upload_that_is_shown_as_it_goes_ends_on_the_page_of_the_resource(
    uploading: Visitor, tmp_path: Path
) -> None:
    page, file = uploading.page, tmp_path / "drops.bin"
    file.write_bytes(CONTENT)
    page.set_input_files("[name=file]", file)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile(r"/develop/[0-9a-f]{16}$"))
    expect(page.locator("#versions + .list")).to_contain_text("drops.bin")


def test_an_upload_that_is_refused_says_why_beside_the_file(
    uploading: Visitor, tmp_path: Path
) -> None:
    page, file = uploading.page, tmp_path / "nothing.bin"
    file.touch()
    uploading.tolerate("422")
    page.set_input_files("[name=file]", file)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".field-wrong .errorlist")).not_to_be_empty()
    file.write_bytes(CONTENT)
    page.set_input_files("[name=file]", file)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile(r"/develop/[0-9a-f]{16}$"))


def test_the_menu_opens_and_closes_with_the_keyboard(new_visitor: NewVisitor, site: Live) -> None:
    visitor = new_visitor(width=360)
    visitor.sign_in_as(site.party("Dana Rain").person)
    visitor.go("/shop")
    page = visitor.page
    button, menu = page.locator("[popovertarget=menu]"), page.locator("#menu")
    button.focus()
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    page.keyboard.press("Tab")
    expect(menu.locator("a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()
