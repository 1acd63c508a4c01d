"""Which rule wins; and who may make and end rules."""

from dataclasses import replace
from typing import Any

import pytest
from time_machine import Traveller

from accounts.models import Holder
from audit.models import AuditRow
from billing.packages.errors import ItemUnknownError, RuleEndedError, RuleInvalidError
from billing.packages.models import Package, Rule, Terminal
from billing.packages.services.rules import (
    Draft,
    decide,
    end_rule,
    level_of,
    make_rule,
    strategy_of,
    weight_of,
)
from billing.packages.services.signals import lower_terminal, raise_terminal
from binding.identifiers import number_hash
from common.errors import NumberInvalidError
from enrolment.errors import (
    ApprovalWaitsError,
    OwnApprovalError,
    SecondOperatorMissingError,
)
from enrolment.models import Approval
from enrolment.services.approvals import approve, refuse
from tests.platform.policies import set_policy
from tests.platform.ruling import ITEM, NUMBER, OTHER_ITEM, application, rule, terminal_of
from tests.platform.world import Person, now

pytestmark = pytest.mark.django_db


@pytest.fixture
def package(dora: Person) -> Package:
    return application(dora)


@pytest.fixture
def terminal(dora: Person) -> Terminal:
    return terminal_of(dora)


@pytest.fixture
def asked(package: Package, terminal: Terminal) -> dict[str, Any]:
    """A request for ten euros of item 7, from a terminal with a number."""
    return {
        "terminal": terminal,
        "number_hash": number_hash(NUMBER),
        "package": package,
        "item": ITEM,
        "amount": 1000,
    }


# Which rule wins.

LEVEL, STRATEGY = "level", "strategy"
# The conditions of two rules, by name, of which the first is the more specific.
PRECEDENCE = [
    ("terminal", "number item amount_from package"),
    ("terminal", "number"),
    ("number", "item amount_from package"),
    ("item package", "amount_from package"),
    ("amount_from package", "package"),
    ("package", ""),
    ("terminal package", "terminal"),
    ("number item package", "number amount_from package"),
    ("terminal number item amount_from package", "terminal number item package"),
]


def conditions(names: str, asked: dict[str, Any]) -> dict[str, Any]:
    known = {
        "terminal": asked["terminal"],
        "number": NUMBER,
        "item": asked["item"],
        "amount_from": asked["amount"],
        "package": asked["package"],
    }
    return {name: known[name] for name in names.split()}


@pytest.mark.parametrize("laxer_wins", [False, True])
@pytest.mark.parametrize(("specific", "general"), PRECEDENCE)
def test_the_more_specific_rule_wins_whether_it_is_stricter_or_not(
    olga: Person, asked: dict[str, Any], specific: str, general: str, *, laxer_wins: bool
) -> None:
    values = ("low", "high") if laxer_wins else ("high", "low")
    winner = rule(olga, LEVEL, values[0], **conditions(specific, asked))
    rule(olga, LEVEL, values[1], **conditions(general, asked))

    decision = decide(LEVEL, **asked)

    assert (decision.value, decision.rule) == (values[0], winner)
    assert decision.why == "It is the most specific of the rules that fit."
    assert decision.candidates[0].weight > decision.candidates[1].weight


@pytest.mark.parametrize(
    ("names", "weight"),
    [
        ("", 0),
        ("package", 1),
        ("amount_from package", 3),
        ("item package", 5),
        ("number", 8),
        ("terminal", 16),
        ("terminal number item amount_from package", 31),
    ],
)
def test_weight_of_a_rule_is_the_sum_of_its_conditions(
    olga: Person, asked: dict[str, Any], names: str, weight: int
) -> None:
    assert weight_of(rule(olga, LEVEL, "low", **conditions(names, asked))) == weight


