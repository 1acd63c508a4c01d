"""Read the receipt log, and prove what is in it."""

from collections.abc import Collection, Iterable

from django.db.models import Count, QuerySet

from enrolment.selectors import hosts
from protocol import cose
from protocol.errors import ProtocolError
from protocol.keys import Purpose, find_signer
from protocol.log import MAX_COSIGNATURES, Checkpoint, Proof
from protocol.merkle import Tree, consistency_path, inclusion_path, peaks
from receipts.errors import (
    LogBrokenError,
    LogEmptyError,
    LogSizeUnknownError,
    NotLoggedError,
)
from receipts.models import (
    LogCheckpoint,
    LogCosignature,
    LogEntry,
    LogNode,
    LogObjection,
)
from signing.selectors import certificates, keys_kept_secret

MAX_ENTRIES = 1000


def log_size() -> int:
    """Return how many entries the log has, by the row of its newest checkpoint."""
    return LogCheckpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0


def newest_checkpoint() -> Checkpoint | None:
    """Return what the log was after the newest batch; ``None`` while it is empty.

    Raises:
        LogBrokenError: it is not what was signed.
    """
    row = LogCheckpoint.objects.order_by("-size").first()
    return None if row is None else _opened(row)


def signed_checkpoint() -> tuple[Checkpoint, bytes]:
    """Return the newest checkpoint, and its COSE_Sign1 bytes.

    Raises:
        LogEmptyError: there is none yet.
        LogBrokenError: it is not what was signed.
    """
    row = LogCheckpoint.objects.order_by("-size").first()
    if row is None:
        raise LogEmptyError
    return _opened(row), bytes(row.message)


def checkpoints() -> QuerySet[LogCheckpoint]:
    """Return all checkpoints, the newest first, with ``signers``: how many hosts signed too."""
    return LogCheckpoint.objects.order_by("-size").annotate(signers=Count("cosignatures"))


def proof_of(receipt_id: bytes, *, is_cosigned: bool = False) -> Proof:
    """Return the proof that a receipt is in the log, under the oldest checkpoint that covers it.

    That one says how early it was there: what a proof is asked for once a key got out.  Of those
    by keys that got out none is taken, as long as there is another: they prove nothing any more.

    Args:
        receipt_id: SHA-256 of the receipt.
        is_cosigned: Whether under the oldest that a host signed beside the platform, where there
            is one, and with such signatures.

    Raises:
        NotLoggedError: it is not in the log.
        LogBrokenError: the tree lacks what would prove it.
    """
    entry = LogEntry.objects.filter(leaf=receipt_id).first()
    if entry is None:
        raise NotLoggedError
    rows = LogCheckpoint.objects.filter(size__gt=entry.index).order_by("size")
    row = _oldest_good(rows.filter(cosignatures__isnull=False)) if is_cosigned else None
    row = row or _oldest_good(rows) or rows.first()
    if row is None:
        raise NotLoggedError
    path = inclusion_path(entry.index, row.size, _nodes)
    signatures = _signatures(row) if is_cosigned else ()
    return Proof(bytes(row.message), entry.index, tuple(path), signatures)


def _oldest_good(rows: QuerySet[LogCheckpoint]) -> LogCheckpoint | None:
    """Return the first of these, by size, whose key neither got out nor was retired by then."""
    found = []
    # Key by key: one that got out may have signed very many.
    for kid, retired_at in keys_kept_secret(Purpose.LOG):
        by_it = rows.filter(kid=kid)
        if retired_at is not None:
            # What is signed has whole seconds.
            by_it = by_it.filter(at__lt=retired_at.replace(microsecond=0))
        found.append(by_it.first())
    return min((row for row in found if row is not None), key=lambda row: row.size, default=None)


def newest_cosignatures() -> list[LogCosignature]:
    """Return the newest of each host, with its checkpoint, by the numbers of the hosts."""
    rows = LogCosignature.objects.order_by("-checkpoint").select_related("checkpoint")
    found = (rows.filter(host=host.number).first() for host in hosts())
    return [row for row in found if row is not None]


def objections() -> QuerySet[LogObjection]:
    """Return what hosts object to in the log, the newest first."""
    return LogObjection.objects.order_by("-pk")


def consistency(first: int, second: int) -> list[bytes]:
    """Return the proof that the log of the second size begins with that of the first.

    Raises:
        LogSizeUnknownError: the log never had, or has not yet, such a size.
        LogBrokenError: its newest checkpoint is not what was signed, or the tree lacks a node.
    """
    checkpoint, _ = signed_checkpoint()
    if not 0 < first <= second <= checkpoint.size:
        raise LogSizeUnknownError
    return consistency_path(first, second, _nodes)


def log_entries(start: int, count: int) -> list[tuple[int, bytes]]:
    """Return index and leaf of entries from an index on, a thousand at most."""
    rows = LogEntry.objects.filter(index__gte=start).order_by("index")
    return [(row.index, bytes(row.leaf)) for row in rows[: min(count, MAX_ENTRIES)]]


def known_leaves(leaves: Collection[bytes]) -> set[bytes]:
    """Return which of these leaves are in the log."""
    rows = LogEntry.objects.filter(leaf__in=leaves).values_list("leaf", flat=True)
    return {bytes(leaf) for leaf in rows}


def tree_of(size: int) -> Tree:
    """Return the tree of a size, to go on from.

    Raises:
        LogBrokenError: a node of it is gone.
    """
    numbers = peaks(size)
    nodes = _nodes(numbers)
    return Tree(size, [nodes[number] for number in numbers])


def _nodes(numbers: Iterable[int]) -> dict[int, bytes]:
    wanted = set(numbers)
    rows = LogNode.objects.filter(number__in=wanted).values_list("number", "digest")
    found = {number: bytes(digest) for number, digest in rows}
    if len(found) < len(wanted):
        raise LogBrokenError
    return found


def _signatures(row: LogCheckpoint) -> tuple[bytes, ...]:
    rows = row.cosignatures.order_by("host").values_list("message", flat=True)
    return tuple(bytes(message) for message in rows[:MAX_COSIGNATURES])


def _opened(row: LogCheckpoint) -> Checkpoint:
    """Read what a key of ours signed, whatever became of it: the log goes on from there.

    Raises:
        LogBrokenError: none did, or for another size.
    """
    try:
        signed = cose.parse(bytes(row.message))
        checkpoint = Checkpoint.from_signed(signed)
    except ProtocolError as error:
        raise LogBrokenError from error
    ours = [key for key in certificates(Purpose.LOG) if key.covers(checkpoint.time)]
    if checkpoint.size != row.size or find_signer(signed, ours) is None:
        raise LogBrokenError
    return checkpoint
