"""The octets of an SMS, long texts in parts, and parts joined again."""

from contextlib import suppress
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notices.sms.coding import (
    GSM,
    MAX_PARTS,
    UCS_2,
    Place,
    UnreadableError,
    decode,
    encode,
    read_header,
)
from notices.sms.joining import PATIENCE, Joiner
from tests.platform.world import now

ALICE, BEN, US = "+46701740605", "+46701740606", "+46700000000"


def whole(text: str) -> str:
    """Encode, take the headers off, and decode."""
    encoded = encode(text)
    bodies = [read_header(p)[1] if encoded.is_split else p for p in encoded.parts]
    return decode(b"".join(bodies), encoded.coding)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("Code 123456", b"Code 123456"),
        ("@£$ §", b"\x00\x01\x02\x20\x5f"),
        # 3GPP TS 23.038, 6.2.1.1: the extension is reached by an escape.
        ("€[~]", b"\x1b\x65\x1b\x3c\x1b\x3d\x1b\x3e"),
    ],
)
def test_what_the_default_alphabet_has_goes_in_it(text: str, octets: bytes) -> None:
    assert encode(text).coding == GSM
    assert encode(text).parts == (octets,)
    assert decode(octets, GSM) == text


@pytest.mark.parametrize("text", ["验证码 123456", "` is not §", "😀"])
def test_what_it_has_not_goes_in_ucs_2(text: str) -> None:
    assert encode(text).coding == UCS_2
    assert whole(text) == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("字" * 70, 1),
        ("字" * 71, 2),
    ],
)
def test_a_text_takes_as_many_parts_as_it_needs(text: str, parts: int) -> None:
    assert len(encode(text).parts) == parts
    assert all(len(part) <= (160 if text[0] == "x" else 140) for part in encode(text).parts)


@given(st.text(alphabet=st.sampled_from("x€[字😀"), max_size=300))
def test_no_character_is_torn_apart(text: str) -> None:
    assert whole(text) == text
    encoded = encode(text)
    if encoded.is_split:
        for part in encoded.parts:
            decode(read_header(part)[1], encoded.coding)


def test_what_is_too_long_or_no_text_is_refused() -> None:
    for text in ("x" * (153 * MAX_PARTS + 1), "\ud800"):
        with pytest.raises(UnreadableError):
            encode(text)


@given(st.binary(max_size=20), st.sampled_from([0, 1, 2, 3, 4, 8, 255]))
def test_no_octets_break_the_reader(data: bytes, coding: int) -> None:
    for read in (read_header, lambda octets: decode(octets, coding)):
        with suppress(UnreadableError):
            read(data)


@pytest.mark.parametrize(
    ("octets", "place"),
    [
        ("050003070201", Place(7, 2, 1)),
        ("06080401070201", Place(0x107, 2, 1)),
        # An element that says something else, before and behind.
        ("0905040b8423f000030702", None),
        ("0b05040b8423f00003070201", Place(7, 2, 1)),
        ("0500030702", None),
    ],
)
def test_a_header_says_where_a_part_belongs(octets: str, place: Place | None) -> None:
    data = bytes.fromhex(octets)
    if place is None:
        with pytest.raises(UnreadableError):
            read_header(data)
    else:
        assert read_header(data + b"text") == (place, b"text")


def part(joiner: Joiner, index: int, body: bytes, **changes: Any) -> bytes | None:
    given = {"sender": ALICE, "recipient": US, "coding": 0, "now": now(), **changes}
    place = Place(given.pop("reference", 7), given.pop("total", 2), index)
    return joiner.join(place=place, body=body, **given)


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
def test_parts_are_joined_in_whatever_order_they_come(order: tuple[int, ...]) -> None:
    joiner = Joiner()
    joined = [part(joiner, index, b"abc"[index - 1 : index], total=3) for index in order]
    assert joined == [None, None, b"abc"]


@pytest.mark.parametrize(
    "other",
    [{"sender": BEN}, {"recipient": BEN}, {"coding": 8}, {"reference": 8}, {"total": 3}],
)
def test_parts_of_two_messages_are_never_joined(other: dict[str, Any]) -> None:
    joiner = Joiner()
    assert part(joiner, 1, b"a") is None
    assert part(joiner, 2, b"x", **other) is None


def test_two_messages_of_one_reference_that_meet_are_both_dropped() -> None:
    joiner = Joiner()
    part(joiner, 1, b"a")
    assert part(joiner, 1, b"x") is None
    assert part(joiner, 2, b"b") is None
    assert part(joiner, 2, b"y") is None


def test_a_part_that_comes_too_late_is_of_another_message() -> None:
    joiner, at = Joiner(), now()
    part(joiner, 1, b"a", now=at)
    assert part(joiner, 2, b"y", now=at + PATIENCE) is None
    assert part(joiner, 1, b"x", now=at + PATIENCE) == b"xy"


def test_a_message_that_was_taken_is_not_joined_again_but_the_next_one_is() -> None:
    joiner = Joiner()
    part(joiner, 1, b"a")
    assert part(joiner, 2, b"b") == b"ab"
    assert part(joiner, 2, b"b") == b"ab", "it was not taken: the centre delivers again"
    joiner.finish(sender=ALICE, recipient=US, coding=0, place=Place(7, 2, 2))
    assert part(joiner, 2, b"b") is None
    assert part(joiner, 1, b"x") is None
    assert part(joiner, 2, b"y") == b"xy"


@pytest.mark.parametrize(("index", "total"), [(0, 2), (3, 2), (1, 11), (1, 0)])
def test_a_part_without_a_place_is_dropped(index: int, total: int) -> None:
    assert part(Joiner(), index, b"a", total=total) is None


def test_whoever_sends_beginnings_alone_fills_no_memory() -> None:
    joiner, at = Joiner(), now()
    for number in range(1100):
        part(joiner, 1, b"a", sender=str(number), now=at + timedelta(microseconds=number))
    assert len(joiner._waiting) == 1000
    assert part(joiner, 2, b"b", sender="0") is None
    assert part(joiner, 2, b"b", sender="1099") == b"ab"