@pytest.mark.parametrize("strict_first", [False, True])
@pytest.mark.parametrize(
    ("kind", "strict", "lax"),
    [(LEVEL, "high", "low"), (STRATEGY, "passkey", "captcha")],
)
def test_of_two_rules_as_specific_the_stricter_wins(
    olga: Person, asked: dict[str, Any], kind: str, strict: str, lax: str, *, strict_first: bool
) -> None:
    for value in (strict, lax) if strict_first else (lax, strict):
        rule(olga, kind, value, terminal=asked["terminal"])

    decision = decide(kind, **asked)

    assert decision.value == strict
    assert decision.why == "Another rule is as specific, and this one is stricter."


def test_of_two_rules_that_say_as_much_the_older_is_named(
    olga: Person, asked: dict[str, Any]
) -> None:
    first = rule(olga, STRATEGY, "token", terminal=asked["terminal"])
    rule(olga, STRATEGY, "passkey", terminal=asked["terminal"])
    decision = decide(STRATEGY, **asked)
    assert decision.rule == first
    assert "this one is older" in decision.why


@pytest.mark.parametrize(
    ("names", "other"),
    [
        ("terminal", {"terminal": None}),
        ("number", {"number_hash": number_hash("+4915187654321")}),
        ("number", {"number_hash": None}),
        ("item package", {"item": OTHER_ITEM}),
        ("item package", {"item": None}),
        ("package", {"package": None}),
        ("amount_from package", {"amount": 999}),
        ("amount_from package", {"amount": None}),
    ],
)
def test_rule_does_not_hold_for_what_it_does_not_name(
    olga: Person, asked: dict[str, Any], names: str, other: dict[str, Any]
) -> None:
    rule(olga, LEVEL, "low", **conditions(names, asked))
    assert level_of(**asked) == "low"

    decision = decide(LEVEL, **{**asked, **other})

    assert (decision.value, decision.rule, decision.candidates) == ("high", None, ())


def test_rule_of_an_item_does_not_hold_for_the_same_number_of_another_application(
    olga: Person, dora: Person, asked: dict[str, Any]
) -> None:
    rule(olga, LEVEL, "low", **conditions("item package", asked))
    assert level_of(**{**asked, "package": application(dora, "Draughts")}) == "high"


@pytest.mark.parametrize(("amount", "level"), [(999, "low"), (1000, "high"), (1001, "high")])
def test_amount_of_a_rule_belongs_to_it(
    olga: Person, asked: dict[str, Any], amount: int, level: str
) -> None:
    rule(olga, LEVEL, "low", package=asked["package"])
    rule(olga, LEVEL, "high", package=asked["package"], amount_from=1000)
    assert level_of(**{**asked, "amount": amount}) == level


def test_same_request_is_high_from_one_phone_and_low_from_another(
    olga: Person, dora: Person, asked: dict[str, Any]
) -> None:
    rule(olga, LEVEL, "low", terminal=asked["terminal"])
    assert level_of(**asked) == "low"
    assert level_of(**{**asked, "terminal": terminal_of(dora, "Other")}) == "high"


@pytest.mark.parametrize("default", ["high", "low"])
def test_level_without_a_rule_is_that_of_the_settings(
    settings: Any, asked: dict[str, Any], default: str
) -> None:
    settings.DEFAULT_LEVEL = default
    decision = decide(LEVEL, **asked)
    assert (decision.value, decision.why) == (default, "No rule fits, so the default holds.")


@pytest.mark.parametrize(
    ("channel", "strategy"), [("network", "payment_password"), ("sms", "direct_sms")]
)
def test_strategy_without_a_rule_is_that_of_the_channel(
    asked: dict[str, Any], channel: str, strategy: str
) -> None:
    assert strategy_of(**asked, channel=channel) == strategy


def test_rules_of_levels_say_nothing_of_strategies(olga: Person, asked: dict[str, Any]) -> None:
    rule(olga, LEVEL, "low")
    rule(olga, STRATEGY, "captcha")
    assert (level_of(**asked), strategy_of(**asked)) == ("low", "captcha")


