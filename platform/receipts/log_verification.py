"""Recompute the whole receipt log, and name the first thing that is not as it was signed.

Entries are hashed anew and compared with the stored nodes, and at each checkpoint with the root
that was signed.  An entry that is gone, changed or has another place shows at its own leaf's node;
where the nodes were changed to fit, at the next checkpoint, and then the range is named.  Entries
at the end cannot vanish unseen: the newest checkpoint says how many there are; and should it be
gone with them, the receipts that apps keep are in no log, or wait to be logged anew.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from common.reading import in_parts
from protocol import cose
from protocol.cosignature import check_cosignature
from protocol.errors import ProtocolError
from protocol.keys import Directory
from protocol.log import Checkpoint
from protocol.merkle import Tree, leaf_hash, number, whole_at
from protocol.receipt import identity
from receipts.models import LogCheckpoint, LogCosignature, LogEntry, LogNode
from receipts.selectors import known_leaves, log_size
from signing.receipts import kept_receipts
from signing.selectors import still_waiting

BATCH = 4096


class FaultError(Exception):
    """The first thing that is wrong, in a sentence."""


@dataclass(frozen=True, slots=True)
class Verified:
    """How much was found right."""

    entries: int
    checkpoints: int
    receipts: int


@dataclass(slots=True)
class _Run:
    """How far the log is recomputed, and which checkpoints lie ahead."""

    directory: Directory
    due: Iterator[tuple[str, Checkpoint]]
    tree: Tree = field(default_factory=Tree)
    confirmed: int = 0
    checkpoints: int = 0
    next: tuple[str, Checkpoint] | None = None


def verify_log(directory: Directory, held: Sequence[bytes] = ()) -> Verified:
    """Check every entry, node and checkpoint, and that every receipt that is kept is logged.

    Args:
        directory: With the platform's log keys.
        held: Checkpoints (COSE_Sign1) that somebody kept elsewhere; the log must go on from them.

    Raises:
        FaultError: says what is wrong first, and where.
    """
    # In this order, so that a batch that comes in meanwhile is not taken for a fault.
    nodes = LogNode.objects.count()
    last = LogEntry.objects.order_by("-index").values_list("index", flat=True).first()
    size = log_size()
    if last is not None and last >= size:
        raise FaultError(f"entry {size}: no checkpoint covers it")
    run = _Run(directory, _due(directory, size, held))
    run.next = next(run.due, None)
    for start in range(0, size, BATCH):
        _check_batch(run, start, min(start + BATCH, size))
    if run.next is not None:
        name, checkpoint = run.next
        raise FaultError(f"{name}: of {checkpoint.size} entries, but the log has {size}")
    # Each entry's nodes are there, or it would have been named.
    if nodes > 2 * size - size.bit_count():
        raise FaultError(_name_node_of_none())
    _check_cosignatures(directory)
    return Verified(size, run.checkpoints, _check_kept())


def _due(
    directory: Directory, size: int, held: Sequence[bytes]
) -> Iterator[tuple[str, Checkpoint]]:
    """Yield every checkpoint, stored or held, by size; those held are few."""
    given = [(f"held checkpoint {place + 1}", each) for place, each in enumerate(held)]
    opened = [(name, _open(name, message, directory)) for name, message in given]
    opened.sort(key=lambda each: each[1].size)
    before = 0
    for row in in_parts(LogCheckpoint.objects.filter(size__lte=size)):
        name, message = f"checkpoint {row.size}", bytes(row.message)
        # When its key ended matters to the newest alone: that one covers all that were before.
        checkpoint = _open(name, message, directory, is_newest=row.size == size)
        signed = (checkpoint.size, checkpoint.time, cose.parse(message).kid)
        if signed != (row.size, int(row.at.timestamp()), bytes(row.kid)):
            raise FaultError(f"{name}: its row does not say what was signed")
        if row.follows != before:
            raise FaultError(f"{name}: the one before it, of {row.follows} entries, is gone")
        before = row.size
        while opened and opened[0][1].size <= checkpoint.size:
            yield opened.pop(0)
        yield name, checkpoint
    yield from opened


def _open(
    name: str, message: bytes, directory: Directory, *, is_newest: bool = True
) -> Checkpoint:
    try:
        checkpoint, end = Checkpoint.open_with_end(message, directory)
        if is_newest:
            checkpoint.refuse_over(end)
        return checkpoint
    except ProtocolError as error:
        raise FaultError(f"{name}: {error.detail}") from error


def _check_batch(run: _Run, start: int, end: int) -> None:
    """Recompute entries from ``start`` to before ``end``."""
    rows = LogEntry.objects.filter(index__gte=start, index__lt=end).order_by("index")
    leaves = {row.index: bytes(row.leaf) for row in rows}
    # The nodes over these entries alone lie together; the few above are asked for by number.
    stored = _nodes(number__gte=number(0, start), number__lt=number(0, end))
    for index in range(start, end):
        if index not in leaves:
            raise FaultError(f"entry {index}: it is gone")
        _check_entry(run, index, leaves[index], stored)
        _check_root(run)


def _check_entry(run: _Run, index: int, leaf: bytes, stored: dict[int, bytes]) -> None:
    if stored.get(number(0, index)) != leaf_hash(leaf):
        raise FaultError(f"entry {index}: it is not what was logged there")
    for each, digest in run.tree.append(leaf):
        known = stored.get(each) or _nodes(number=each).get(each)
        if known != digest:
            raise FaultError(f"entry {index}: node {each} of the tree over it was changed")


def _check_root(run: _Run) -> None:
    """Compare with every checkpoint of the size that is reached."""
    while run.next is not None and run.next[1].size == run.tree.size:
        name, checkpoint = run.next
        if checkpoint.root != run.tree.root():
            first, last = run.confirmed, run.tree.size - 1
            raise FaultError(f"entries {first} to {last}: not what {name} was signed for")
        run.confirmed = run.tree.size
        run.checkpoints += 1
        run.next = next(run.due, None)


def _name_node_of_none() -> str:
    """Name the first node that the tree has no place for yet."""
    size = log_size()
    numbers = in_parts(LogNode.objects.values_list("number", flat=True))
    extra = next(each for each in numbers if whole_at(each) > size)
    return f"node {extra}: the tree over {size} entries has none there"


def _check_cosignatures(directory: Directory) -> None:
    """Check that hosts signed for the checkpoints that are stored, and not for others."""
    for row in in_parts(LogCosignature.objects.select_related("checkpoint")):
        name = f"checkpoint {row.checkpoint_id}"
        checkpoint = _open(name, bytes(row.checkpoint.message), directory, is_newest=False)
        try:
            check_cosignature(bytes(row.message), checkpoint, directory.hosts)
        except ProtocolError as error:
            raise FaultError(f"{name}, signed by host {row.host}: {error.detail}") from error


def _check_kept() -> int:
    """Check that every receipt that an app keeps is in the log, or waits for it."""
    checked = 0
    kept = kept_receipts()
    while batch := {identity(message): name for name, message in islice(kept, 1000)}:
        # In this order: what leaves the one is in the other.
        missing = batch.keys() - still_waiting([*batch]) - known_leaves([*batch])
        if missing:
            name = next(name for leaf, name in batch.items() if leaf in missing)
            raise FaultError(f"the receipt of {name} is not in the log, or was changed")
        checked += len(batch)
    return checked


def _nodes(**where: int) -> dict[int, bytes]:
    rows = LogNode.objects.filter(**where).values_list("number", "digest")
    return {each: bytes(digest) for each, digest in rows}
