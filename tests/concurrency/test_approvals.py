"""Operators who decide, ask and change the policy at once: each thing is done once."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.concurrency.unguarded import ROUNDS, unguarded
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Answer, Party, at_once

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@pytest.fixture
def operators(services: Live) -> Iterator[list[Party]]:
    """Three operators, of whom two have to agree."""
    people = [services.party(name) for name in ("Olga Orlow", "Otto Ott", "Udo Ulm")]
    appoint(services, people, "TRUE")
    changed = people[0].call("PUT", "/policy", wanted(people[0], second_person=True))
    assert changed.status == 200, changed
    yield people
    services.change("platform", "DELETE FROM enrolment_approval", "DELETE FROM enrolment_policy")
    appoint(services, people, "FALSE")


def appoint(services: Live, people: list[Party], is_operator: str) -> None:
    accounts = ", ".join(f"'{person.account}'" for person in people)
    of_them = f"SELECT user_id FROM accounts_holder WHERE account IN ({accounts})"  # noqa: S608
    change = f"UPDATE accounts_user SET is_staff = {is_operator} WHERE id IN ({of_them})"  # noqa: S608
    services.change("platform", change)


def wanted(operator: Party, **changes: Any) -> dict[str, Any]:
    return {**operator.get("/policy"), **changes}


def ask(operator: Party) -> int:
    answer = operator.call("PUT", "/policy", wanted(operator, budget=20))
    assert answer.status == 202, answer
    return int(answer.body["id"])


def codes(answers: list[Answer]) -> Counter[tuple[int, str]]:
    return Counter((answer.status, answer.code) for answer in answers)


def changes(services: Live) -> int:
    """How often the number of failures was changed, as the audit has it."""
    budget = "action = 'policy.changed' AND subject LIKE ?"
    return services.count("platform", "audit_auditrow", budget, "%budget%")


def test_of_many_who_approve_at_once_one_has_it_done_once(
    services: Live, operators: list[Party]
) -> None:
    olga, otto, udo = operators
    path, before = f"/approvals/{ask(olga)}/approve", changes(services)

    answers = at_once([partial(who.call, "POST", path, {}) for who in (otto, udo) * 4])

    assert codes(answers) == {(200, ""): 1, (409, "approval_closed"): 7}
    assert changes(services) == before + 1


def test_who_asked_never_approves_it_from_however_many_sessions(
    services: Live, operators: list[Party]
) -> None:
    olga, otto, _ = operators
    path = f"/approvals/{ask(olga)}/approve"

    answers = at_once([partial(who.call, "POST", path, {}) for who in (olga, olga, olga, otto)])

    assert [answer.status for answer in answers].count(200) == 1
    (done,) = [answer.body for answer in answers if answer.status == 200]
    assert (done["asked_by"], done["decided_by"]) == (olga.account, otto.account)


def test_who_approves_and_who_takes_back_at_once_do_not_both_succeed(
    services: Live, operators: list[Party]
) -> None:
    olga, otto, _ = operators
    path, before = f"/approvals/{ask(olga)}", changes(services)

    approved, withdrawn = at_once(
        [
            partial(otto.call, "POST", f"{path}/approve", {}),
            partial(olga.call, "POST", f"{path}/withdraw", {}),
        ]
    )

    assert sorted([approved.status, withdrawn.status]) == [200, 409]
    assert changes(services) == before + (approved.status == 200)


def ask_at_once(services: Live, operators: list[Party]) -> tuple[int, list[Answer]]:
    """Ask for the same by two people at once; return how many wait then, and the answers."""
    body = wanted(operators[0], budget=20)
    calls = [partial(who.call, "PUT", "/policy", body) for who in operators[:2] * 3]
    answers = at_once(calls)
    waiting = services.count("platform", "enrolment_approval", "state = 'waiting'")
    services.change("platform", "UPDATE enrolment_approval SET state = 'expired'")
    return waiting, answers


def test_same_thing_waits_once_however_many_ask_at_once(
    services: Live, operators: list[Party]
) -> None:
    waiting, answers = ask_at_once(services, operators)
    assert waiting == 1
    assert codes(answers) == {(202, ""): 1, (409, "approval_waits"): 5}


def test_without_the_constraint_it_would_wait_more_often(
    services: Live, operators: list[Party]
) -> None:
    with unguarded(services, "approval_waits_once"):
        assert any(ask_at_once(services, operators)[0] > 1 for _ in range(ROUNDS))


def test_of_many_who_change_one_version_of_the_policy_one_does(
    services: Live, operators: list[Party]
) -> None:
    olga = operators[0]
    services.change("platform", "UPDATE enrolment_policy SET second_person = FALSE")
    body = wanted(olga)

    answers = at_once(
        [
            partial(who.call, "PUT", "/policy", {**body, "ttl_seconds": 60 + number})
            for number, who in enumerate(operators * 2)
        ]
    )

    assert codes(answers) == {(200, ""): 1, (409, "policy_changed"): 5}
    assert olga.get("/policy")["version"] == body["version"] + 1


def test_rule_that_many_approve_and_then_end_at_once_is_made_and_ended_once(
    services: Live, operators: list[Party]
) -> None:
    olga, otto, udo = operators
    made = olga.call("POST", "/billing/rules", {"kind": "level", "value": "low"})
    assert made.status == 202, made
    path = f"/approvals/{olga.get('/approvals')[0]['id']}/approve"
    approved = at_once([partial(who.call, "POST", path, {}) for who in (otto, udo) * 3])
    services.change("platform", "UPDATE enrolment_policy SET second_person = FALSE")

    path = f"/billing/rules/{made.body['id']}/end"
    ended = at_once([partial(who.call, "POST", path) for who in operators * 2])

    assert codes(approved) == {(200, ""): 1, (409, "approval_closed"): 5}
    assert codes(ended) == {(200, ""): 1, (409, "rule_ended"): 5}
    number = f"rule:{made.body['id']}"
    for action in ("rule.made", "rule.ended"):
        written = services.count(
            "platform", "audit_auditrow", "action = ? AND subject = ?", action, number
        )
        assert written == 1, action
