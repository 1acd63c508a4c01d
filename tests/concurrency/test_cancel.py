"""A cancel races a correct response: the authserver says which came first, and both agree."""

from functools import partial

import pytest

from tests.concurrency.test_responses import verdicts
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import at_once

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

ROUNDS = 5


def test_a_step_answered_and_cancelled_at_once_ends_one_way(services: Live) -> None:
    together = [answered_and_cancelled(services) for _ in range(ROUNDS)]
    # Not each time: on a busy machine one of the two may come too late to meet the other.
    assert max(together) > 1, "there was no race"


def answered_and_cancelled(services: Live) -> int:
    """Do both to a new step; return how many of the two were at the authserver at once."""
    anna = services.party("Anna Meier")
    step = anna.open()
    answer = partial(anna.answer, step, anna.code(step))
    cancel = partial(anna.call, "POST", f"/steps/{step['id']}/cancel")
    with services.back.gathering(2):
        answered, cancelled = at_once([answer, cancel])
    ((_, decided),) = verdicts(services, step["id"])
    query = "SELECT state, verdict FROM transactions_step WHERE s = ?"
    ((state, stored),) = services.rows("platform", query, bytes.fromhex(step["id"]))
    assert stored == decided
    assert cancelled.body["state"] == state
    if state == "signed":
        assert answered.body["accepted"] is True
    else:
        assert (state, answered.code) == ("cancelled", "cancelled")
    return services.back.most_at_once
