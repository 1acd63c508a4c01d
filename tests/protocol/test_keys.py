"""Certificates, and a directory that is trusted by its root alone."""

from dataclasses import replace

import pytest

from protocol import cbor, cose
from protocol.cose import Typ
from protocol.errors import ProtocolError
from protocol.keys import (
    MAX_DIRECTORY_BYTES,
    Directory,
    KeyCertificate,
    Purpose,
    find_signer,
    open_certificate,
    root_fingerprint,
)
from tests.protocol import world

MESSAGE = world.DIRECTORY.sign(world.DIRECTORY_KEY)


def refused(message: bytes) -> str:
    with pytest.raises(ProtocolError) as refusal:
        Directory.open(message, root=world.ROOT.public)
    return refusal.value.code


def test_a_directory_gives_the_keys_of_each_purpose() -> None:
    directory = Directory.open(MESSAGE, root=world.ROOT.public)
    for purpose, key in (
        (Purpose.STATEMENT, world.STATEMENT_KEY),
        (Purpose.RECEIPT, world.RECEIPT_KEY),
        (Purpose.DIRECTORY, world.DIRECTORY_KEY),
    ):
        assert [certificate.key for certificate in directory.keys(purpose)] == [key.public]
    assert directory.keys(Purpose.HOST) == []
    assert directory.host(1) == world.HOST
    assert directory.host(2) is None


def test_a_directory_of_another_root_is_refused_though_it_is_sound() -> None:
    with pytest.raises(ProtocolError):
        Directory.open(MESSAGE, root=world.HOST_ROOT.public)


def test_a_certificate_for_another_platform_gives_no_key() -> None:
    foreign = KeyCertificate(
        world.DIRECTORY_KEY.public, Purpose.DIRECTORY, "other", world.TODAY, world.TODAY
    ).sign(world.ROOT)
    directory = replace(world.DIRECTORY, certificates=(foreign,))
    assert refused(directory.sign(world.DIRECTORY_KEY)) == "signature_invalid"


def test_a_purpose_must_be_known() -> None:
    parts = [1, world.RECEIPT_KEY.public, "payout", "demo", 1, 2]
    message = cose.sign(world.ROOT, Typ.KEY, cbor.encode(parts))
    with pytest.raises(ProtocolError) as refusal:
        KeyCertificate.open(message, root=world.ROOT.public)
    assert refusal.value.code == "value_out_of_range"


def test_a_certificate_is_opened_by_its_own_root_only() -> None:
    certificate = open_certificate(world.CERTIFICATES[0], world.ROOT.public)
    assert certificate.key == world.STATEMENT_KEY.public
    with pytest.raises(ProtocolError):
        open_certificate(world.CERTIFICATES[0], world.HOST_ROOT.public)


def test_a_certificate_covers_its_first_and_last_day() -> None:
    certificate = KeyCertificate(world.RECEIPT_KEY.public, Purpose.RECEIPT, "demo", 10, 11)
    seconds = (10 * 86400 - 1, 10 * 86400, 12 * 86400 - 1, 12 * 86400)
    assert [certificate.covers(second) for second in seconds] == [False, True, True, False]


def test_the_signer_is_found_among_many() -> None:
    certificates = [open_certificate(message, world.ROOT.public) for message in world.CERTIFICATES]
    signed = cose.parse(world.receipt_of(world.chain(1)))
    signer = find_signer(signed, certificates)
    assert signer is not None
    assert signer.key == world.RECEIPT_KEY.public
    assert find_signer(signed, certificates[:1]) is None


def test_a_directory_beyond_60_kilobytes_is_neither_signed_nor_read() -> None:
    hosts = tuple(replace(world.HOST, number=number) for number in range(300))
    large = replace(world.DIRECTORY, hosts=hosts)
    with pytest.raises(ProtocolError) as refusal:
        large.sign(world.DIRECTORY_KEY)
    assert refusal.value.code == "too_large"
    assert refused(bytes(MAX_DIRECTORY_BYTES + 1)) == "too_large"


def test_two_hundred_hosts_are_read() -> None:
    hosts = tuple(replace(world.HOST, number=number) for number in range(200))
    message = replace(world.DIRECTORY, hosts=hosts).sign(world.DIRECTORY_KEY)
    assert len(Directory.open(message, root=world.ROOT.public).hosts) == 200


def test_a_fingerprint_is_read_aloud_in_groups_of_four() -> None:
    groups = root_fingerprint(world.ROOT.public).split()
    assert [len(group) for group in groups] == [4] * 8
