"""Encrypted files: whole and unchanged or not at all, and keys for one request of one device."""

import io
import struct
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor
from protocol.content import (
    MAGIC,
    SEGMENT_BYTES,
    Header,
    Kind,
    Release,
    decrypt,
    encrypt_file,
    open_file,
)
from protocol.errors import ProtocolError
from tests.protocol.world import some_bytes

KEY = some_bytes("content key", 32)
HEADER = Header(
    resource=some_bytes("resource", 8),
    version=1,
    kind=Kind.MUSIC,
    title="Lied ohne Worte 🎵",
    media_type="audio/ogg",
    filename="lied.ogg",
    platform="https://cs.example.com",
    size=0,
    segment=16,
    prefix=bytes(7),
)
CONTENT = some_bytes("music", 40)  # three segments: 16, 16 and 8 bytes
BOX = X25519PrivateKey.from_private_bytes(some_bytes("box key", 32))
RELEASE = Release(some_bytes("resource", 8), 1, some_bytes("device", 32), some_bytes("rnonce", 16))


def packed(content: bytes = CONTENT, **changes: Any) -> bytes:
    header = replace(HEADER, size=len(content), **changes)
    return b"".join(encrypt_file(io.BytesIO(content), header, KEY))


def taken_apart(file: bytes) -> tuple[bytes, list[bytes]]:
    """The head, and the segments of a file of CONTENT."""
    (size,) = struct.unpack(">I", file[7:11])
    body = file[11 + size :]
    return file[: 11 + size], [body[:32], body[32:64], body[64:]]


def opened(file: bytes, key: bytes = KEY) -> bytes:
    return b"".join(decrypt(io.BytesIO(file), key))


def refusal(file: bytes, key: bytes = KEY) -> str:
    with pytest.raises(ProtocolError) as refused:
        opened(file, key)
    return refused.value.code


@given(st.binary(max_size=70), st.integers(1, 33))
def test_what_was_encrypted_is_read_again(content: bytes, segment: int) -> None:
    file = packed(content, segment=segment)
    assert opened(file) == content
    assert open_file(io.BytesIO(file)) == replace(HEADER, size=len(content), segment=segment)


@pytest.mark.parametrize(
    "size", [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 3 * SEGMENT_BYTES]
)
def test_it_is_read_again_at_the_borders_of_segments(size: int) -> None:
    content = some_bytes("large", size)
    pieces = list(decrypt(io.BytesIO(packed(content, segment=SEGMENT_BYTES)), KEY))
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= SEGMENT_BYTES


def test_a_reader_that_gives_little_at_a_time_is_read_to_the_end() -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 3))

    file = b"".join(encrypt_file(Trickle(CONTENT), replace(HEADER, size=40), KEY))
    assert b"".join(decrypt(Trickle(file), KEY)) == CONTENT


def test_nothing_of_the_content_is_to_be_seen() -> None:
    content = b"a passage that nobody may read without having paid for it"
    assert not any(content[at : at + 8] in packed(content) for at in range(len(content) - 8))


def test_every_byte_of_a_file_counts() -> None:
    file = packed()
    for place in range(len(file)):
        assert refusal(file[:place] + bytes([file[place] ^ 1]) + file[place + 1 :])


def test_a_file_cut_short_anywhere_is_refused() -> None:
    file = packed()
    assert {refusal(file[:size]) for size in range(len(file))} == {"size_wrong"}


def test_a_file_that_goes_on_is_refused() -> None:
    assert refusal(packed() + b"\x00") == "size_wrong"


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 0, 2), (0, 2, 1), (0, 1, 1)])
def test_segments_cannot_change_places(order: tuple[int, ...]) -> None:
    head, segments = taken_apart(packed())
    assert refusal(head + b"".join(segments[place] for place in order))


def test_a_file_cut_at_a_segment_does_not_pass_for_a_shorter_one() -> None:
    # Even by whoever writes the header anew: the last segment is marked, and the header bound.
    _, segments = taken_apart(packed())
    head, _ = taken_apart(packed(CONTENT[:32]))
    assert refusal(head + segments[0] + segments[1]) == "content_invalid"


