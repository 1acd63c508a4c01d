"""Several workers extend the receipt log: each receipt enters it once, and the tree is right."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.concurrency.conftest import Race
from tests.concurrency.extending import MANY
from tests.concurrency.racing import program
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

RACES = "tests.concurrency.extending"


def test_of_two_processes_that_extend_the_log_each_receipt_is_added_by_one(
    racing: Race, services: Live
) -> None:
    with program(services) as other, ThreadPoolExecutor(1) as pool:
        # Nothing waits yet, but both have started before something does.
        other(RACES, "extend")
        before = racing(services, "fill")
        one = pool.submit(racing, services, "extend")
        added = [other(RACES, "extend"), one.result()]

    assert sum(added) == MANY
    assert racing(services, "found") == {"entries": before + MANY, "waiting": 0}


def test_threads_of_one_process_neither(racing: Race, services: Live) -> None:
    before = racing(services, "fill")
    assert racing(services, "together") == {"done": 4}
    assert racing(services, "found") == {"entries": before + MANY, "waiting": 0}


def test_two_that_looked_first_would_take_the_same_places(racing: Race, on_postgres: Live) -> None:
    # The constraint undoes one, whose receipts wait for the next round.
    told = racing(on_postgres, "same_places")
    assert told["ended"] == {"done": 1, "IntegrityError": 1}
    assert told["log"]["waiting"] == 0
