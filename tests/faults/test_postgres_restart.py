"""PostgreSQL is restarted while people answer: everything is signed in the end, and once."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from secrets import token_hex
from threading import Event

import pytest
from urllib3.exceptions import HTTPError

from tests.concurrency.test_responses import verdicts
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Answer, Party, at_once
from tests.faults.conftest import Asked, asked
from tests.postgres import restart

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

# Long after the server is back: a failure that lasts until then is one too many.
PATIENCE_SECONDS = 60


def statuses_until_good(call: Callable[[], Answer]) -> Iterator[int]:
    """Make a call again and again until it succeeds; yield the statuses, 0 for no answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    status = 0
    while status != 200 and time.monotonic() < deadline:
        try:
            status = call().status
        except HTTPError:
            status = 0
        yield status
        time.sleep(0.05)


def use(party: Party, steps: list[Asked], is_over: Event) -> list[int]:
    """Answer steps, and write something else until it is over; return the statuses."""

    def write() -> Answer:
        return party.call("POST", "/me", {"name": party.name}, Idempotency_Key=token_hex(8))

    statuses = [status for one in steps for status in statuses_until_good(one.answer)]
    while not is_over.is_set():
        statuses += statuses_until_good(write)
    return [*statuses, *statuses_until_good(write)]


def test_a_restart_under_load_loses_and_doubles_nothing(on_postgres: Live, postgres: str) -> None:
    parties = [on_postgres.party(name) for name in ("Anna Meier", "Ben Schmidt", "陈静")]
    tokens = [(party, party.enrol()) for party in parties for _ in range(2)]
    steps = [[asked(party, token=token) for _ in range(3)] for party, token in tokens]
    is_over = Event()

    def interrupt() -> list[int]:
        restart(postgres)
        is_over.set()
        return []

    users: list[Callable[[], list[int]]] = [
        partial(use, party, theirs, is_over)
        for (party, _), theirs in zip(tokens, steps, strict=True)
    ]
    statuses = list(chain.from_iterable(at_once([*users, interrupt])))
    for one in chain.from_iterable(steps):
        assert one.state == "signed"
        assert len(verdicts(on_postgres, one.step["id"])) == 1
    assert set(statuses) == {200, 503}
    # Each connection that broke costs one 503 when it is next taken from its pool.  Tests to come
    # are not about that, so both services begin with fresh ones.
    with on_postgres.without("platform", "authserver"):
        pass
