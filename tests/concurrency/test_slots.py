"""Many challenges for one token at once: three stay open, never more."""

from functools import partial

import pytest

from tests.concurrency.unguarded import ROUNDS, unguarded
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Answer, at_once

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

OPEN_PER_TOKEN = 3


def race(services: Live) -> tuple[int, list[Answer]]:
    """Ask a new token eight times at once; return how many challenges are open then."""
    anna = services.party("Anna Meier")
    token = anna.enrol()
    answers = at_once([partial(anna.call, "POST", "/transactions", anna.part(token))] * 8)
    of_token = (
        "state = 'challenged' AND token_id = (SELECT id FROM enrolment_token WHERE serial = ?)"
    )
    return services.count("platform", "transactions_step", of_token, token.serial), answers


def test_of_eight_challenges_three_are_open_and_the_rest_are_told(services: Live) -> None:
    are_open, answers = race(services)
    assert are_open == OPEN_PER_TOKEN
    assert [answer.status for answer in answers].count(201) == OPEN_PER_TOKEN
    refused = {(answer.status, answer.code) for answer in answers if answer.status != 201}
    assert refused == {(429, "too_many_challenges")}


def test_without_the_constraint_more_would_be_open(services: Live) -> None:
    with unguarded(services, "step_one_per_slot"):
        assert any(race(services)[0] > OPEN_PER_TOKEN for _ in range(ROUNDS))
