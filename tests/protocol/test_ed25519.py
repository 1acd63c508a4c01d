"""Ed25519: published vectors, and the points and scalars that libraries let pass."""

from typing import Any

import pytest

from protocol.ed25519 import SigningKey, is_usable_key, is_valid_signature, key_id
from protocol.errors import ProtocolError
from tests.protocol.published import load
from tests.protocol.world import ROOT

FIELD = 2**255 - 19
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


def check(vector: dict[str, Any]) -> bool:
    return is_valid_signature(
        bytes.fromhex(vector["public_key_hex"]),
        bytes.fromhex(vector["signature_hex"]),
        bytes.fromhex(vector["message_hex"]),
    )


@pytest.mark.parametrize("vector", load("ed25519_rfc8032")["vectors"], ids=lambda v: v["id"])
def test_rfc_8032(vector: dict[str, Any]) -> None:
    key = SigningKey.from_bytes(bytes.fromhex(vector["secret_key_hex"]))
    assert key.public.hex() == vector["public_key_hex"]
    assert key.sign(bytes.fromhex(vector["message_hex"])).hex() == vector["signature_hex"]
    assert check(vector)


def test_wycheproof() -> None:
    vectors = load("ed25519_wycheproof")["vectors"]
    wrong = [vector["id"] for vector in vectors if check(vector) is not vector["valid"]]
    assert wrong == []


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_points_of_small_order_are_no_keys_and_no_part_of_a_signature(point: str) -> None:
    assert not is_usable_key(bytes.fromhex(point))
    # With s = 0 and such a key, this "signature" fits one message in eight, or every one.
    signature = bytes.fromhex(point) + bytes(32)
    assert not is_valid_signature(bytes.fromhex(point), signature, b"any message")
    assert not is_valid_signature(ROOT.public, signature, b"any message")


@pytest.mark.parametrize("beyond", range(19))
def test_coordinates_beyond_the_field_are_refused(beyond: int) -> None:
    assert not is_usable_key((FIELD + beyond).to_bytes(32, "little"))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_has_32_bytes(size: int) -> None:
    assert not is_usable_key(b"\x09" * size)
    assert not is_valid_signature(b"\x09" * size, bytes(64), b"")
    with pytest.raises(ProtocolError):
        SigningKey.from_bytes(b"\x09" * size)


def test_bytes_that_are_no_point_verify_nothing() -> None:
    no_point = (2).to_bytes(32, "little")
    signature = ROOT.sign(b"message")
    assert not is_valid_signature(no_point, signature, b"message")


def test_a_key_survives_its_bytes_and_shows_no_secret() -> None:
    key = SigningKey.generate()
    assert SigningKey.from_bytes(key.to_bytes()).public == key.public
    assert key.kid == key_id(key.public)
    assert repr(key) == f"SigningKey({key.kid.hex()})"
    assert key.to_bytes().hex() not in str(key)
