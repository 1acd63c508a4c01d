"""The console's pages of rules and of fraud signals."""

import re
from typing import Any

import pytest
from django.test import Client

from billing.packages.models import FraudSignal, Package, Rule, Terminal
from billing.packages.services.signals import raise_terminal
from enrolment.models import Approval
from tests.platform.operators import auditor, browser_of, text_of
from tests.platform.phones import Phone
from tests.platform.ruling import ITEM, NUMBER, application, rule, seen, terminal_of
from tests.platform.world import Person, now

pytestmark = pytest.mark.django_db
RULES, FRAUD = "/console/rules", "/console/fraud"


@pytest.fixture
def package(dora: Person) -> Package:
    return application(dora)


@pytest.fixture
def terminal(dora: Person) -> Terminal:
    return terminal_of(dora)


def uid(terminal: Terminal) -> str:
    return terminal.device.public_id


def words(answer: Any, status: int = 200) -> str:
    """Return what a page says, without its markup."""
    text = re.sub("<[^>]*>", " ", text_of(answer, status))
    return " ".join(text.replace("&nbsp;", " ").split())


def post(browser: Client, path: str, status: int = 302, /, **fields: Any) -> str:
    """Post to a page; return what it says then."""
    answer = browser.post(path, fields)
    if status != 302:
        return words(answer, status)
    assert answer.status_code == 302, words(answer, answer.status_code)
    return words(browser.get(answer["Location"]))


# Rules.


def test_without_rules_the_page_says_what_holds(console: Client) -> None:
    assert "the defaults hold: level High" in words(console.get(RULES))


def test_strict_rule_is_made_in_words_and_ended_by_two(
    console: Client, otto: Person, terminal: Terminal, package: Package
) -> None:
    said = post(
        console,
        RULES,
        action="make",
        says="level high",
        terminal=uid(terminal),
        number="+49 151 12345678",
        package=package.public_id,
        item=ITEM,
        amount="2.50",
    )
    assert "The rule holds." in said
    told = f"Terminal {uid(terminal)} · Phone number …5678 · Application Chess · Item 7"
    assert f"{told} · Amount from 2.50 EUR 31" in said
    made = Rule.objects.get()
    assert (made.item, made.amount_from) == (ITEM, 250)

    said = post(console, RULES, action="end", end=made.pk)
    assert "A second operator was asked" in said
    assert "This waits for a second operator" in said


def test_lax_rule_waits_and_the_approvals_page_says_it_in_words(
    console: Client, otto: Person, terminal: Terminal
) -> None:
    said = post(console, RULES, action="make", says="level low", terminal=uid(terminal))
    assert "A second operator was asked" in said
    assert "the defaults hold" in said
    waits = words(console.get("/console/approvals"))
    assert "Make a rule" in waits
    assert f"Security level Low Terminal {uid(terminal)}" in waits

    fields: dict[str, Any] = {"number": Approval.objects.get().pk, "decision": "approve"}
    post(browser_of(otto), "/console/approvals", **fields)
    assert f"Low Terminal {uid(terminal)} 16" in words(console.get(RULES))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"terminal": "xyz"}, "A terminal's id has sixteen digits"),
        ({"terminal": "0" * 16}, "No terminal of this id bills."),
        ({"number": "12"}, "with its country"),
        ({"item": 7}, "Items and amounts are those of an application"),
        ({"amount": "5"}, "Items and amounts are those of an application"),
        ({"package": True, "amount": "five"}, "Write the amount in digits"),
        ({"package": True, "amount": "0"}, "This cannot be a rule."),
        ({"package": True, "item": 99}, "sells no"),
        ({"says": "level medium"}, "Select a valid choice"),
    ],
)
def test_form_says_what_is_wrong_and_nothing_is_made(
    console: Client, package: Package, fields: dict[str, Any], said: str
) -> None:
    if "package" in fields:
        fields = {**fields, "package": package.public_id}
    shown = post(console, RULES, 422, action="make", **{"says": "level high", **fields})
    assert said in shown.replace("&#x27;", "'")
    assert not Rule.objects.exists()


