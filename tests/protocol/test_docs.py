"""docs/protocol.md says what the code does: sizes, hex, codes, caps, numbers and names."""

import json
import re

import pytest

from protocol import qrtext
from protocol.charge import WAYS
from protocol.cose import Typ
from protocol.fitting import room
from protocol.keys import Purpose
from protocol.qrtext import Link
from protocol.statement import Kind, Sight
from protocol.verdict import Reason
from tests.protocol import make_vectors
from tests.protocol.published import OURS
from tests.protocol.test_fitting import BUNDLES, RECEIPTS

PAGE = (OURS.parent.parent / "docs" / "protocol.md").read_text("utf-8")
SHOWN = re.findall(r"<!-- vector: (\w+) (\w+) -->\n```\n(.*?)\n```", PAGE, re.DOTALL)
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|")
]
SIZE = re.compile(r"(\d+) B v(\d+)")


def size(cell: str) -> tuple[int, int] | None:
    """What was measured; an estimate in brackets behind it is not looked at."""
    found = SIZE.match(cell)
    return (int(found[1]), int(found[2])) if found else None


@pytest.mark.parametrize(("name", "field", "shown"), SHOWN)
def test_the_page_shows_the_vectors_as_they_are(name: str, field: str, shown: str) -> None:
    vector = json.loads((make_vectors.FOLDER / f"{name}.json").read_text("utf-8"))
    right = str(vector[field])
    assert shown == right if " " in right else "".join(shown.split()) == right


def test_the_page_has_the_sizes_of_every_receipt_and_bundle() -> None:
    receipts = {
        (int(row[0].split(",")[0]), int(row[0].split(",")[1])): tuple(map(size, row[1:]))
        for row in ROWS
        if re.fullmatch(r"\d+, \d", row[0])
    }
    bundles = {int(row[0]): size(row[2]) for row in ROWS if len(row) == 3 and size(row[2])}
    assert receipts == RECEIPTS
    assert bundles == BUNDLES


def test_the_page_says_how_much_room_there_is() -> None:
    fourteen, twenty_six, longest = (
        room("https://" + "a" * letters, Link.RECEIPT) for letters in (14, 26, 32)
    )
    assert f"there is room for {fourteen} bytes, flag included" in PAGE
    assert f"for {twenty_six} behind one of 26, and for {longest} behind the longest" in PAGE


def test_the_page_names_every_code_that_a_vector_has() -> None:
    codes = {vector["code"] for vector in make_vectors.vectors().values() if "code" in vector}
    listed = {code for row in ROWS if len(row) == 2 for code in re.findall(r"`([a-z_]+)`", row[0])}
    assert codes <= listed


@pytest.mark.parametrize("kind", Kind)
def test_the_page_numbers_every_kind(kind: Kind) -> None:
    assert f"| {kind.value} | {kind.name.lower()} |" in PAGE


@pytest.mark.parametrize("reason", Reason)
def test_the_page_numbers_every_reason(reason: Reason) -> None:
    assert f"| {reason.value} | {reason.name.lower()}" in PAGE


@pytest.mark.parametrize("sight", Sight)
def test_the_page_has_the_words_for_every_sight(sight: Sight) -> None:
    assert f"| {sight.value} | {sight.words}" in PAGE


@pytest.mark.parametrize("way", WAYS)
def test_the_page_has_the_words_for_every_way_to_confirm(way: str) -> None:
    assert f"| `{way}` | {WAYS[way]} |" in PAGE


def test_the_page_names_every_typ_and_purpose() -> None:
    assert all(f"| `{typ}` |" in PAGE for typ in Typ)
    assert all(f'"{purpose}"' in PAGE for purpose in Purpose)


@pytest.mark.parametrize("link", Link)
def test_the_page_has_the_letter_and_flags_of_every_link(link: Link) -> None:
    _, plain, deflated = link.value
    assert [f"`{link.path}`", str(plain), str(deflated)] in [
        [row[0], *row[2:]] for row in ROWS if len(row) == 4
    ]


def test_the_page_has_the_digits_of_every_tail() -> None:
    tails = [(size, digits) for size, digits in qrtext.TAIL_DIGITS.items() if size]
    sizes = ", ".join(str(size) for size, _ in tails)
    digits = ", ".join(str(digits) for _, digits in tails)
    assert f"a tail of {sizes} bytes as {digits}." in PAGE


def test_the_page_links_only_to_what_exists() -> None:
    for target in re.findall(r"\]\(\.\./([^)#]+)\)", PAGE):
        assert (OURS.parent.parent / target).exists(), target
