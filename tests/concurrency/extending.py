"""Workers that extend the receipt log at once: what each added, and whether the log is right."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from threading import Barrier
from typing import Any
from unittest.mock import patch

from protocol.keys import Directory
from protocol.log import Checkpoint
from protocol.merkle import Tree
from receipts import log, services
from receipts.log_verification import verify_log
from receipts.models import LogEntry
from signing.receipts import note_receipt
from signing.selectors import waiting_for_the_log
from tests.concurrency.racing import PATIENCE, at_once

MANY = 150
# Small, so that the workers meet often.
log.BATCH = 10
log.BATCHES = 2 * MANY


def fill() -> int:
    """Let receipts wait; return how many entries there are before them."""
    log.extend_log(now=_later())
    for _ in range(MANY):
        note_receipt(token_bytes(16), now=datetime.now(UTC))
    return LogEntry.objects.count()


def extend() -> int:
    """Be a worker until nothing waits; return how many receipts it added."""
    added = 0
    while waiting_for_the_log()[0]:
        added += log.extend_log(now=_later())
    return added


def found() -> dict[str, Any]:
    """Verify the whole log."""
    directory = Directory.open(services.directory(now=datetime.now(UTC)))
    return {"entries": verify_log(directory).entries, "waiting": waiting_for_the_log()[0]}


def together() -> dict[str, Any]:
    """Have four threads of this process do as :func:`extend`; return how each ended."""
    return at_once(lambda _: extend() and None, 4)


def same_places() -> dict[str, Any]:
    """Have two workers look at the size of the log before either adds to it."""
    fill()
    looked, tree = Barrier(2), log._tree

    def look(newest: Checkpoint | None) -> Tree:
        found = tree(newest)
        looked.wait(PATIENCE)
        return found

    with patch.object(log, "_tree", look):
        ended = at_once(lambda _: log._add_batch(_later()) and None, 2)
    return {"ended": ended, "log": extend() and found()}


def _later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


RACES: dict[str, Callable[[], Any]] = {
    race.__name__: race for race in (fill, extend, found, together, same_places)
}