def test_page_shows_which_rule_wins_every_candidate_and_why(
    console: Client, olga: Person, terminal: Terminal, package: Package
) -> None:
    general = rule(olga, "level", "high", package=package)
    winner = rule(olga, "level", "low", terminal=terminal)
    said = post(
        console,
        RULES,
        action="ask",
        terminal=uid(terminal),
        package=package.public_id,
        item=ITEM,
        channel="network",
    )
    assert f"Security level: Low Rule {winner.pk} wins." in said
    assert "It is the most specific of the rules that fit." in said
    assert f"{winner.pk} Low Terminal {uid(terminal)} 16 Wins" in said
    assert f"{general.pk} High Application Chess 1" in said
    assert "How it is confirmed: Payment password No rule fits, so the default holds." in said


def test_amount_that_is_left_out_is_the_price_of_the_item(
    console: Client, olga: Person, terminal: Terminal, package: Package
) -> None:
    rule(olga, "strategy", "passkey", package=package, amount_from=500)
    ask: dict[str, Any] = {"terminal": uid(terminal), "package": package.public_id}
    assert "confirmed: Passkey" in words(console.get(RULES, {**ask, "item": ITEM}))
    assert "confirmed: Payment password" in words(console.get(RULES, ask))


def test_raised_terminal_and_a_strategy_that_the_channel_lacks_are_told(
    console: Client, olga: Person, terminal: Terminal
) -> None:
    rule(olga, "level", "low")
    rule(olga, "strategy", "direct_sms")
    raise_terminal(terminal, "evidence", now())
    said = words(console.get(RULES, {"terminal": uid(terminal)}))
    assert "Security level: High The terminal was raised to HIGH" in said
    assert "Held to High: look at its signals" in said
    assert "the next stricter one takes its place" in said


def test_number_finds_its_terminal_and_never_stands_in_an_address(
    phone_keys: None, console: Client, dora: Person
) -> None:
    phone = Phone.bound(dora)
    terminal = Terminal.objects.create(
        device=phone.gadget.row, sealed_evidence_key=b"", share=bytes(32), created_at=now()
    )
    rule(dora, "level", "low", number=phone.sim.number)
    answer = console.post(RULES, {"action": "ask", "number": phone.sim.number, "channel": "sms"})
    assert phone.sim.number.strip("+") not in answer["Location"]
    said = words(console.get(answer["Location"]))
    assert f"What holds for terminal {uid(terminal)}" in said
    assert "Security level: Low" in said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Name a terminal, or its phone number."),
        ({"number": NUMBER}, "No terminal that bills is bound to this number."),
    ],
)
def test_case_without_a_terminal_is_asked_back(
    console: Client, fields: dict[str, str], said: str
) -> None:
    assert said in post(console, RULES, 422, action="ask", channel="sms", **fields)


@pytest.mark.parametrize("query", ["terminal=", "terminal=zz", "terminal=%00&item=x&package=y"])
def test_address_that_means_nothing_is_a_page_all_the_same(console: Client, query: str) -> None:
    assert "What holds for terminal" not in words(console.get(f"{RULES}?{query}"))


@pytest.mark.parametrize("fields", [{}, {"action": "end"}, {"action": "end", "end": "9" * 30}])
def test_post_that_means_nothing_is_malformed(console: Client, fields: dict[str, str]) -> None:
    assert console.post(RULES, fields).status_code == 400


def test_rule_that_is_not_in_force_cannot_end(console: Client) -> None:
    assert "not in force any more" in post(console, RULES, 409, action="end", end=12345)


# Fraud signals.


def test_without_signals_the_page_says_so(console: Client) -> None:
    said = words(console.get(FRAUD))
    assert "No terminal has to be looked at." in said
    assert "Nothing was seen" in said


