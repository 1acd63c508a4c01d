"""PostgreSQL is restarted while people answer: everything is signed in the end, and once."""

import time
from functools import partial
from itertools import chain

import pytest
from urllib3.exceptions import HTTPError

from tests.concurrency.test_responses import verdicts
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import at_once
from tests.faults.conftest import Asked, asked
from tests.postgres import restart

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

STEPS_EACH = 6
# Long after the server is back: a failure that lasts until then is one too many.
PATIENCE_SECONDS = 15


def answer_until_accepted(steps: list[Asked]) -> list[int]:
    """Answer each step again and again; return the statuses on the way."""
    statuses = []
    for one in steps:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = one.answer()
            except HTTPError:
                answer = None
            statuses.append(answer.status if answer else 0)
            if answer and answer.body.get("accepted"):
                break
            time.sleep(0.1)
        time.sleep(0.1)
    return statuses


def test_a_restart_under_load_loses_and_doubles_nothing(on_postgres: Live, postgres: str) -> None:
    parties = map(on_postgres.party, ("Anna Meier", "Ben Schmidt", "陈静"))
    steps = [[asked(party) for _ in range(STEPS_EACH)] for party in parties]

    def restart_amid() -> list[int]:
        time.sleep(0.15)
        restart(postgres)
        return []

    work = [partial(answer_until_accepted, theirs) for theirs in steps]
    statuses = [status for told in at_once([*work, restart_amid]) for status in told]
    for one in chain.from_iterable(steps):
        assert one.state == "signed"
        assert len(verdicts(on_postgres, one.step["id"])) == 1
    assert 503 in statuses, "the restart came too late to be noticed"
    assert set(statuses) <= {200, 503}