@pytest.mark.parametrize("gone", ["in_force_at", "ended_at"])
def test_rule_that_waits_or_has_ended_counts_for_nothing(
    olga: Person, asked: dict[str, Any], gone: str
) -> None:
    made = rule(olga, LEVEL, "low", terminal=asked["terminal"])
    Rule.objects.filter(pk=made.pk).update(**{gone: None if gone == "in_force_at" else now()})
    assert decide(LEVEL, **asked).candidates == ()


def test_raised_terminal_is_high_whatever_the_rules_say(
    settings: Any, olga: Person, asked: dict[str, Any]
) -> None:
    settings.DEFAULT_LEVEL = "low"
    rule(olga, LEVEL, "low", **conditions("terminal number item amount_from package", asked))
    raise_terminal(asked["terminal"], "evidence", now())

    decision = decide(LEVEL, **asked)

    assert (decision.value, decision.rule, len(decision.candidates)) == ("high", None, 1)
    assert decision.why == "The terminal was raised to HIGH, whatever the rules say."
    assert strategy_of(**asked) == "payment_password"


# Making and ending.


def make(who: Person, kind: str = LEVEL, value: str = "low", **more: Any) -> Rule:
    return make_rule(operator=who.holder, draft=Draft(kind, value, **more), now=now())


def the_approval() -> Approval:
    return Approval.objects.get(state="waiting")


def agree(who: Person) -> Approval:
    return approve(number=the_approval().pk, operator=who.holder, now=now())


@pytest.mark.parametrize(
    ("kind", "value", "at_once"),
    [
        (LEVEL, "high", True),
        (LEVEL, "low", False),
        (STRATEGY, "passkey", True),
        (STRATEGY, "token", True),
        (STRATEGY, "payment_password", False),
        (STRATEGY, "captcha", False),
        (STRATEGY, "direct_sms", False),
    ],
)
def test_only_the_strictest_rule_is_made_by_one_operator(
    olga: Person, otto: Person, kind: str, value: str, *, at_once: bool
) -> None:
    assert (make(olga, kind, value).in_force_at is not None) is at_once


@pytest.mark.parametrize(
    ("kind", "value", "at_once"),
    [
        (LEVEL, "low", True),
        (LEVEL, "high", False),
        (STRATEGY, "direct_sms", True),
        (STRATEGY, "captcha", False),
        (STRATEGY, "passkey", False),
    ],
)
def test_only_the_laxest_rule_is_ended_by_one_operator(
    olga: Person, otto: Person, kind: str, value: str, *, at_once: bool
) -> None:
    made = rule(olga, kind, value)
    end_rule(operator=olga.holder, number=made.pk, now=now())
    made.refresh_from_db()
    assert (made.ended_at is not None) is at_once


def test_low_rule_holds_only_after_the_second_operator_agreed(
    olga: Person, otto: Person, asked: dict[str, Any]
) -> None:
    make(olga, terminal=asked["terminal"])
    assert level_of(**asked) == "high"

    assert agree(otto).state == "done"

    assert level_of(**asked) == "low"
    row = AuditRow.objects.get(action="rule.made")
    assert row.actor == olga.holder.operator_actor


def test_nobody_agrees_to_an_own_low_rule(
    olga: Person, otto: Person, asked: dict[str, Any]
) -> None:
    make(olga, terminal=asked["terminal"])
    with pytest.raises(OwnApprovalError):
        agree(olga)
    assert level_of(**asked) == "high"


def test_low_rule_that_was_refused_never_holds(
    olga: Person, otto: Person, asked: dict[str, Any]
) -> None:
    made = make(olga, terminal=asked["terminal"])
    refuse(number=the_approval().pk, operator=otto.holder, now=now())
    assert level_of(**asked) == "high"
    with pytest.raises(RuleEndedError):
        end_rule(operator=olga.holder, number=made.pk, now=now())


