"""The vectors of tests/vectors/protocol: each good one is read, each fault refused by its code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from protocol import cose, qrtext, receipt
from protocol.bundle import Bundle
from protocol.certified import read_bucket
from protocol.charge import Charge
from protocol.cose import Typ
from protocol.enrolment import Invitation, Transcript
from protocol.errors import ProtocolError
from protocol.keys import Directory, ServerCertificate
from protocol.provisioning import Provision
from protocol.qrtext import Link
from protocol.rebuild import rebuild
from protocol.receipt import Receipt
from protocol.statement import Statement
from protocol.verdict import Verdict
from protocol.verification import verify_receipt
from tests.protocol import ended_vectors, make_vectors, offline_vectors
from tests.protocol.published import SAME_ZLIB

PATHS = sorted(make_vectors.FOLDER.glob("*.json"))
VECTORS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in PATHS
}
FAULTS = [name for name, vector in VECTORS.items() if "code" in vector]
WORKED = [name for name in VECTORS if name not in FAULTS]
ROOT = bytes.fromhex(VECTORS["directory"]["root"])
DIRECTORY = Directory.open(bytes.fromhex(VECTORS["directory"]["hex"]), root=ROOT)
STATEMENT_KEY = bytes.fromhex(VECTORS["statement_first"]["public_key"])


def verify(message: bytes) -> None:
    """Verify a receipt, and raise the first line that fails."""
    for check in verify_receipt(message, DIRECTORY).failures:
        raise ProtocolError(check.code, check.text)


READERS: dict[str, Callable[[bytes], object]] = {
    "statement": Statement.from_payload,
    "message": lambda data: cose.open_signed(data, typ=Typ.STATEMENT, key=STATEMENT_KEY),
    "verdict": Verdict.from_payload,
    "receipt": lambda data: rebuild(Receipt.from_signed(cose.parse(data))),
    "charge": lambda data: Charge.from_signed(cose.parse(data)),
    "verify": verify,
    "bundle": lambda data: Bundle.decode(data).open(STATEMENT_KEY),
    "server_certificate": ServerCertificate.from_payload,
    "directory": lambda data: Directory.open(data, root=ROOT),
    "enrolment": Transcript.from_payload,
    "bucket": lambda data: read_bucket(data, at=0),
    **offline_vectors.READERS,
}
TEXT_READERS: dict[str, Callable[[str], object]] = {
    "qr_text": lambda text: qrtext.decode(text, Link.RECEIPT),
    "invitation": Invitation.from_link,
    "provision": Provision.from_link,
}
# Readers that need more of a vector than its bytes.
VECTOR_READERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "successor": lambda vector: ended_vectors.check_successor(
        bytes.fromhex(vector["held"]), bytes.fromhex(vector["hex"])
    ),
    "report": ended_vectors.verified,
}


def read(vector: dict[str, Any]) -> object:
    """Read a vector with the reader it names."""
    if vector["reads"] in VECTOR_READERS:
        return VECTOR_READERS[vector["reads"]](vector)
    if "text" in vector:
        return TEXT_READERS[vector["reads"]](vector["text"])
    return READERS[vector["reads"]](bytes.fromhex(vector["hex"]))


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_refused_with_its_code(name: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        read(VECTORS[name])
    assert refusal.value.code == VECTORS[name]["code"]


@pytest.mark.parametrize("name", WORKED)
def test_worked_vector_is_read(name: str) -> None:
    assert read(VECTORS[name]) is not None


@pytest.mark.parametrize("name", [name for name in WORKED if "message_hex" in VECTORS[name]])
def test_message_of_a_worked_vector_is_signed_by_its_key(name: str) -> None:
    vector = VECTORS[name]
    signed = cose.parse(bytes.fromhex(vector["message_hex"]))
    assert signed.is_signed_by(bytes.fromhex(vector["public_key"]))
    assert signed.payload.hex() == vector["hex"]


@pytest.mark.parametrize("name", [name for name in WORKED if "rebuilt" in VECTORS[name]])
def test_receipt_of_a_worked_vector_gives_what_is_written_beside_it(name: str) -> None:
    vector = VECTORS[name]
    message = bytes.fromhex(vector["hex"])
    rebuilt = rebuild(Receipt.from_signed(cose.parse(message)))
    report = verify_receipt(message, DIRECTORY)
    assert [step.payload.hex() for step in rebuilt] == [
        step["statement"] for step in vector["rebuilt"]
    ]
    assert [step.link.hex() for step in rebuilt] == [step["L"] for step in vector["rebuilt"]]
    assert receipt.identity(message).hex() == vector["identity"]
    assert [[c.number, c.outcome, c.code, c.step] for c in report.checks] == vector["report"]
    assert qrtext.decode(vector["qr_text"], Link.RECEIPT)[1] == message


@pytest.mark.parametrize("name", [name for name in WORKED if VECTORS[name]["reads"] == "report"])
def test_report_of_a_worked_vector_is_what_is_written_beside_it(name: str) -> None:
    assert ended_vectors.verified(VECTORS[name]) == VECTORS[name]


@SAME_ZLIB
def test_the_files_are_what_make_vectors_makes() -> None:
    made = make_vectors.vectors()
    assert {path.stem for path in PATHS} == set(made)
    for path in PATHS:
        assert path.read_text("utf-8") == make_vectors.as_text(made[path.stem]), _HINT


_HINT = f"run: python -m {make_vectors.__name__}, and look at what changed in {Path('tests')}"
