"""What one step costs the database: no query and no commit twice.

The numbers are those of the code as it is.  A change that lowers one lowers it here; one that
raises it must be worth saying so.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.platform.world import Answer, Person, call

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Cost:
    """Statements sent to the database, and how often something was made durable."""

    queries: int
    commits: int


COSTS = {
    "open a transaction": Cost(queries=5, commits=1),
    "answer its first step": Cost(queries=5, commits=1),
    "continue it": Cost(queries=8, commits=1),
    "answer its second step": Cost(queries=9, commits=1),
    "read the receipt as text": Cost(queries=5, commits=0),
}


def cost_of(doing: Callable[[], object]) -> Cost:
    with CaptureQueriesContext(connection) as captured:
        doing()
    queries = commits = 0
    is_open = False
    for query in captured.captured_queries:
        word = query["sql"].split()[0].upper()
        if word in ("BEGIN", "COMMIT"):
            is_open = word == "BEGIN"
            commits += word == "COMMIT"
        elif word not in ("SAVEPOINT", "RELEASE"):
            queries += 1
            # Outside a transaction each write is one by itself.
            commits += word in ("INSERT", "UPDATE", "DELETE") and not is_open
    return Cost(queries, commits)


def test_a_step_costs_what_it_costs(
    anna: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine: the policy is read anew every few seconds.
    monkeypatch.setattr("enrolment.selectors.POLICY_KEPT_SECONDS", math.inf)
    monkeypatch.setattr("receipts.witnesses.LOOK_EVERY_SECONDS", math.inf)
    # Once before, so that what a process keeps is there.
    ben.sign(ben.follow(anna.sign(anna.open())))
    # So is the directory, for an hour.
    call("GET", "/.well-known/countersign/keys")
    costs = {}

    part = anna.part()
    answers: list[Answer] = []
    costs["open a transaction"] = cost_of(
        lambda: answers.append(anna.call("POST", "/transactions", part))
    )
    response = anna.response(answers[-1].body)
    costs["answer its first step"] = cost_of(
        lambda: answers.append(anna.answer(answers[-1].body, response))
    )
    receipt = answers[-1].body["receipt"]
    costs["continue it"] = cost_of(lambda: answers.append(ben.try_follow(receipt)))
    response = ben.response(answers[-1].body)
    costs["answer its second step"] = cost_of(
        lambda: answers.append(ben.answer(answers[-1].body, response))
    )
    path = f"/receipts/{answers[-1].body['receipt_id']}.txt"
    costs["read the receipt as text"] = cost_of(lambda: ben.call("GET", path))

    assert costs == COSTS
