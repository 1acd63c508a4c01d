"""Rules and fraud signals by the API, for operators."""

from typing import Any

import pytest
from django.core.checks import run_checks

from billing.packages.models import Package, Rule, Terminal
from tests.platform.operators import auditor
from tests.platform.ruling import ITEM, NUMBER, application, rule, seen, terminal_of
from tests.platform.world import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def package(dora: Person) -> Package:
    return application(dora)


IDS_AND_TIMES = {
    *("id", "terminal", "package", "made_by"),
    *("created_at", "in_force_at", "ended_at"),
}


@pytest.fixture
def terminal(dora: Person) -> Terminal:
    return terminal_of(dora)


def uid(terminal: Terminal) -> str:
    return terminal.device.public_id


def test_strict_rule_is_made_at_once_and_listed(
    olga: Person, package: Package, terminal: Terminal
) -> None:
    body = {
        "kind": "level",
        "value": "high",
        "terminal": uid(terminal),
        "number": NUMBER,
        "package": package.public_id,
        "item": ITEM,
        "amount_from": 100,
    }
    answer = olga.call("POST", "/billing/rules", body)

    assert (answer.status, answer.body["weight"]) == (201, 31)
    # In ids and times, any five digits may stand.
    told = {name: value for name, value in answer.body.items() if name not in IDS_AND_TIMES}
    assert NUMBER[-5:] not in str(told)
    assert answer.body["number_ends"] == NUMBER[-4:]
    listed = olga.get("/billing/rules")["results"]
    assert [one["id"] for one in listed] == [answer.body["id"]]
    assert {listed[0][name] for name in ("terminal", "package")} == {
        uid(terminal),
        package.public_id,
    }


def test_lax_rule_waits_for_a_second_operator_and_ends_at_once(olga: Person, otto: Person) -> None:
    made = olga.call("POST", "/billing/rules", {"kind": "level", "value": "low"})
    assert (made.status, made.body["in_force_at"]) == (202, None)
    assert olga.get("/billing/rules")["results"] == []

    number = olga.get("/approvals")[0]["id"]
    own = olga.call("POST", f"/approvals/{number}/approve", {})
    assert own.refusal == (403, "own_approval")
    assert otto.call("POST", f"/approvals/{number}/approve", {}).body["state"] == "done"
    assert len(olga.get("/billing/rules")["results"]) == 1

    ended = olga.call("POST", f"/billing/rules/{made.body['id']}/end")
    assert ended.status == 200
    assert ended.body["ended_at"]
    again = olga.call("POST", f"/billing/rules/{made.body['id']}/end")
    assert again.refusal == (409, "rule_ended")


def test_strict_rule_ends_with_a_second_operator(olga: Person, otto: Person) -> None:
    made = rule(olga, "level", "high")
    answer = olga.call("POST", f"/billing/rules/{made.pk}/end")
    assert (answer.status, answer.body["action"]) == (202, "rule.end")


@pytest.mark.parametrize("number", [-1, 0, 10**30])
def test_rule_that_never_was_cannot_end(olga: Person, number: int) -> None:
    answer = olga.call("POST", f"/billing/rules/{number}/end")
    assert answer.refusal == (409, "rule_ended")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"value": "medium"}, (422, "rule_invalid")),
        ({"item": 1}, (422, "rule_invalid")),
        ({"amount_from": 2**32}, (422, "input_invalid")),
        ({"package": "00000000"}, (404, "package_unknown")),
        ({"terminal": "00" * 8}, (404, "not_found")),
        ({"number": "12"}, (422, "number_invalid")),
        ({"strict": True}, (422, "input_invalid")),
    ],
)
def test_rule_that_says_nothing_is_refused(
    olga: Person, change: dict[str, Any], refusal: tuple[int, str]
) -> None:
    body = {"kind": "level", "value": "high", **change}
    assert olga.call("POST", "/billing/rules", body).refusal == refusal
    assert not Rule.objects.exists()


