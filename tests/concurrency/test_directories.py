"""Several processes publish the directory of keys: no two documents have one number."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from tests.concurrency.conftest import Race
from tests.concurrency.publishing import MANY
from tests.concurrency.racing import program
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

RACES = "tests.concurrency.publishing"
TABLE = "signing_publisheddirectory"


def test_of_two_processes_that_publish_at_once_each_follows_on_the_other(
    racing: Race, services: Live
) -> None:
    with program(services) as other, ThreadPoolExecutor(2) as pool:
        # It has started when it answers.
        before = other(RACES, "kept")
        one = pool.submit(racing, services, "publish")
        told = [other(RACES, "publish"), one.result()]

    assert all(number < following for each in told for number, following in pairwise(each))
    numbers = sorted(told[0] + told[1])
    assert len(set(numbers)) == 2 * MANY
    added = [each for each in racing(services, "kept") if each not in before]
    assert [number for number, _ in added] == numbers
    assert all(follows == number for (number, _), (_, follows) in pairwise(added))


def test_of_two_who_looked_first_one_publishes_anew(racing: Race, services: Live) -> None:
    told = racing(services, "looked_first")
    (first, _), (_, follows) = told["added"]
    assert (told["ended"], follows) == ({"done": 2}, first)


def test_without_the_constraint_both_would_follow_on_one(racing: Race, on_postgres: Live) -> None:
    (name,) = on_postgres.rows(
        "platform",
        f"SELECT conname FROM pg_constraint WHERE conrelid = '{TABLE}'::regclass"  # noqa: S608
        " AND contype = 'u'",
    )[0]
    on_postgres.change("platform", f"ALTER TABLE {TABLE} DROP CONSTRAINT {name}")
    try:
        told = racing(on_postgres, "looked_first")
    finally:
        on_postgres.change(
            "platform",
            f"DELETE FROM {TABLE} WHERE follows IN"  # noqa: S608
            f" (SELECT follows FROM {TABLE} GROUP BY follows HAVING count(*) > 1)",
            f"ALTER TABLE {TABLE} ADD CONSTRAINT {name} UNIQUE (follows)",
        )
    assert told["ended"] == {"done": 2}
    assert len({follows for _, follows in told["added"]}) == 1