def test_high_rule_ends_only_after_the_second_operator_agreed(
    settings: Any, olga: Person, otto: Person, asked: dict[str, Any]
) -> None:
    settings.DEFAULT_LEVEL = "low"
    made = make(olga, value="high")
    end_rule(operator=olga.holder, number=made.pk, now=now())
    with pytest.raises(ApprovalWaitsError):
        end_rule(operator=otto.holder, number=made.pk, now=now())
    assert level_of(**asked) == "high"

    agree(otto)

    assert level_of(**asked) == "low"


def test_rule_ends_once(olga: Person) -> None:
    made = rule(olga, LEVEL, "low")
    end_rule(operator=olga.holder, number=made.pk, now=now())
    with pytest.raises(RuleEndedError):
        end_rule(operator=olga.holder, number=made.pk, now=now())


def test_lone_operator_makes_no_low_rule(olga: Person) -> None:
    with pytest.raises(SecondOperatorMissingError):
        make(olga)
    assert not Rule.objects.exists()


def test_where_the_policy_wants_two_the_strictest_rule_waits_as_well(
    olga: Person, otto: Person
) -> None:
    set_policy(second_person=True)
    made = make(olga, value="high")
    assert made.in_force_at is None
    assert agree(otto).state == "done"


def test_phone_number_of_a_rule_is_kept_as_a_keyed_hash_and_its_last_digits(
    olga: Person, asked: dict[str, Any]
) -> None:
    made = make(olga, value="high", number="+49 151 1234-5678")
    assert (bytes(made.number_hash or b""), made.number_tail) == (number_hash(NUMBER), "5678")
    assert decide(LEVEL, **asked).rule == made
    assert NUMBER[-8:] not in repr(Draft(LEVEL, "high", number=NUMBER))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"kind": "colour"}, RuleInvalidError),
        ({"value": "medium"}, RuleInvalidError),
        ({"kind": STRATEGY, "value": "high"}, RuleInvalidError),
        ({"item": ITEM}, RuleInvalidError),
        ({"amount_from": 100}, RuleInvalidError),
        ({"package": True, "amount_from": 0}, RuleInvalidError),
        ({"package": True, "amount_from": 2**32}, RuleInvalidError),
        ({"package": True, "item": 99}, ItemUnknownError),
        ({"package": True, "item": 2**70}, ItemUnknownError),
        ({"package": True, "item": -1}, ItemUnknownError),
        ({"number": "12"}, NumberInvalidError),
    ],
)
def test_rule_that_says_nothing_is_not_made(
    olga: Person, package: Package, change: dict[str, Any], error: type[Exception]
) -> None:
    if "package" in change:
        change = {**change, "package": package}
    draft = replace(Draft(LEVEL, "high"), **change)
    with pytest.raises(error):
        make_rule(operator=olga.holder, draft=draft, now=now())
    assert not Rule.objects.exists()


# Raising and lowering.


def lower(who: Holder, terminal: Terminal) -> None:
    terminal.refresh_from_db()
    assert lower_terminal(terminal=terminal, operator=who, now=now()) is not None


def test_terminal_is_raised_at_once_and_lowered_by_two(
    olga: Person, otto: Person, terminal: Terminal
) -> None:
    raise_terminal(terminal, "operator", now(), actor=olga.holder.operator_actor)
    lower(olga.holder, terminal)
    with pytest.raises(OwnApprovalError):
        agree(olga)
    terminal.refresh_from_db()
    assert terminal.raised == "operator"

    assert agree(otto).state == "done"

    terminal.refresh_from_db()
    assert (terminal.raised, terminal.raised_at) == ("", None)


def test_what_was_raised_since_it_was_asked_for_stays_raised(
    olga: Person, otto: Person, terminal: Terminal, clock: Traveller
) -> None:
    raise_terminal(terminal, "operator", now())
    lower(olga.holder, terminal)
    clock.shift(1)
    raise_terminal(terminal, "evidence", now())

    decided = agree(otto)

    assert (decided.state, decided.code) == ("failed", "terminal_not_raised")
    terminal.refresh_from_db()
    assert terminal.raised == "evidence"
