"""A server on its way between hosts: only its target reads it, and nobody changes it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from protocol import cbor, cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.keys import SECONDS_PER_DAY, KeyCertificate, Purpose
from protocol.moving import MAX_PACKAGE_BYTES, Move, Offer, Package, host_key, transfer_key
from tests.protocol.world import some_bytes

ROOT = SigningKey.from_bytes(some_bytes("source root", 32))
SOURCE = SigningKey.from_bytes(some_bytes("source host key", 32))
TARGET = SigningKey.from_bytes(some_bytes("target host key", 32))
DAY = 20_000
AT = DAY * SECONDS_PER_DAY
CERTIFICATE = KeyCertificate(SOURCE.public, Purpose.HOST, "source", DAY, DAY + 1).sign(ROOT)
SHARE = transfer_key(TARGET).public_key().public_bytes_raw()
MOVE = Move("https://a.example", "https://b.example", "bank", bytes(8), 1, SHARE, AT)
OFFER = Offer("https://b.example", "bank", bytes(8), 0, SHARE, AT)
CONTENT = b"seed and all"


def packed(move: Move = MOVE) -> bytes:
    return move.pack(CONTENT, host_key=SOURCE, certificate=CERTIFICATE)


def refusal(do: Callable[[], object]) -> str:
    with pytest.raises(ProtocolError) as refused:
        do()
    return refused.value.code


def test_the_target_reads_what_the_source_packed() -> None:
    package = Package.decode(packed())
    package.check(ROOT.public)
    assert package.move == MOVE
    assert package.move.open(package.sealed, transfer_key(TARGET)) == CONTENT


def test_no_other_key_opens_it() -> None:
    package = Package.decode(packed())
    assert refusal(lambda: MOVE.open(package.sealed, transfer_key(SOURCE))) == "sealed_invalid"


@pytest.mark.parametrize(
    "change",
    [
        {"source": "https://c.example"},
        {"target": "https://c.example"},
        {"platform": "shop"},
        {"vk": b"\x01" * 8},
        {"number": 2},
        {"at": AT + 1},
    ],
)
def test_it_opens_for_this_very_move_alone(change: dict[str, Any]) -> None:
    package = Package.decode(packed())
    other = replace(MOVE, **change)
    assert refusal(lambda: other.open(package.sealed, transfer_key(TARGET))) == "sealed_invalid"


def test_every_byte_of_a_package_counts() -> None:
    data = packed()
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(ProtocolError):
            Package.decode(changed).check(ROOT.public)


def test_the_source_has_to_be_certified_as_a_host_on_that_day() -> None:
    package = Package.decode(packed())
    assert refusal(lambda: package.check(TARGET.public)) == "signature_invalid"
    assert refusal(lambda: host_key(CERTIFICATE, ROOT.public, AT - 1)) == "certificate_wrong"
    receipts = KeyCertificate(SOURCE.public, Purpose.RECEIPT, "source", DAY, DAY).sign(ROOT)
    assert refusal(lambda: host_key(receipts, ROOT.public, AT)) == "certificate_wrong"
    assert host_key(CERTIFICATE, ROOT.public, AT).key == SOURCE.public


def test_a_share_of_small_order_is_refused() -> None:
    assert refusal(lambda: packed(replace(MOVE, share=bytes(32)))) == "key_invalid"


def test_a_package_is_not_larger_than_anybody_takes() -> None:
    large = bytes(MAX_PACKAGE_BYTES)
    assert refusal(lambda: MOVE.pack(large, host_key=SOURCE, certificate=b"")) == "too_large"
    assert refusal(lambda: Package.decode(large + b"\x00")) == "too_large"


def test_the_key_to_open_with_is_not_the_key_that_signs() -> None:
    assert transfer_key(TARGET).private_bytes_raw() != TARGET.to_bytes()
    assert transfer_key(TARGET).private_bytes_raw() == transfer_key(TARGET).private_bytes_raw()


def test_an_offer_is_read_as_it_was_signed() -> None:
    signed = cose.parse(OFFER.sign(TARGET))
    assert signed.is_signed_by(TARGET.public)
    assert Offer.from_signed(signed) == OFFER
    other = cose.parse(cose.sign(TARGET, Typ.MOVE, signed.payload))
    assert refusal(lambda: Offer.from_signed(other)) == "typ_wrong"


@pytest.mark.parametrize("parts", [[], [1, b"", b""], [1, 1, 2, 3], [1, b"", b"", b""]])
def test_what_is_no_package_is_refused(parts: list[object]) -> None:
    assert refusal(lambda: Package.decode(cbor.encode(parts)))


@pytest.mark.parametrize(
    "change", [{"host": "b"}, {"vk": b""}, {"number": -1}, {"share": b""}, {"until": -1}]
)
def test_a_field_of_an_offer_that_breaks_its_rule_is_refused(change: dict[str, Any]) -> None:
    assert refusal(lambda: replace(OFFER, **change))


@pytest.mark.parametrize(
    "change", [{"source": "a"}, {"target": ""}, {"vk": b""}, {"number": 0}, {"at": -1}]
)
def test_a_field_of_a_move_that_breaks_its_rule_is_refused(change: dict[str, Any]) -> None:
    assert refusal(lambda: replace(MOVE, **change))
