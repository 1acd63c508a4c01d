"""Merkle tree hashing as in RFC 9162 (and RFC 6962), its inclusion and consistency proofs.

A tree's nodes are those of its *whole* subtrees: of 2^level entries each, at their places from the
left.  They never change once they are there, so whoever stores them proves anything in O(log n).
Node ``place`` of ``level`` has the number ``(2 place + 1) 2^level - 1`` (RFC 9420 appendix C):
entries have even numbers, and the tree may grow for ever.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from protocol.errors import ProtocolError

# No tree has as many as 2^53 entries (docs/protocol.md section 1), so no path is longer.
MAX_PATH = 53

# Gives the hashes of nodes by their numbers.
Read = Callable[[Iterable[int]], Mapping[int, bytes]]


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over its two parts (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def number(level: int, place: int) -> int:
    """Return the number of a node."""
    return ((2 * place + 1) << level) - 1


def whole_at(node: int) -> int:
    """Return how many entries the smallest tree has that has the node of this number."""
    after = node + 1
    return (after + (after & -after)) >> 1


def peaks(size: int) -> list[int]:
    """Return the numbers of the largest whole subtrees of a tree, from the left."""
    return _cover(0, size)


class Tree:
    """A tree that grows, of which only the largest whole subtrees are held: O(log n) hashes.

    >>> tree = Tree()
    >>> [number for number, _ in tree.append(b"a") + tree.append(b"b")]
    [0, 2, 1]
    """

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Take up a tree of this size, with the hashes of its :func:`peaks`."""
        if len(hashes) != size.bit_count():
            raise ValueError("a tree needs the hash of each of its largest whole subtrees")
        self.size = size
        self._hashes = list(hashes)

    def append(self, entry: bytes) -> list[tuple[int, bytes]]:
        """Add an entry.

        Returns:
            Number and hash of each node that is whole now: the entry's own first.
        """
        place, level = self.size, 0
        made = leaf_hash(entry)
        nodes = [(number(0, place), made)]
        while place & 1:
            made = node_hash(self._hashes.pop(), made)
            place, level = place >> 1, level + 1
            nodes.append((number(level, place), made))
        self._hashes.append(made)
        self.size += 1
        return nodes

    def root(self) -> bytes:
        """Return the root hash; of no entries, that of nothing."""
        return _joined(self._hashes)


def root_hash(entries: Iterable[bytes]) -> bytes:
    """Return the root hash over entries (RFC 9162 section 2.1.1)."""
    tree = Tree()
    for entry in entries:
        tree.append(entry)
    return tree.root()


def inclusion_path(index: int, size: int, read: Read) -> list[bytes]:
    """Return the proof that an entry is in a tree (RFC 9162 section 2.1.3.1).

    Args:
        index: Of the entry, from 0.
        size: Of the tree.
        read: Gives stored nodes; it is asked once.
    """
    if not 0 <= index < size:
        raise ValueError("no tree of this size has such an entry")
    return _hashes_of(list(_beside(index, 0, size)), read)


def consistency_path(first: int, second: int, read: Read) -> list[bytes]:
    """Return the proof that a tree has an earlier one for its beginning.

    Args:
        first: Size of the earlier tree; not 0, which proves nothing.
        second: Size of the later tree.
        read: Gives stored nodes; it is asked once.

    Source:
        RFC 9162 section 2.1.4.1.
    """
    if not 0 < first <= second:
        raise ValueError("no tree of the first size comes before one of the second")
    return _hashes_of(list(_between(first, 0, second, is_known=True)), read)


def root_of_path(entry: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a proof of inclusion leads to (RFC 9162 section 2.1.3.2).

    Raises:
        ProtocolError: ``proof_invalid``: no proof for this place has this length.
    """
    if not 0 <= index < size:
        raise _invalid("no tree of this size has such an entry")
    place, last = index, size - 1
    made = leaf_hash(entry)
    for beside in path:
        if last == 0:
            raise _invalid("the path is too long")
        if place & 1 or place == last:
            made = node_hash(beside, made)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            made = node_hash(made, beside)
        place, last = place >> 1, last >> 1
    if last:
        raise _invalid("the path is too short")
    return made


def check_consistency(
    first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]
) -> None:
    """Check that the tree of the second size has the first for its beginning.

    Raises:
        ProtocolError: ``proof_invalid``.

    Source:
        RFC 9162 section 2.1.4.2.
    """
    if not 0 < first <= second:
        raise _invalid("no tree of the first size comes before one of the second")
    if first == second:
        if path or first_root != second_root:
            raise _invalid("two trees of one size are not the same")
        return
    # A first tree that is one whole subtree is known already, and not in the path.
    hashes = [first_root, *path] if first.bit_count() == 1 else [*path]
    if not hashes or _roots_of(first, second, hashes) != (first_root, second_root):
        raise _invalid("the later tree does not begin with the earlier one")


def _roots_of(first: int, second: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the roots of both trees that a consistency path leads to."""
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = hashes[0]
    for beside in hashes[1:]:
        if last == 0:
            raise _invalid("the path is too long")
        if place & 1 or place == last:
            old, new = node_hash(beside, old), node_hash(beside, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, beside)
        place, last = place >> 1, last >> 1
    if last:
        raise _invalid("the path is too short")
    return old, new


def _beside(index: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of entries beside the way from an entry up to the root."""
    if high - low == 1:
        return
    middle = low + _split(high - low)
    if index < middle:
        yield from _beside(index, low, middle)
        yield middle, high
    else:
        yield from _beside(index, middle, high)
        yield low, middle


def _between(first: int, low: int, high: int, *, is_known: bool) -> Iterator[tuple[int, int]]:
    """Yield the ranges of entries that lead from the root of one tree to a later one's."""
    if first == high:
        if not is_known:
            yield low, high
        return
    middle = low + _split(high - low)
    if first <= middle:
        yield from _between(first, low, middle, is_known=is_known)
        yield middle, high
    else:
        yield from _between(first, middle, high, is_known=False)
        yield low, middle


def _split(size: int) -> int:
    """Return the largest power of two below a size: so many go to the left."""
    return 1 << (size - 1).bit_length() - 1


def _cover(low: int, high: int) -> list[int]:
    """Return the numbers of the whole subtrees that make up a range of entries, from the left.

    The range is one of a node of the tree: it begins where its first whole subtree may.
    """
    numbers = []
    while low < high:
        level = (high - low).bit_length() - 1
        numbers.append(number(level, low >> level))
        low += 1 << level
    return numbers


def _hashes_of(ranges: list[tuple[int, int]], read: Read) -> list[bytes]:
    covers = [_cover(low, high) for low, high in ranges]
    nodes = read([each for cover in covers for each in cover])
    return [_joined([nodes[each] for each in cover]) for cover in covers]


def _joined(hashes: Sequence[bytes]) -> bytes:
    """Return the hash over neighbouring whole subtrees, each smaller than the one before."""
    if not hashes:
        return hashlib.sha256().digest()
    *before, made = hashes
    for left in reversed(before):
        made = node_hash(left, made)
    return made


def _invalid(detail: str) -> ProtocolError:
    return ProtocolError("proof_invalid", detail)
