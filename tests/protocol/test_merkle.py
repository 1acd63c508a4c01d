"""The log's tree: the published vectors of Certificate Transparency, and every small tree."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import merkle
from protocol.errors import ProtocolError
from protocol.merkle import (
    Tree,
    check_consistency,
    consistency_path,
    inclusion_path,
    node_hash,
    root_hash,
    root_of_path,
)

# The test data of Certificate Transparency's own implementations of RFC 6962, whose hashing
# RFC 9162 section 2.1 keeps (transparency-dev/merkle, testonly/constants.go).
LEAVES = [
    bytes.fromhex(each)
    for each in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSIONS = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
CONSISTENCIES = {
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
SIZES = range(1, 34)


class Stored:
    """A tree with all its nodes, as a database has them."""

    def __init__(self, entries: Iterable[bytes]) -> None:
        self.tree, self.nodes, self.roots = Tree(), dict[int, bytes](), [Tree().root()]
        for entry in entries:
            self.nodes.update(self.tree.append(entry))
            self.roots.append(self.tree.root())

    def read(self, numbers: Iterable[int]) -> dict[int, bytes]:
        return {each: self.nodes[each] for each in numbers}


def entry(number: int) -> bytes:
    return number.to_bytes(2)


ALL = Stored(map(entry, range(SIZES[-1])))


def by_definition(entries: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if len(entries) <= 1:
        return merkle.leaf_hash(entries[0]) if entries else Tree().root()
    k = 1
    while 2 * k < len(entries):
        k *= 2
    return node_hash(by_definition(entries[:k]), by_definition(entries[k:]))


def test_roots_are_the_published_ones() -> None:
    assert [root_hash(LEAVES[:size]).hex() for size in range(9)] == ROOTS


@pytest.mark.parametrize(("index", "size"), INCLUSIONS)
def test_inclusion_paths_are_the_published_ones(index: int, size: int) -> None:
    path = inclusion_path(index, size, Stored(LEAVES).read)

    assert [each.hex() for each in path] == INCLUSIONS[index, size]
    assert root_of_path(LEAVES[index], index, size, path).hex() == ROOTS[size]


@pytest.mark.parametrize(("first", "second"), CONSISTENCIES)
def test_consistency_paths_are_the_published_ones(first: int, second: int) -> None:
    path = consistency_path(first, second, Stored(LEAVES).read)

    assert [each.hex() for each in path] == CONSISTENCIES[first, second]


@pytest.mark.parametrize("size", SIZES)
def test_a_tree_that_grows_has_the_root_of_the_definition(size: int) -> None:
    assert ALL.roots[size] == by_definition([entry(each) for each in range(size)])


@pytest.mark.parametrize("size", SIZES)
def test_a_tree_taken_up_from_its_peaks_goes_on_as_before(size: int) -> None:
    taken_up = Tree(size, [ALL.nodes[each] for each in merkle.peaks(size)])
    assert taken_up.root() == ALL.roots[size]
    taken_up.append(entry(size))
    if size < SIZES[-1]:
        assert taken_up.root() == ALL.roots[size + 1]


def test_a_tree_is_not_taken_up_with_other_than_its_peaks() -> None:
    with pytest.raises(ValueError, match="largest whole subtrees"):
        Tree(3, [bytes(32)])


def test_no_two_nodes_have_one_number() -> None:
    # Every entry makes one node of its own, and each node but the peaks has a parent.
    size = SIZES[-1]
    assert len(ALL.nodes) == 2 * size - size.bit_count()


def test_a_node_is_there_from_the_entry_on_that_makes_it_whole() -> None:
    tree = Tree()
    for each in range(SIZES[-1]):
        for node, _ in tree.append(entry(each)):
            assert merkle.whole_at(node) == each + 1


@pytest.mark.parametrize("size", SIZES)
def test_every_entry_is_proved_and_for_its_own_place_alone(size: int) -> None:
    for index in range(size):
        path = inclusion_path(index, size, ALL.read)
        assert root_of_path(entry(index), index, size, path) == ALL.roots[size]
        assert len(path) <= (size - 1).bit_length()
        if size > 1:
            other = (index + 1) % size
            assert reached(entry(index), other, size, path) != ALL.roots[size]
        assert reached(b"another", index, size, path) != ALL.roots[size]


def reached(entry: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    try:
        return root_of_path(entry, index, size, path)
    except ProtocolError:
        return None


@pytest.mark.parametrize("second", SIZES)
def test_every_tree_is_consistent_with_those_before_it(second: int) -> None:
    for first in range(1, second + 1):
        path = consistency_path(first, second, ALL.read)
        check_consistency(first, ALL.roots[first], second, ALL.roots[second], path)
        for broken in ([*path, bytes(32)], path[:-1], path[::-1]):
            if broken != path:
                refuse(first, ALL.roots[first], second, ALL.roots[second], broken)
        refuse(first, bytes(32), second, ALL.roots[second], path)
        refuse(first, ALL.roots[first], second, bytes(32), path)


def refuse(first: int, first_root: bytes, second: int, second_root: bytes, path: object) -> None:
    with pytest.raises(ProtocolError, match="proof_invalid"):
        check_consistency(first, first_root, second, second_root, path)  # type: ignore[arg-type]


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 3), (4, 3), (-1, 3)])
def test_sizes_that_prove_nothing_are_refused(first: int, second: int) -> None:
    refuse(first, bytes(32), second, bytes(32), [])
    with pytest.raises(ValueError, match="first size"):
        consistency_path(first, second, ALL.read)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_an_entry_that_no_tree_of_the_size_has_is_refused(index: int, size: int) -> None:
    assert reached(b"", index, size, []) is None
    with pytest.raises(ValueError, match="no tree of this size"):
        inclusion_path(index, size, ALL.read)


@pytest.mark.parametrize("path", [[], [bytes(32)] * 2, [bytes(32)] * 4])
def test_a_path_of_another_length_is_refused(path: list[bytes]) -> None:
    assert reached(entry(1), 1, 8, path) is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=4), min_size=1, max_size=70), st.data())
def test_a_changed_hash_anywhere_on_a_path_is_found(
    entries: list[bytes], data: st.DataObject
) -> None:
    stored, size = Stored(entries), len(entries)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, size, stored.read)
    assert root_of_path(entries[index], index, size, path) == stored.tree.root()
    for place in range(len(path)):
        changed = bytes([path[place][0] ^ 1]) + path[place][1:]
        broken = [*path[:place], changed, *path[place + 1 :]]
        assert root_of_path(entries[index], index, size, broken) != stored.tree.root()


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(1, 60), min_size=2, max_size=5))
def test_checkpoints_in_a_row_are_consistent_each_with_the_next(sizes: set[int]) -> None:
    stored = Stored(map(entry, range(max(sizes))))
    for first, second in pairwise(sorted(sizes)):
        path = consistency_path(first, second, stored.read)
        check_consistency(first, stored.roots[first], second, stored.roots[second], path)
