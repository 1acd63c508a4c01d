"""Add to the receipt log: in batches, by the worker, beside the signing and never in its way."""

import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from protocol.keys import Purpose
from protocol.log import Checkpoint
from protocol.merkle import Tree
from receipts.errors import LogBrokenError
from receipts.models import LogCheckpoint, LogEntry, LogNode
from receipts.selectors import known_leaves, log_size, newest_checkpoint, tree_of
from signing.errors import KeysMissingError
from signing.receipts import forget_logged
from signing.selectors import receipts_to_log, waiting_since
from signing.services import open_signing_key

logger = logging.getLogger(__name__)

# So long the oldest receipt waits for others; the rest of the promised minute is for the worker.
GATHER = timedelta(seconds=20)
# So many at once: on SQLite nobody else writes meanwhile.
BATCH = 2000
# So many batches a round, so that all else the worker does need not wait for a long queue.
BATCHES = 10


def extend_log(*, now: datetime) -> int:
    """Add all receipts that wait to the log, once the oldest has waited for others long enough.

    Several may do so side by side: the places in the log are unique, so one of two that take the
    same ones is undone, and finds its receipts logged the next time.

    Returns:
        How many were added.
    """
    since = waiting_since()
    if since is None or since > now - GATHER:
        return 0
    added = size = 0
    try:
        for _ in range(BATCHES):
            size = log_size()
            added += _add_batch(now)
    except IntegrityError:
        if log_size() != size:
            logger.info("log.another_was_faster")
        else:
            # Nobody was: rows stand behind the newest checkpoint, so that it would never end.
            logger.exception("log.broken")
    except KeysMissingError:
        # Receipts wait meanwhile; the page of the log shows since when.
        logger.exception("log.no_key")
    except LogBrokenError:
        logger.exception("log.broken")
    return added


def _add_batch(now: datetime) -> int:
    """Add a batch and sign what the log is then, in one transaction; return how many it added."""
    with transaction.atomic():
        waiting = receipts_to_log(BATCH)
        if not waiting:
            return 0
        # Logged once: one that came in twice, such as restored with its receipt, and one that
        # another worker logged since this one looked.
        known = known_leaves([leaf for _, leaf in waiting])
        leaves = [leaf for leaf in dict.fromkeys(leaf for _, leaf in waiting) if leaf not in known]
        if leaves:
            _append(leaves, now)
        forget_logged(pk for pk, _ in waiting)
    return len(leaves)


def _append(leaves: list[bytes], now: datetime) -> None:
    newest = newest_checkpoint()
    tree = _tree(newest)
    entries = [LogEntry(index=tree.size + place, leaf=leaf) for place, leaf in enumerate(leaves)]
    nodes = [
        LogNode(number=number, digest=digest)
        for leaf in leaves
        for number, digest in tree.append(leaf)
    ]
    # Not the key that is remembered: it may have ended this minute.
    signer = open_signing_key(Purpose.LOG, now=now).key
    # Never earlier than one before it, whatever the clocks of two workers say: hosts look at it.
    at = max(now, datetime.fromtimestamp(newest.time, UTC)) if newest else now
    checkpoint = Checkpoint(
        settings.COUNTERSIGN_ORIGIN, tree.size, tree.root(), int(at.timestamp())
    )
    LogEntry.objects.bulk_create(entries)
    LogNode.objects.bulk_create(nodes)
    LogCheckpoint.objects.create(
        size=tree.size,
        follows=newest.size if newest else 0,
        at=at,
        kid=signer.kid,
        message=checkpoint.sign(signer),
    )


def _tree(newest: Checkpoint | None) -> Tree:
    """Return the tree as it stands under the newest checkpoint.

    Raises:
        LogBrokenError: its nodes are not those of the newest checkpoint: what was changed by hand
            would be signed for otherwise.
    """
    if newest is None:
        return Tree()
    tree = tree_of(newest.size)
    if tree.root() != newest.root:
        raise LogBrokenError
    return tree