def test_signals_are_listed_charted_and_narrowed(
    console: Client, dora: Person, terminal: Terminal
) -> None:
    other = terminal_of(dora, "Other")
    seen(terminal)
    seen(terminal)
    seen(other, "sender_mismatch")

    said = words(console.get(FRAUD))
    assert "Signals a day at most 3" in said
    assert "2 new signals" in said
    assert {uid(terminal), uid(other)} <= set(said.split())

    said = words(console.get(FRAUD, {"reason": "sender_mismatch"}))
    assert said.count("SMS from a number that is not its own") == 2  # in the filter, and one row
    said = words(console.get(FRAUD, {"terminal": uid(other)}))
    assert uid(terminal) not in said


def test_terminal_is_raised_looked_at_and_lowered_by_two(
    console: Client, olga: Person, otto: Person, terminal: Terminal
) -> None:
    one = seen(terminal)
    about: dict[str, Any] = {"terminal": uid(terminal)}
    assert "It is held to High now." in post(console, FRAUD, action="raise", **about)
    assert "An operator raised it" in words(console.get(FRAUD))
    said = post(console, FRAUD, action="review", until=one.pk, **about)
    assert "Its signals are noted." in said
    one.refresh_from_db()
    assert one.reviewed_by == olga.holder

    said = post(console, FRAUD, action="lower", **about)
    assert "Lowering it waits for a second operator." in said
    waits = words(console.get("/console/approvals"))
    assert "Hold a terminal to the rules again" in waits
    fields: dict[str, Any] = {"number": Approval.objects.get().pk, "decision": "approve"}
    own = post(console, "/console/approvals", 403, **fields)
    assert "somebody else" in own
    post(browser_of(otto), "/console/approvals", **fields)
    terminal.refresh_from_db()
    assert not terminal.raised
    said = post(console, FRAUD, 409, action="lower", **about)
    assert "This terminal is not held to High" in said


def test_overview_counts_the_terminals_to_look_at(console: Client, terminal: Terminal) -> None:
    assert "0 terminals to look at" in words(console.get("/console/"))
    seen(terminal)
    assert "1 terminals to look at" in words(console.get("/console/"))


def test_quiet_terminal_is_found_by_its_id_so_that_it_can_be_raised(
    console: Client, terminal: Terminal
) -> None:
    said = words(console.get(FRAUD, {"terminal": uid(terminal)}))
    assert "Hold it to High" in said
    assert "No terminal of this id" in words(console.get(FRAUD, {"terminal": "0" * 16}))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"action": "raise"},
        {"action": "raise", "terminal": "zz"},
        {"action": "dance", "terminal": "0" * 16},
        {"action": "review", "terminal": "0" * 16, "until": "x"},
    ],
)
def test_button_that_is_none_is_malformed(console: Client, fields: dict[str, str]) -> None:
    assert console.post(FRAUD, fields).status_code == 400


def test_terminal_that_is_none_is_not_found(console: Client) -> None:
    fields = {"action": "raise", "terminal": "0" * 16}
    assert console.post(FRAUD, fields).status_code == 404


@pytest.mark.parametrize("path", [RULES, FRAUD])
def test_auditor_reads_and_changes_nothing(terminal: Terminal, path: str) -> None:
    seen(terminal)
    browser = browser_of(auditor("Ada"))
    said = words(browser.get(path))
    assert "Make this rule" not in said
    assert "Hold it to High" not in said
    for action in ("make", "raise", "review"):
        fields = {"action": action, "says": "level high", "terminal": uid(terminal), "until": 99}
        assert browser.post(path, fields).status_code == 403
    assert not Rule.objects.exists()
    assert not FraudSignal.objects.exclude(reviewed_at=None).exists()


@pytest.mark.parametrize("path", ["/console/webhooks", RULES, FRAUD])
def test_every_page_of_the_console_leads_to_the_others(console: Client, path: str) -> None:
    page = text_of(console.get(path))
    assert f'href="{RULES}"' in page
    assert f'href="{FRAUD}"' in page
    assert page.count('<nav class="subnav"') == 1
