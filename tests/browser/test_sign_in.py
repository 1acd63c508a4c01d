"""Signing in with a token, and leaving for good, in a browser."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from protocol import qrtext
from protocol.qrtext import Link
from tests.browser.browser import Visitor
from tests.e2e.live import Live
from tests.e2e.party import Party
from tokens.client import Client
from tokens.simulator import Shown, SimulatedToken

NewVisitor = Callable[..., Visitor]


@pytest.fixture
def sina(site: Live) -> Party:
    """Somebody who is asked for her only token."""
    party = site.party("Sina Schnell")
    if not party.tokens:
        party.enrol()
    hers = f"email = '{party.person.email}'"
    site.change("platform", f"UPDATE accounts_user SET asks_token = TRUE WHERE {hers}")  # noqa: S608
    return party


def type_password(visitor: Visitor, party: Party) -> Page:
    visitor.sign_in(party.person.email, party.person.password)
    return visitor.page


def scanned(page: Page, party: Party) -> tuple[SimulatedToken, Shown]:
    """Have the token scan what the page shows."""
    challenge = page.locator("#challenge").text_content() or ""
    assert qrtext.decode(challenge, Link.BUNDLE)
    (token,) = party.tokens.values()
    return token, token.read(challenge, datetime.now(UTC))


def test_a_token_that_sends_its_answer_lets_its_holder_in(
    new_visitor: NewVisitor, sina: Party
) -> None:
    page = type_password(new_visitor(), sina)
    expect(page.get_by_role("heading", name="Is this your sign-in?")).to_be_visible()
    expect(page.locator(".qr img").first).to_have_js_property("complete", value=True)
    token, shown = scanned(page, sina)

    assert Client().respond(token, shown, token.respond(shown, datetime.now(UTC))).accepted

    page.wait_for_url("**/")
    expect(page.get_by_role("link", name="Account", exact=True)).to_be_visible()


def test_digits_typed_without_scripts_let_their_holder_in(
    new_visitor: NewVisitor, sina: Party
) -> None:
    visitor = new_visitor(javascript=False)
    page = type_password(visitor, sina)
    token, shown = scanned(page, sina)

    page.fill("[name=response]", token.respond(shown, datetime.now(UTC)))
    page.press("[name=response]", "Enter")

    page.wait_for_url("**/")
    expect(page.get_by_role("link", name="Account", exact=True)).to_be_visible()


def test_whoever_deletes_the_account_shows_once_more_who_it_is(
    new_visitor: NewVisitor, site: Live
) -> None:
    lea = site.party("Lea Leaver")
    visitor = new_visitor()
    visitor.sign_in_as(lea.person)
    visitor.go("/account/delete")
    page = visitor.page
    page.check("[name=is_read]")
    page.get_by_role("button", name="Delete my account").click()

    page.fill("[name=password]", lea.person.password)
    page.press("[name=password]", "Enter")

    expect(page.get_by_text("Your account is deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    gone = "account = ? AND erased_at IS NOT NULL"
    assert site.count("platform", "accounts_holder", gone, lea.account) == 1
