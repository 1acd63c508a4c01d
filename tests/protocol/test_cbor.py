"""Deterministic CBOR: the cases of RFC 8949, and what our subset leaves out."""

from typing import Any

import cbor2
import pytest

from protocol import cbor
from protocol.errors import ProtocolError
from tests.protocol.published import load

RFC = load("cbor_rfc8949")


def is_ours(value: object) -> bool:
    """Whether a value is of the few types, and within the bounds, that messages use."""
    if isinstance(value, list):
        return all(is_ours(item) for item in value)
    if isinstance(value, dict):
        return all(type(key) is int and key >= 0 for key in value) and is_ours([*value.values()])
    if type(value) is int:
        return abs(value) < 2**53
    return value is None or isinstance(value, str | bytes)


@pytest.mark.parametrize("vector", RFC["vectors"], ids=lambda vector: vector["diagnostic"])
def test_appendix_a_is_read_exactly_where_it_is_ours(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["cbor_hex"])
    value = cbor2.loads(data)
    # A tagged big number decodes to an integer as well; its bytes begin with the tag.
    if vector["deterministic"] and is_ours(value) and data[0] >> 5 != 6:
        assert cbor.decode(data) == value
        assert cbor.encode(value) == data
        return
    with pytest.raises(ProtocolError):
        cbor.decode(data)


@pytest.mark.parametrize("case", RFC["deterministic_cases"], ids=lambda case: case["description"])
def test_what_is_not_deterministic_or_not_ours_is_refused(case: dict[str, Any]) -> None:
    # The two sound ones hold keys and a float that no message has.
    with pytest.raises(ProtocolError):
        cbor.decode(bytes.fromhex(case["cbor_hex"]))


def test_keys_are_written_in_their_order() -> None:
    keys = [100, 24, 0, 23, 1000, 1]
    assert list(cbor.decode(cbor.encode(dict.fromkeys(keys)))) == sorted(keys)


@pytest.mark.parametrize(
    "value", [True, 1.0, 2**53, -(2**53), {"a": 1}, {-1: 1}, {True: 1}, {1, 2}, bytearray(1)]
)
def test_what_no_message_holds_is_not_written(value: object) -> None:
    with pytest.raises(ProtocolError):
        cbor.encode([value])


def test_nothing_lies_inside_more_than_six_arrays_and_maps() -> None:
    assert cbor.decode(b"\x81" * 6 + b"\x00") == [[[[[[0]]]]]]
    for seven in (b"\x81" * 7 + b"\x00", b"\xa1\x00" * 7 + b"\x00"):
        with pytest.raises(ProtocolError):
            cbor.decode(seven)


def test_4096_bytes_are_read_and_4097_are_not() -> None:
    assert cbor.decode(cbor.encode(bytes(4093))) == bytes(4093)
    with pytest.raises(ProtocolError) as refusal:
        cbor.decode(cbor.encode(bytes(4094)))
    assert refusal.value.code == "too_large"
