"""The scan page: what it says of a receipt, and of what is none."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from protocol import cose, qrtext
from protocol.cose import Typ
from protocol.keys import root_fingerprint
from protocol.qrtext import Link
from protocol.receipt import Receipt, identity
from protocol.statement import Demand, Kind, Party
from protocol.verdict import Reason
from receipts.services import read_text
from tests.browser.browser import Visitor
from tests.browser.receipts import CHAIN, ONE, kept
from tests.browser.scanner import (
    AUTHORIZED,
    CHANGED,
    CHARGED,
    COMPLETE,
    FOREIGN,
    INCOMPLETE,
    REFUSED,
    TEST,
    Scanner,
    keys,
    text_of,
)
from tests.browser.scene import Scene
from tests.e2e.live import Live
from tests.protocol import make_vectors, world

NewVisitor = Callable[..., Visitor]
_ASKED = (Party("883100004711", "Try this token"), Demand(Kind.TEST))
TESTED = world.receipt_in_form(world.chain(1, content=lambda _: _ASKED), 1, 1)
ALL_CERTIFIED = [signed.certificate for signed in CHAIN]


@pytest.fixture
def scanner(lasting_visitor: Visitor) -> Iterator[Scanner]:
    """The page, with the keys of a made-up platform, and no certificates to be had."""
    scanner = Scanner(lasting_visitor)
    scanner.serve("keys", keys())
    scanner.serve("servers/", None)
    yield scanner.begin_anew()
    lasting_visitor.context.unroute_all()


def signed(receipt: Receipt) -> str:
    """The text of a receipt that its platform signs."""
    return text_of(receipt.sign(world.RECEIPT_KEY))


# --- What a receipt says


@pytest.mark.parametrize("parties", [1, 2, 3])
def test_a_receipt_with_all_its_certificates_is_proved(scanner: Scanner, parties: int) -> None:
    scanner.paste(signed(world.receipt_in_form(CHAIN[:parties], parties, parties)))

    expect(scanner.outcome).to_have_text(COMPLETE)
    assert set(scanner.lines) == {"Passed"}
    names = [signed.statement.party.name for signed in CHAIN[:parties]]
    headings = scanner.page.locator(".chain h3").all_inner_texts()
    assert headings == [f"Step {place + 1}: {names[place]}" for place in reversed(range(parties))]


def test_the_receipt_of_a_charge_says_who_paid_whom_for_what_and_how_much(
    scanner: Scanner,
) -> None:
    scanner.paste(text_of(world.CHARGE.sign(world.RECEIPT_KEY)))

    expect(scanner.outcome).to_have_text(CHARGED)
    assert {how: len(lines) for how, lines in scanner.lines.items()} == {
        "Passed": 3,
        "Not checked": 1,
    }
    said = scanner.facts("1.99")
    assert said.pop("Charged at").startswith("Jan 1, 2026")
    assert said == {
        "Paid by": "Anna Meier\n8831 0047 1100",
        "Paid to": "Kite Games\n8831 0147 1100",
        "For": "100 coins (Kites over Kiel)",
        "Confirmed by": "the payment password",
    }
    expect(scanner.page.get_by_role("button", name="Continue")).to_have_count(0)


def test_the_receipt_of_a_right_says_that_nothing_was_paid(scanner: Scanner) -> None:
    scanner.paste(text_of(world.RIGHT.sign(world.RECEIPT_KEY)))

    expect(scanner.outcome).to_have_text(AUTHORIZED)
    said = scanner.facts("Car park")
    assert said.pop("Authorized at").startswith("Jan 1, 2026")
    assert said == {
        "Used by": "Anna Meier\n8831 0047 1100",
        "Service of": "Kite Games\n8831 0147 1100",
        "Amount": "Nothing was paid.",
        "Confirmed by": "a phone without a network",
    }


def test_a_charge_that_was_changed_is_shown_without_proof(scanner: Scanner) -> None:
    signature = cose.parse(world.CHARGE.sign(world.RECEIPT_KEY)).signature
    payload = replace(world.CHARGE, amount=1).payload()
    kid = world.RECEIPT_KEY.kid
    scanner.paste(
        text_of(cose.assemble(typ=Typ.CHARGE, kid=kid, payload=payload, signature=signature))
    )

    expect(scanner.outcome).to_have_text(CHANGED)
    expect(scanner.page.get_by_text("What it says, without proof")).to_be_visible()


def test_a_step_is_told_in_plain_words(scanner: Scanner) -> None:
    demand = replace(ONE.steps[0].demand, text="300 roses", reference="PO-1", due_days=14)
    step = replace(ONE.steps[0], demand=demand)
    scanner.paste(signed(replace(ONE, steps=(step,))))

    scanner.page.get_by_text("What it says, without proof").click()
    said = scanner.facts("Step 1")
    assert said.pop("Signed at").startswith("Jan 1, 2026")
    assert said == {
        "What": "Payment",
        "Amount": "1,250.00\xa0EUR",
        "To": "Larsen Blooms",
        "To account": demand.payee_account,
        "Text": "300 roses",
        "Reference": "PO-1",
        "Due": "January 15, 2026",
        "Remark": "Deliver by Friday",
        "Account number": "8831 0047 11",
        "Token": f"{step.serial}\nthe token showed the statement",
    }


def test_the_largest_amount_is_exact(scanner: Scanner) -> None:
    demand = replace(ONE.steps[0].demand, amount=2**53 - 1, currency="KWD")
    scanner.paste(signed(replace(ONE, steps=(replace(ONE.steps[0], demand=demand),))))

    scanner.page.get_by_text("What it says, without proof").click()
    assert scanner.facts("Step 1")["Amount"] == "9,007,199,254,740.991\xa0KWD"


def test_values_are_shown_as_they_are_written_and_rearrange_nothing(scanner: Scanner) -> None:
    party = replace(ONE.steps[0].party, name="<b>שלום</b>", remark="<img src=x onerror=alert(1)>")
    scanner.paste(signed(replace(ONE, steps=(replace(ONE.steps[0], party=party),))))

    scanner.page.get_by_text("What it says, without proof").click()
    assert scanner.facts("<b>שלום</b>")["Remark"] == party.remark
    values = scanner.page.locator("bdi", has_text=re.compile("שלום|onerror"))
    expect(values).to_have_count(2)


def test_what_the_platform_alone_says_is_not_green_as_a_whole(scanner: Scanner) -> None:
    scanner.paste(signed(world.receipt_in_form(CHAIN[:2], 2, 1)))

    expect(scanner.outcome).to_have_text(INCOMPLETE)
    (line,) = scanner.lines["Not checked"]
    assert "the platform says that the server said: accepted" in line
    assert "connect to check" in line
    seals = scanner.page.locator(".chain .seal")
    expect(seals.nth(0)).to_have_class(re.compile("seal-good"))
    expect(seals.nth(1)).to_have_class(re.compile("seal-warn"))


def test_certificates_are_fetched_and_the_day_is_said(visitor: Visitor) -> None:
    scanner = Scanner(visitor)
    scanner.serve("keys", keys())
    scanner.serve_certificates(ALL_CERTIFIED)
    scanner.open().paste(signed(world.receipt_in_form(CHAIN[:2], 2, 0)))

    expect(scanner.outcome).to_have_text(COMPLETE)
    assert sum("by a certificate fetched on" in line for line in scanner.lines["Passed"]) == 2
    expect(
        scanner.page.get_by_text(re.compile(r"^Certificates of servers fetched on "))
    ).to_be_visible()


def test_a_folded_receipt_says_how_much_is_not_shown(scanner: Scanner) -> None:
    scanner.paste(signed(world.receipt_in_form(CHAIN[:5], 2, 2)))

    expect(scanner.outcome).to_have_text(INCOMPLETE)
    folded = scanner.page.get_by_text("3 earlier steps are bound by digest and not shown")
    expect(folded).to_have_count(2)


def test_what_goes_for_every_receipt_is_said_beside_it(scanner: Scanner) -> None:
    scanner.paste(signed(ONE))

    for sentence in (
        "This proves what was signed, not who held the token.",
        "A later step may exist.",
        "Keys as of 2026-01-01 12:00:00 UTC.",
    ):
        expect(scanner.page.get_by_text(sentence)).to_be_visible()


def test_experts_find_identity_root_and_text(scanner: Scanner) -> None:
    text = signed(ONE)
    scanner.paste(text)
    scanner.page.get_by_text("For experts").click()

    shown = scanner.page.locator("details").last
    expect(shown).to_contain_text(identity(read_text(text).message).hex())
    expect(shown).to_contain_text(ONE.tx.hex())
    expect(shown).to_contain_text(root_fingerprint(world.ROOT.public))
    expect(shown).to_contain_text(text)


# --- What is not to be trusted


def test_a_refusal_is_never_a_signature(scanner: Scanner) -> None:
    scanner.paste(signed(world.refusal(reason=Reason.DECLINED)))

    expect(scanner.outcome).to_have_text(REFUSED)
    expect(scanner.page.get_by_role("heading", name="What was refused")).to_be_visible()
    (line,) = scanner.lines["Failed"]
    assert line == "8. Nothing was signed: the step was refused, declined by the holder."
    assert "Signed at" not in scanner.facts("Step 1")


def test_a_test_is_never_taken_for_the_real_thing(scanner: Scanner) -> None:
    scanner.paste(signed(TESTED))

    expect(scanner.outcome).to_have_text(TEST)
    assert scanner.facts("Step 1")["What"] == "TEST, nothing is approved"
    assert set(scanner.lines) == {"Passed"}, "genuine, as what it is"
    expect(scanner.page.locator(".verdict-good")).to_have_count(0)


def test_a_changed_receipt_is_not_to_be_trusted(scanner: Scanner) -> None:
    party = replace(ONE.steps[0].party, remark="Deliver by Sunday")
    scanner.paste(text_of(kept(replace(ONE, steps=(replace(ONE.steps[0], party=party),))).message))

    expect(scanner.outcome).to_have_text(CHANGED)
    assert any(line.startswith("3. The platform's signature") for line in scanner.lines["Failed"])
    expect(scanner.page.get_by_text("Deliver by Sunday")).to_be_hidden()
    expect(scanner.page.locator(".verdict-good, .seal-good")).to_have_count(0)


def test_a_receipt_that_the_platform_itself_changed_is_not_to_be_trusted(scanner: Scanner) -> None:
    party = replace(ONE.steps[0].party, remark="Deliver by Sunday")
    scanner.paste(signed(replace(ONE, steps=(replace(ONE.steps[0], party=party),))))

    expect(scanner.outcome).to_have_text(CHANGED)
    assert [line[:2] for line in scanner.lines["Failed"]] == ["6."]


@pytest.mark.parametrize("name", ["demu", world.PLATFORM.id])
def test_a_receipt_of_another_platform_is_not_judged(scanner: Scanner, name: str) -> None:
    platform = replace(world.PLATFORM, id=name, name="Elsewhere", origin="https://else.where")
    message = replace(ONE, platform=platform).sign(world.ROOT)
    scanner.paste(text_of(message, "https://else.where"))

    expect(scanner.outcome).to_have_text(FOREIGN)
    expect(
        scanner.page.get_by_text(f"Elsewhere ({name}), https://else.where").first
    ).to_be_visible()
    expect(scanner.page.get_by_role("link", name=re.compile("else"))).to_have_count(0)


@pytest.mark.parametrize("text", [signed(ONE)[:-1], signed(ONE)[:40] + "9" + signed(ONE)[41:]])
def test_a_damaged_code_is_not_to_be_trusted(scanner: Scanner, text: str) -> None:
    scanner.paste(text)

    expect(scanner.page.locator(".note-bad, .verdict-bad").first).to_contain_text("Do not trust")


def test_content_that_is_no_receipt_is_not_to_be_trusted(scanner: Scanner) -> None:
    scanner.paste(text_of(b"no receipt"))

    expect(scanner.outcome).to_have_text(CHANGED)
    assert [line[:17] for line in scanner.lines["Failed"]] == ["1. Not a receipt:"]


# --- What is no receipt


def test_a_foreign_address_is_shown_and_never_opened(scanner: Scanner) -> None:
    scanner.paste("https://example.org/pay?\u202eyap")

    expect(scanner.said).to_contain_text("This is no receipt.")
    expect(scanner.said).to_contain_text("https://example.org/pay?<U+202E>yap")
    expect(scanner.said.locator("a")).to_have_count(0)


def test_a_challenge_is_for_the_token(scanner: Scanner) -> None:
    scanner.paste(qrtext.encode("https://cs.example.com", Link.BUNDLE, b"challenge"))

    expect(scanner.said).to_contain_text("This is a challenge: scan it with your token.")
    expect(scanner.said).to_contain_text("https://cs.example.com")


def test_an_invitation_is_for_a_new_token(scanner: Scanner) -> None:
    scanner.paste(json.loads((make_vectors.FOLDER / "invitation.json").read_text())["text"])

    expect(scanner.said).to_contain_text("This is an invitation: scan it with a new token.")
    expect(scanner.said).to_contain_text("https://one.example.net")


# --- How it gets there, and on


def test_a_text_that_was_broken_into_lines_is_joined(scanner: Scanner) -> None:
    text = signed(ONE)
    scanner.paste(f"  {text[:50]}\n{text[50:200]}\r\n {text[200:]}\n")

    expect(scanner.outcome).to_have_text(COMPLETE)


def test_a_phones_camera_app_leads_right_to_the_result(visitor: Visitor, scene: Scene) -> None:
    digits = scene.receipt.partition("#")[2]
    visitor.go(f"/r#{digits}")
    scanner = Scanner(visitor)

    expect(scanner.outcome).to_have_text(COMPLETE)
    assert visitor.page.url == f"{visitor.origin}/r"
    visitor.page.reload()
    expect(scanner.outcome).to_have_text(COMPLETE)


def test_a_damaged_address_leaves_the_ways_in(visitor: Visitor, scene: Scene) -> None:
    visitor.go(f"/r#{scene.receipt.partition('#')[2][:-1]}")

    expect(Scanner(visitor).said).to_contain_text("This code is damaged or was changed")
    expect(visitor.page.get_by_role("button", name="Start the camera")).to_be_visible()


def test_a_link_to_the_page_begins_anew(scanner: Scanner) -> None:
    scanner.paste(signed(ONE))
    expect(scanner.outcome).to_have_text(COMPLETE)
    scanner.page.get_by_role("banner").get_by_role("link", name="Verify").click()

    expect(scanner.page.get_by_role("button", name="Start the camera")).to_be_visible()
    expect(scanner.page.locator(".verdict")).to_have_count(0)


def test_a_second_receipt_in_the_address_takes_the_place_of_the_first(
    visitor: Visitor, scene: Scene
) -> None:
    scanner = Scanner(visitor)
    for text, outcome in ((scene.receipt, COMPLETE), (scene.refusal, REFUSED)):
        visitor.page.goto(f"/r#{text.partition('#')[2]}")
        expect(scanner.outcome).to_have_text(outcome)


def test_the_focus_goes_to_the_result_and_back(scanner: Scanner) -> None:
    scanner.page.get_by_label("The text of the code").fill(signed(ONE))
    scanner.page.keyboard.press("Tab")
    scanner.page.keyboard.press("Enter")
    expect(scanner.outcome).to_be_focused()

    scanner.page.get_by_role("button", name="Verify another").press("Enter")
    expect(scanner.page.get_by_role("button", name="Start the camera")).to_be_focused()
    expect(scanner.page.get_by_label("The text of the code")).to_have_value("")


def test_a_valid_receipt_can_be_continued(visitor: Visitor, site: Live) -> None:
    anna = site.party("Anna Meier")
    receipt = anna.sign(anna.open())
    visitor.sign_in_as(site.party("Ben Schmidt").person)
    scanner = Scanner(visitor).open()
    scanner.paste(receipt["receipt"])
    scanner.page.get_by_role("button", name="Continue this transaction").click()

    visitor.page.wait_for_url(f"**/continue/{receipt['receipt_id']}")
    # The result is there again when the reader comes back.
    visitor.page.go_back()
    expect(scanner.outcome).to_have_text(COMPLETE)


@pytest.mark.parametrize(
    "text",
    [
        signed(world.refusal()),
        signed(TESTED),
        text_of(ONE.sign(world.ROOT)),
        signed(replace(ONE, platform=replace(world.PLATFORM, id="demu"))),
    ],
    ids=["refusal", "test", "changed", "of another platform"],
)
def test_nothing_else_can_be_continued(scanner: Scanner, text: str) -> None:
    scanner.paste(text)

    expect(scanner.page.get_by_role("button", name="Verify another")).to_be_visible()
    expect(scanner.page.get_by_role("button", name="Continue")).to_have_count(0)


def test_the_result_is_told_in_the_readers_language(new_visitor: NewVisitor, scene: Scene) -> None:
    visitor = new_visitor(language="zh-CN")
    visitor.go(f"/r#{scene.receipt.partition('#')[2]}")

    expect(visitor.page.locator(".chain time").first).to_contain_text(
        re.compile(r"\d年\d+月\d+日")
    )
    lines = visitor.page.locator(".checks > li")
    expect(lines.first).to_be_visible()
    assert all(re.search("[一-龥]", line) for line in lines.all_inner_texts())


# --- Without what it takes


def test_without_scripts_the_page_says_what_to_do_instead(new_visitor: NewVisitor) -> None:
    page = new_visitor(javascript=False).page
    page.goto("/scan")

    # Playwright finds no words within this element.
    instead = page.locator("noscript > *")
    expect(instead.first).to_be_visible()
    expect(instead.first).to_contain_text("This needs JavaScript, which is off.")
    expect(page.locator("noscript pre")).to_contain_text("manage.py verify_receipt")
    expect(page.get_by_role("button", name="Start the camera")).to_be_hidden()
    page.locator("noscript a").click()
    expect(page).to_have_url(re.compile("/continue$"))


NO_ED25519 = """
crypto.subtle.importKey = async () => { throw new DOMException('', 'NotSupportedError') }
"""


def test_a_browser_without_ed25519_says_so_and_offers_nothing(visitor: Visitor) -> None:
    visitor.context.add_init_script(NO_ED25519)
    visitor.go("/scan")

    expect(visitor.page.get_by_text("This browser cannot verify here")).to_be_visible()
    expect(visitor.page.get_by_text("manage.py verify_receipt")).to_be_visible()
    expect(visitor.page.get_by_role("button", name="Verify", exact=True)).to_be_hidden()
