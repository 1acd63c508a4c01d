"""Processes that publish the directory of keys at once: which numbers each gave, what is kept."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Barrier
from typing import Any
from uuid import uuid4

from protocol.ed25519 import SigningKey
from protocol.keys import Directory, Host
from signing import publishing
from signing.models import PublishedDirectory
from signing.publishing import ListedHost, publish_directory
from tests.concurrency.racing import PATIENCE, at_once

MANY = 20
# Whoever publishes without a pause may well be followed by another as often as that.
publishing._ATTEMPTS = 10 * MANY


def publish() -> list[int]:
    """Publish one directory after another, none like any other; return their numbers."""
    numbers = []
    for _ in range(MANY):
        listed = _somebody()
        message = publish_directory(hosts=lambda: [listed], now=datetime.now(UTC))  # noqa: B023
        directory = Directory.open(message)
        assert directory.hosts == (listed.host,)
        numbers.append(directory.number)
    return numbers


def kept() -> list[tuple[int, int]]:
    """Return each number that is kept, and on which it follows."""
    rows = PublishedDirectory.objects.order_by("number")
    return list(rows.values_list("number", "follows"))


def looked_first() -> dict[str, Any]:
    """Have two look at the newest before either publishes; return who followed on what."""
    before = kept()
    looked, newest = Barrier(2), before[-1][0]

    def one(number: int) -> None:
        listed, times = _somebody(), []

        def hosts() -> list[ListedHost]:
            times.append(number)
            if len(times) == 1:
                looked.wait(PATIENCE)
            return [listed]

        # Clocks differ, and so numbers do: they are no guard.
        publish_directory(hosts=hosts, now=datetime.fromtimestamp(newest + 1 + number, UTC))

    ended = at_once(one, 2)
    return {"ended": ended, "added": [each for each in kept() if each not in before]}


def _somebody() -> ListedHost:
    name, root = uuid4().hex[:16], SigningKey.generate().public
    return ListedHost(Host(900, name, "https://race.example", root, ()))


RACES: dict[str, Callable[[], Any]] = {
    race.__name__: race for race in (publish, kept, looked_first)
}