def test_segments_of_two_files_do_not_mix() -> None:
    head, segments = taken_apart(packed())
    _, others = taken_apart(packed(prefix=some_bytes("prefix", 7)))
    assert refusal(head + segments[0] + others[1] + segments[2]) == "content_invalid"
    _, others = taken_apart(packed(title="Another"))
    assert refusal(head + segments[0] + others[1] + segments[2]) == "content_invalid"


def test_another_key_opens_nothing() -> None:
    assert refusal(packed(), some_bytes("another key", 32)) == "content_invalid"


def test_content_of_another_size_than_announced_is_not_packed() -> None:
    for content in (CONTENT + b"\x00", CONTENT[:-1]):
        with pytest.raises(ProtocolError) as refused:
            list(encrypt_file(io.BytesIO(content), replace(HEADER, size=40), KEY))
        assert refused.value.code == "size_wrong"


def test_every_file_draws_its_own_prefix() -> None:
    prefixes = {
        Header(HEADER.resource, 1, Kind.APP, "t", "text/plain", "f", HEADER.platform, 0).prefix
        for _ in range(3)
    }
    assert len(prefixes) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"resource": b""},
        {"version": 0},
        {"kind": "game"},
        {"title": ""},
        {"media_type": "ü"},
        {"filename": "../etc/passwd"},
        {"filename": ".profile"},
        {"filename": "a\\b"},
        {"platform": "example.com"},
        {"size": -1},
        {"size": 2**37},
        {"segment": 0},
        {"segment": 2**20 + 1},
        {"prefix": bytes(8)},
    ],
)
def test_a_field_that_breaks_its_rule_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        replace(HEADER, **change)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"RIFF....",
        MAGIC,
        MAGIC + b"\xff" * 4,
        MAGIC + struct.pack(">I", 1) + cbor.encode([]),
        MAGIC + struct.pack(">I", 3) + cbor.encode({1: 2}),
    ],
)
def test_what_is_no_file_of_a_resource_is_refused(file: bytes) -> None:
    assert refusal(file)
    with pytest.raises(ProtocolError):
        open_file(io.BytesIO(file))


@given(st.binary(max_size=300))
def test_no_bytes_whatever_get_anything_but_a_refusal(data: bytes) -> None:
    assert refusal(MAGIC + struct.pack(">I", len(data) // 2) + data)


def test_a_content_key_opens_on_the_device_it_was_sealed_to() -> None:
    sealed = RELEASE.seal(KEY, BOX.public_key().public_bytes_raw())
    assert RELEASE.open(sealed, BOX) == KEY
    assert KEY not in sealed


@pytest.mark.parametrize(
    "change",
    [{"resource": bytes(8)}, {"version": 2}, {"device": bytes(32)}, {"rnonce": bytes(16)}],
)
def test_a_content_key_opens_for_this_very_request_alone(change: dict[str, Any]) -> None:
    sealed = RELEASE.seal(KEY, BOX.public_key().public_bytes_raw())
    with pytest.raises(ProtocolError) as refused:
        replace(RELEASE, **change).open(sealed, BOX)
    assert refused.value.code == "sealed_invalid"


def test_a_content_key_opens_on_no_other_device_and_unchanged() -> None:
    sealed = RELEASE.seal(KEY, BOX.public_key().public_bytes_raw())
    for other, box in [(sealed, X25519PrivateKey.generate()), (sealed[:-1], BOX), (b"", BOX)]:
        with pytest.raises(ProtocolError) as refused:
            RELEASE.open(other, box)
        assert refused.value.code == "sealed_invalid"


def test_nothing_is_sealed_to_a_box_key_of_small_order() -> None:
    with pytest.raises(ProtocolError) as refused:
        RELEASE.seal(KEY, bytes(32))
    assert refused.value.code == "key_invalid"


@pytest.mark.parametrize(
    "change", [{"resource": b""}, {"version": 0}, {"device": b""}, {"rnonce": b""}]
)
def test_a_field_of_a_release_that_breaks_its_rule_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        replace(RELEASE, **change)
