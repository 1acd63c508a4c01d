"""Two people continue one head at once: one wins, the other is told."""

from functools import partial

import pytest

from tests.concurrency.unguarded import ROUNDS, unguarded
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Answer, at_once

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


def race(services: Live) -> tuple[str, list[Answer]]:
    """Have Ben and Chen continue a step of Anna's; return its id, and what the two were told."""
    anna = services.party("Anna Meier")
    head = anna.open()
    signed = anna.sign(head)
    requests = [
        partial(party.call, "POST", *party.continuation(signed))
        for party in (services.party("Ben Schmidt"), services.party("陈静"))
    ]
    answers = at_once(requests)
    for answer in answers:
        if answer.status == 201:
            # So that the winner's token has its slot back.
            anna.post(f"/steps/{answer.body['id']}/cancel", None)
    return head["id"], answers


def followers(services: Live, head: str) -> int:
    """Count the steps behind a head."""
    of_head = "previous_id = (SELECT id FROM transactions_step WHERE s = ?)"
    return services.count("platform", "transactions_step", of_head, bytes.fromhex(head))


@pytest.mark.parametrize("_", range(4))
def test_of_two_who_continue_one_head_one_wins_and_the_other_is_told(
    services: Live, _: int
) -> None:
    head, answers = race(services)
    first, second = sorted(answers, key=lambda answer: answer.status)
    assert first.status == 201
    assert (second.status, second.code) == (409, "chain_head_moved")
    assert followers(services, head) == 1


def test_without_the_constraint_both_would_win(services: Live) -> None:
    with unguarded(services, "step_one_next_per_head", "step_one_per_position"):
        assert any(followers(services, race(services)[0]) == 2 for _ in range(ROUNDS))
