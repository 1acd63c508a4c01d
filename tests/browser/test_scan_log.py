"""What the scan page says of the receipt log, and of keys that ended."""

import pytest
from playwright.sync_api import expect

from protocol import cbor
from protocol.receipt import identity
from tests.browser.browser import Visitor
from tests.browser.checks import assert_accessible
from tests.browser.scanner import COMPLETE, Scanner, keys, text_of
from tests.protocol import ended_vectors, world
from tests.protocol.ended_vectors import BARE, CHAIN, DECIDED, ONE, directory, ended, proof_of

UNCLEAR = "Cannot tell who signed this."
LEAKED = directory(ended(world.RECEIPT_KEY, compromised=DECIDED + 1000))


@pytest.fixture
def scanner(visitor: Visitor) -> Scanner:
    """The page, with the keys of a made-up platform that has a log."""
    scanner = Scanner(visitor)
    scanner.serve("keys", keys(ended_vectors.BASE))
    return scanner


def reminders(scanner: Scanner) -> str:
    """What stands beside the report."""
    return scanner.page.locator("[data-field=always]").inner_text()


def test_the_proof_is_asked_for_by_nobody_in_particular_and_kept_with_the_receipt(
    scanner: Scanner,
) -> None:
    scanner.serve_log(proof_of(ONE, after=60))
    scanner.open()
    with scanner.page.expect_request("**/api/v1/log/**") as asked:
        scanner.paste(text_of(ONE))

    expect(scanner.outcome).to_have_text(COMPLETE)
    assert scanner.lines["Passed"][-1].startswith("10. It is one of the 2 entries of the log of ")
    assert asked.value.url.endswith(f"/log/receipts/{identity(ONE).hex()}/proof.cbor")
    assert "cookie" not in asked.value.all_headers()

    scanner.page.get_by_role("button", name="Keep on this device").click()
    expect(scanner.page.get_by_text("Kept on this device", exact=True)).to_be_visible()
    scanner.serve_log()
    scanner.page.get_by_role("button", name="Verify another").click()
    scanner.page.get_by_role("button", name="Verify again").click()
    expect(scanner.outcome).to_have_text(COMPLETE)
    assert scanner.lines["Passed"][-1].startswith("10. It is one of ")


def test_a_receipt_without_a_proof_is_as_good_as_before_and_the_page_says_why(
    scanner: Scanner,
) -> None:
    scanner.open()
    scanner.visitor.tolerate("ERR_FAILED")
    for given, said in {
        "nothing yet": "It is not yet in the log.",
        "no answer": "Whether it is in the log was not checked (connect to check).",
        "another's": "Not proved to be in the log: the proof is not for this",
        "a page": "Not proved to be in the log: not deterministic CBOR.",
    }.items():
        proofs = {"another's": proof_of(BARE, after=60), "a page": b"<!doctype html>"}
        scanner.serve_log(proofs.get(given))
        if given == "no answer":
            scanner.visitor.context.route("**/api/v1/log/**", lambda route: route.abort())
        scanner.paste(text_of(ONE))
        expect(scanner.outcome).to_have_text(COMPLETE)
        assert said in reminders(scanner)
        scanner.page.get_by_role("button", name="Verify another").click()


def test_nobody_can_tell_who_signed_with_a_key_that_got_out_unless_it_was_logged_before(
    scanner: Scanner,
) -> None:
    scanner.serve("keys", keys(LEAKED))
    scanner.open().paste(text_of(BARE))

    expect(scanner.outcome).to_have_text(UNCLEAR)
    verdict = scanner.page.locator(".verdict")
    expect(verdict).to_contain_text("The platform's key was compromised on 2026-01-01 12:16:55")
    # Nothing is shown as signed, and nothing is built on it.
    expect(scanner.page.get_by_text("What it says, without proof")).to_be_visible()
    expect(scanner.page.get_by_role("button", name="Continue")).to_have_count(0)
    assert_accessible(scanner.page)

    scanner.serve_log(proof_of(BARE, after=999))
    scanner.serve_certificates([CHAIN[0].certificate])
    scanner.page.get_by_role("button", name="Verify another").click()
    scanner.paste(text_of(BARE))
    expect(scanner.outcome).to_have_text(COMPLETE)


def test_a_server_that_was_revoked_later_is_said_to_be(scanner: Scanner) -> None:
    vk = CHAIN[0].step.vk.hex()
    entries = [[CHAIN[0].certificate, DECIDED + 1]]
    scanner.serve(rf"servers/{vk[:3]}\.cbor", cbor.encode([1, entries]))
    scanner.open().paste(text_of(BARE))

    expect(scanner.outcome).to_have_text(COMPLETE)
    assert any(
        "and revoked on 2026-01-01 12:00:16 UTC." in each for each in scanner.lines["Passed"]
    )


def test_keys_that_take_back_the_end_of_one_are_refused_and_shown_to_be(scanner: Scanner) -> None:
    scanner.serve("keys", keys(LEAKED))
    scanner.open().paste(text_of(BARE))
    expect(scanner.outcome).to_have_text(UNCLEAR)

    scanner.serve("keys", keys(directory(number=LEAKED.number + 1)))
    scanner.page.reload()

    expect(scanner.page.get_by_text("The site now offers keys that were refused")).to_contain_text(
        "the directory takes back the end of a key"
    )
    expect(scanner.outcome).to_have_text(UNCLEAR)
