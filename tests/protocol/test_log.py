"""Checkpoints and proof files: what is signed is what is read, and nothing else passes."""

from dataclasses import replace

import pytest

from protocol import cbor, cose, merkle
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.keys import Directory, KeyCertificate, Purpose
from protocol.log import Checkpoint, Proof, check_logged
from protocol.receipt import identity
from protocol.statement import Platform

ROOT, DIRECTORY_KEY, LOG_KEY, OTHER_KEY = (
    SigningKey.from_bytes(bytes([byte]) * 32) for byte in (1, 2, 3, 4)
)
DAY = 20_000
NOW = DAY * 86400 + 5
ORIGIN = "https://pay.example"
RECEIPTS = [b"first receipt", b"second receipt", b"third receipt"]


def directory() -> Directory:
    keys = {
        Purpose.DIRECTORY: DIRECTORY_KEY,
        Purpose.LOG: LOG_KEY,
        Purpose.RECEIPT: OTHER_KEY,
    }
    certificates = tuple(
        KeyCertificate(key.public, purpose, "pay", DAY, DAY + 1).sign(ROOT)
        for purpose, key in keys.items()
    )
    return Directory(Platform("pay", "Pay", ORIGIN), 1, NOW, ROOT.public, certificates, (), ())


def checkpoint() -> Checkpoint:
    root = merkle.root_hash(map(identity, RECEIPTS))
    return Checkpoint(origin=ORIGIN, size=len(RECEIPTS), root=root, time=NOW)


def proof(index: int = 1, signed: bytes = b"") -> Proof:
    tree, nodes = merkle.Tree(), dict[int, bytes]()
    for receipt in RECEIPTS:
        nodes.update(tree.append(identity(receipt)))
    path = merkle.inclusion_path(index, len(RECEIPTS), lambda _: nodes)
    return Proof(signed or checkpoint().sign(LOG_KEY), index, tuple(path))


def test_a_proof_file_proves_its_receipt() -> None:
    for index, receipt in enumerate(RECEIPTS):
        read = Proof.from_bytes(proof(index).to_bytes())
        assert check_logged(receipt, read, directory()) == checkpoint()


def test_a_proof_file_proves_no_other_receipt() -> None:
    for receipt in (RECEIPTS[0], b"forged"):
        assert refusal(receipt, proof(1)) == "proof_invalid"


def refusal(receipt: bytes, given: Proof) -> str:
    with pytest.raises(ProtocolError) as caught:
        check_logged(receipt, given, directory())
    return caught.value.code


def test_a_proof_for_another_place_is_refused() -> None:
    assert refusal(RECEIPTS[1], replace(proof(1), index=0)) == "proof_invalid"
    assert refusal(RECEIPTS[1], replace(proof(1), index=9)) == "proof_invalid"


def test_a_checkpoint_by_a_key_of_another_purpose_is_refused() -> None:
    for key in (OTHER_KEY, DIRECTORY_KEY, SigningKey.generate()):
        assert refusal(RECEIPTS[1], proof(1, checkpoint().sign(key))) == "signature_invalid"


def test_a_checkpoint_after_the_end_of_its_key_is_refused() -> None:
    late = replace(checkpoint(), time=NOW + 3 * 86400).sign(LOG_KEY)
    assert refusal(RECEIPTS[1], proof(1, late)) == "signature_invalid"


def test_a_message_of_another_kind_is_no_checkpoint() -> None:
    payload = cose.parse(checkpoint().sign(LOG_KEY)).payload
    passed_off = cose.sign(LOG_KEY, Typ.DIRECTORY, payload)
    assert refusal(RECEIPTS[1], proof(1, passed_off)) == "typ_wrong"


def test_a_checkpoint_with_a_changed_bit_is_refused() -> None:
    signed = checkpoint().sign(LOG_KEY)
    for place in range(0, len(signed), 7):
        changed = signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :]
        assert refusal(RECEIPTS[1], proof(1, changed))


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("size", 0, "value_out_of_range"),
        ("size", "3", "type_wrong"),
        ("root", bytes(31), "value_out_of_range"),
        ("time", -1, "value_out_of_range"),
        ("origin", "nowhere", "text_refused"),
    ],
)
def test_a_checkpoint_with_a_field_out_of_range_is_none(
    field: str, value: object, code: str
) -> None:
    with pytest.raises(ProtocolError) as caught:
        replace(checkpoint(), **{field: value})  # type: ignore[arg-type]
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "encoding_invalid"),
        (b"x" * 5000, "too_large"),
        (cbor.encode([2, b"", 0, []]), "version_unknown"),
        (cbor.encode([1, b"", 0]), "type_wrong"),
        (cbor.encode([1, "", 0, []]), "type_wrong"),
        (cbor.encode([1, b"", -1, []]), "value_out_of_range"),
        (cbor.encode([1, b"", 0, [b"short"]]), "value_out_of_range"),
        (cbor.encode([1, b"", 0, [bytes(32)] * 54]), "type_wrong"),
    ],
    ids=range(8),
)
def test_what_is_no_proof_file_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        Proof.from_bytes(content)
    assert caught.value.code == code