def test_decision_names_the_winner_every_candidate_and_the_reason(
    olga: Person, package: Package, terminal: Terminal
) -> None:
    general = rule(olga, "level", "high", package=package)
    winner = rule(olga, "level", "low", terminal=terminal)
    path = f"/billing/terminals/{uid(terminal)}/decision?package={package.public_id}&item={ITEM}"

    body = olga.get(f"{path}&amount=500&channel=sms")

    level = body["level"]
    assert (level["value"], level["rule"]) == ("low", winner.pk)
    assert [(one["id"], one["weight"]) for one in level["candidates"]] == [
        (winner.pk, 16),
        (general.pk, 1),
    ]
    assert level["why"] == "It is the most specific of the rules that fit."
    assert (body["strategy"]["value"], body["strategy"]["rule"]) == ("direct_sms", None)


def test_terminal_is_raised_at_once_reviewed_and_lowered_by_two(
    olga: Person, otto: Person, terminal: Terminal
) -> None:
    last = seen(terminal)
    path = f"/billing/terminals/{uid(terminal)}"
    assert olga.call("POST", f"{path}/raise").body["raised"] == "operator"
    listed = olga.get(f"/billing/signals?fresh=true&terminal={uid(terminal)}")["results"]
    assert [one["reason"] for one in listed] == ["evidence_mismatch"]
    assert olga.call("POST", f"{path}/review", {"until": last.pk}).status == 200
    assert olga.get("/billing/signals?fresh=true")["results"] == []

    waits = olga.call("POST", f"{path}/lower")
    assert waits.status == 202
    assert olga.get(f"{path}/decision")["level"]["is_raised"]
    otto.call("POST", f"/approvals/{waits.body['id']}/approve", {})
    assert not otto.get(f"{path}/decision")["level"]["is_raised"]
    assert olga.call("POST", f"{path}/lower").refusal == (409, "terminal_not_raised")


def test_signals_are_listed_by_reason(olga: Person, terminal: Terminal) -> None:
    seen(terminal)
    by_reason = {
        reason: len(olga.get(f"/billing/signals?reason={reason}")["results"])
        for reason in ("evidence_mismatch", "key_mismatch")
    }
    assert by_reason == {"evidence_mismatch": 1, "key_mismatch": 0}


@pytest.mark.parametrize("reason", ["%00", "nothing", "key_mismatch%00", "KEY_MISMATCH"])
def test_a_reason_that_is_none_is_refused(olga: Person, reason: str) -> None:
    answer = olga.call("GET", f"/billing/signals?reason={reason}")
    assert answer.refusal == (422, "input_invalid")


PATHS = [
    ("GET", "/billing/rules"),
    ("GET", "/billing/signals"),
    ("GET", "/billing/terminals/{uid}/decision"),
    ("POST", "/billing/rules"),
    ("POST", "/billing/rules/1/end"),
    ("POST", "/billing/terminals/{uid}/raise"),
    ("POST", "/billing/terminals/{uid}/lower"),
    ("POST", "/billing/terminals/{uid}/review"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_others_than_operators_may_nothing_and_auditors_only_read(
    dora: Person, terminal: Terminal, method: str, path: str
) -> None:
    bodies: dict[str, Any] = {
        "/billing/rules": {"kind": "level", "value": "high"},
        "/billing/terminals/{uid}/review": {"until": 1},
    }
    where, body = path.format(uid=uid(terminal)), bodies.get(path, {})
    for reader in (dora, auditor("Ada")):
        may = method == "GET" and reader is not dora
        answer = reader.call(method, where, None if method == "GET" else body)
        assert answer.status == (200 if may else 403), answer
    terminal.refresh_from_db()
    assert not terminal.raised
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("LOW_RULE", "NONE", "countersign.E009"),
        ("LOW_RULE", "signature", "countersign.E009"),
        ("DEFAULT_LEVEL", "medium", "countersign.E010"),
    ],
)
def test_release_stops_at_a_level_or_a_low_rule_that_is_none(
    settings: Any, name: str, value: str, fault: str
) -> None:
    assert fault not in {message.id for message in run_checks()}
    setattr(settings, name, value)
    assert fault in {message.id for message in run_checks()}
