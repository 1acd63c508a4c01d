"""Hosts' signatures beside the platform's in a proof file: each counts for its own checkpoint."""

from dataclasses import replace

import pytest

from protocol import cbor
from protocol.cosignature import check_cosignature, cosign, cosigners
from protocol.ed25519 import SigningKey, key_id
from protocol.ended import EndedKey
from protocol.errors import ProtocolError
from protocol.keys import Directory, Host, KeyCertificate, Purpose
from protocol.log import Proof
from protocol.verification import verify_receipt
from tests.protocol.test_log import DAY, LOG_KEY, NOW, checkpoint, directory, proof

HOST_ROOT, HOST_KEY, SECOND_KEY = (SigningKey.from_bytes(bytes([byte]) * 32) for byte in (5, 6, 7))
LATER = NOW + 60


def with_hosts(ended: EndedKey | None = None) -> Directory:
    hosts = tuple(
        Host(
            number,
            name,
            f"https://{name}.example",
            HOST_ROOT.public,
            (KeyCertificate(key.public, Purpose.HOST, name, DAY, DAY + 1).sign(HOST_ROOT),),
        )
        for number, name, key in ((1, "north", HOST_KEY), (2, "south", SECOND_KEY))
    )
    return replace(directory(), hosts=hosts, ended=(ended,) if ended else ())


def cosigned(*keys: SigningKey, at: int = LATER) -> Proof:
    return replace(proof(), cosignatures=tuple(cosign(checkpoint(), key, at) for key in keys))


def names(given: Proof, ended: EndedKey | None = None) -> list[str]:
    return cosigners(Proof.from_bytes(given.to_bytes()), checkpoint(), with_hosts(ended))


def test_a_proof_file_names_the_hosts_that_signed_each_once() -> None:
    assert names(proof()) == []
    assert names(cosigned(HOST_KEY, SECOND_KEY, HOST_KEY)) == ["north", "south"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (cosign(replace(checkpoint(), size=4), HOST_KEY, LATER), "cosignature_wrong"),
        (cosign(replace(checkpoint(), root=bytes(32)), HOST_KEY, LATER), "cosignature_wrong"),
        (cosign(replace(checkpoint(), origin="https://x.example"), HOST_KEY, LATER),
         "cosignature_wrong"),
        (checkpoint().sign(HOST_KEY), "typ_wrong"),
        (b"", "encoding_invalid"),
    ],
    ids=range(5),
)  # fmt: skip
def test_a_signature_that_is_none_spoils_the_file(message: bytes, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        names(replace(proof(), cosignatures=(message,)))
    assert caught.value.code == code
    with pytest.raises(ProtocolError):
        check_cosignature(message, checkpoint(), with_hosts().hosts)


@pytest.mark.parametrize(
    "unknown",
    [
        cosign(checkpoint(), SigningKey.generate(), LATER),
        cosign(checkpoint(), LOG_KEY, LATER),
        cosign(checkpoint(), HOST_KEY, NOW + 3 * 86_400),
    ],
    ids=["new_host", "no_host", "other_day"],
)
def test_a_host_that_the_reader_does_not_list_is_left_out(unknown: bytes) -> None:
    known = cosigned(SECOND_KEY)
    given = replace(known, cosignatures=(unknown, *known.cosignatures))
    assert names(given) == ["south"]
    assert names(replace(known, cosignatures=(unknown,))) == []
    report = verify_receipt(b"second receipt", with_hosts(), None, given.to_bytes())
    assert report.checks[-1].code == "logged"
    # A platform that is given it keeps none of it.
    with pytest.raises(ProtocolError) as caught:
        check_cosignature(unknown, checkpoint(), with_hosts().hosts)
    assert caught.value.code == "signature_invalid"


def test_a_key_that_had_ended_counts_for_nothing() -> None:
    kid = key_id(HOST_KEY.public)
    given = cosigned(HOST_KEY, SECOND_KEY)
    assert names(given, EndedKey(kid, LATER + 1, None)) == ["north", "south"]
    assert names(given, EndedKey(kid, LATER, None)) == ["south"]
    # Whoever has it can write any time.
    assert names(given, EndedKey(kid, None, LATER + 1)) == ["south"]


@pytest.mark.parametrize("more", [[], [b""] * 11, ["text"], 5], ids=range(4))
def test_a_proof_file_has_one_to_ten_signatures_or_no_such_part(more: object) -> None:
    content = cbor.encode([1, b"", 0, [], more])
    with pytest.raises(ProtocolError) as caught:
        Proof.from_bytes(content)
    assert caught.value.code == "type_wrong"


def test_the_report_says_who_signed_as_well() -> None:
    def line(given: Proof) -> str:
        report = verify_receipt(b"second receipt", with_hosts(), None, given.to_bytes())
        return report.checks[-1].text

    assert line(cosigned(HOST_KEY, SECOND_KEY)).endswith(". Signed as well by north, south.")
    assert line(proof()).endswith(" UTC.")
    assert line(cosigned(LOG_KEY)) == line(proof())
    other = cosign(replace(checkpoint(), size=4), HOST_KEY, LATER)
    assert "another log" in line(replace(proof(), cosignatures=(other,)))
