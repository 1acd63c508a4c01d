"""The keys that the scan page verifies with: from the site alone, kept, and never older ones."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from protocol.ed25519 import SigningKey
from protocol.keys import Directory, KeyCertificate, Purpose, root_fingerprint
from tests.browser.browser import Visitor
from tests.browser.checks import assert_accessible
from tests.browser.receipts import CHAIN, ONE
from tests.browser.scanner import COMPLETE, FOREIGN, INCOMPLETE, Scanner, keys, text_of
from tests.browser.scene import Scene
from tests.e2e.live import Live
from tests.protocol import world

DAY = 86400
RECEIPT = text_of(ONE.sign(world.RECEIPT_KEY))
# Only the newest of its steps brings its certificate along.
UNCERTIFIED = text_of(world.receipt_in_form(CHAIN[:2], 2, 1).sign(world.RECEIPT_KEY))
OTHER_ROOT = world.signing_key("another root")
ROOTS = [root_fingerprint(root.public) for root in (world.ROOT, OTHER_ROOT)]


def directory_of(root: SigningKey, issued: int = world.NOON) -> bytes:
    """A directory under this root, with the platform's usual keys."""
    days = (world.TODAY - 20, world.TODAY + 20)
    used = {Purpose.RECEIPT: world.RECEIPT_KEY, Purpose.DIRECTORY: world.DIRECTORY_KEY}
    certificates = tuple(
        KeyCertificate(key.public, purpose, world.PLATFORM.id, *days).sign(root)
        for purpose, key in used.items()
    )
    directory = Directory(
        world.PLATFORM, issued, issued, root.public, certificates, (), (world.HOST,)
    )
    return keys(directory)


@pytest.fixture
def scanner(visitor: Visitor) -> Scanner:
    """The page, with the keys of a made-up platform."""
    scanner = Scanner(visitor)
    scanner.serve("keys", directory_of(world.ROOT))
    return scanner


def kept(scanner: Scanner) -> Any:
    """What the browser keeps."""
    return json.loads(scanner.page.evaluate("localStorage.getItem('countersign.keys')"))


def test_the_sites_own_receipts_are_verified_with_its_own_keys(
    visitor: Visitor, scene: Scene
) -> None:
    scanner = Scanner(visitor).open()
    scanner.paste(scene.receipt)

    expect(scanner.outcome).to_have_text(COMPLETE)


def test_after_the_first_visit_receipts_are_verified_without_a_network(scanner: Scanner) -> None:
    scanner.open()
    scanner.page.wait_for_load_state("networkidle")
    scanner.visitor.tolerate("ERR_INTERNET_DISCONNECTED|well-known")
    scanner.visitor.context.set_offline(True)

    scanner.paste(RECEIPT)
    expect(scanner.outcome).to_have_text(COMPLETE)
    scanner.page.get_by_role("button", name="Verify another").click()
    scanner.paste(UNCERTIFIED)
    expect(scanner.outcome).to_have_text(INCOMPLETE)

    # The network is back.
    scanner.visitor.context.set_offline(False)
    scanner.serve_certificates([CHAIN[0].certificate])
    scanner.page.get_by_role("button", name="Verify another").click()
    scanner.paste(UNCERTIFIED)
    expect(scanner.outcome).to_have_text(COMPLETE)


def test_without_any_keys_nothing_is_verified(visitor: Visitor) -> None:
    scanner = Scanner(visitor)
    scanner.serve("keys", None)
    scanner.open().paste(RECEIPT)

    expect(scanner.said).to_contain_text("The keys to verify with are not here yet.")
    expect(scanner.page.locator(".verdict")).to_have_count(0)


@pytest.mark.parametrize("offered", [b"", b"garbage", directory_of(world.ROOT)[:-1] + b"x"])
def test_keys_that_nobody_signed_are_not_used(visitor: Visitor, offered: bytes) -> None:
    scanner = Scanner(visitor)
    scanner.serve("keys", offered)
    scanner.open().paste(RECEIPT)

    expect(scanner.said).to_contain_text("The site offers keys that cannot be used")
    expect(scanner.page.locator(".verdict")).to_have_count(0)


def test_newer_keys_take_the_place_of_older_ones_and_never_the_reverse(scanner: Scanner) -> None:
    for offered, used in ((0, 0), (2, 2), (1, 2)):
        scanner.serve("keys", directory_of(world.ROOT, world.NOON + offered * DAY))
        scanner.open().paste(RECEIPT)
        expect(scanner.page.get_by_text(f"Keys as of 2026-01-0{1 + used} ")).to_be_visible()
        expect(scanner.outcome).to_have_text(COMPLETE)


def test_damaged_keys_that_were_kept_are_fetched_again_under_the_same_root(
    scanner: Scanner,
) -> None:
    scanner.open().paste(RECEIPT)
    expect(scanner.outcome).to_have_text(COMPLETE)
    before = kept(scanner)
    scanner.page.evaluate(
        "(kept) => localStorage.setItem('countersign.keys', kept)",
        json.dumps({**before, "message": before["message"][:-2] + "00"}),
    )
    scanner.page.reload()

    expect(scanner.outcome).to_have_text(COMPLETE)
    assert kept(scanner) == before


def test_keys_under_another_root_are_installed_only_when_asked_to(scanner: Scanner) -> None:
    scanner.open().paste(RECEIPT)
    expect(scanner.outcome).to_have_text(COMPLETE)
    scanner.serve("keys", directory_of(OTHER_ROOT, world.NOON + DAY))
    scanner.page.reload()

    # Still verified with the keys that are known.
    expect(scanner.outcome).to_have_text(COMPLETE)
    warning = scanner.page.get_by_text("These are not the keys that this browser knows")
    expect(warning).to_be_visible()
    assert_accessible(scanner.page)
    for fingerprint in ROOTS:
        expect(scanner.page.get_by_text(fingerprint).first).to_be_visible()
    assert kept(scanner)["root"] == world.ROOT.public.hex()

    scanner.page.get_by_role("button", name="Forget the known keys").click()
    expect(warning).to_have_count(0)
    expect(scanner.outcome).to_have_text(COMPLETE)
    assert kept(scanner)["root"] == OTHER_ROOT.public.hex()


def test_a_browser_that_keeps_nothing_verifies_all_the_same(scanner: Scanner) -> None:
    scanner.visitor.context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('off') }})"
    )
    scanner.open().paste(RECEIPT)

    expect(scanner.outcome).to_have_text(COMPLETE)


def test_keys_come_from_this_site_whatever_a_code_names(visitor: Visitor, site: Live) -> None:
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    scanner = Scanner(visitor).open()
    scanner.paste(RECEIPT)

    # The origin in this code and in this receipt is that of a made-up platform.
    expect(scanner.outcome).to_have_text(FOREIGN)
    assert all(url.startswith(site.origin) for url in asked if re.match("https?:", url))
