"""COSE_Sign1: our building blocks against messages that others made."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from protocol import cbor, cose
from protocol.cose import Typ
from protocol.ed25519 import is_valid_signature, key_id
from protocol.errors import ProtocolError
from tests.protocol.published import load
from tests.protocol.world import STATEMENT_KEY

Check = Callable[[bytes, bytes], bool]

# The old number of Ed25519 is good for published vectors only.
EDDSA, ES256 = -8, -7


def verifies(message: bytes, algorithm: int, external_aad: bytes, check: Check) -> bool:
    """Check a published message with our Sig_structure; its headers are not as ours must be."""
    try:
        structure = cbor.decode(message.removeprefix(b"\xd2"))
        headers = cbor.decode(structure[0] or b"\xa0")
    except ProtocolError:
        return False
    if len(structure) != 4 or (structure[1] | headers).get(1) != algorithm:
        return False
    # RFC 9052 section 4.4: no headers are signed as no bytes, however they were sent.
    protected = structure[0] if headers else b""
    return check(structure[3], cose.to_be_signed(protected, structure[2], external_aad))


def eddsa(vector: dict[str, Any]) -> Check:
    key = bytes.fromhex(vector["public_key_hex"])
    return lambda signature, message: is_valid_signature(key, signature, message)


def ecdsa(vector: dict[str, Any]) -> Check:
    x, y = (_number(vector["key"][name]) for name in ("x", "y"))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()

    def check(signature: bytes, message: bytes) -> bool:
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        try:
            key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    return check


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def outcome(vector: dict[str, Any], algorithm: int, check: Check) -> bool:
    message = bytes.fromhex(vector["cose_hex"])
    return verifies(message, algorithm, bytes.fromhex(vector["external_aad_hex"]), check)


def test_generated_messages_verify() -> None:
    for vector in load("cose_sign1_generated")["vectors"]:
        assert outcome(vector, EDDSA, eddsa(vector)), vector["id"]


def test_published_eddsa_messages_verify_and_altered_ones_do_not() -> None:
    for vector in load("cose_sign1_eddsa")["vectors"]:
        if vector["curve"] == "Ed25519":
            assert outcome(vector, EDDSA, eddsa(vector)) is vector["valid"], vector["id"]


def test_published_es256_messages_verify_and_altered_ones_do_not() -> None:
    for vector in load("cose_sign1_es256_structure_tests")["vectors"]:
        assert outcome(vector, ES256, ecdsa(vector)) is vector["valid"], vector["id"]


def test_published_countersignatures_verify() -> None:
    vectors = [
        vector
        for vector in load("cose_countersign")["version2"]
        if "countersign_public_key_hex" in vector
    ]
    assert len(vectors) == 2
    for vector in vectors:
        assert is_valid_signature(
            bytes.fromhex(vector["countersign_public_key_hex"]),
            bytes.fromhex(vector["countersignature_hex"]),
            bytes.fromhex(vector["countersign_structure_hex"]),
        ), vector["id"]


@pytest.mark.parametrize(
    "name", ["cose_sign1_generated", "cose_sign1_eddsa", "cose_sign1_es256_structure_tests"]
)
def test_none_of_them_passes_for_one_of_ours(name: str) -> None:
    for vector in load(name)["vectors"]:
        with pytest.raises(ProtocolError):
            cose.parse(bytes.fromhex(vector["cose_hex"]))


def test_a_message_opens_with_its_key_and_typ_only() -> None:
    message = cose.sign(STATEMENT_KEY, Typ.STATEMENT, b"payload")
    key = STATEMENT_KEY.public
    assert cose.open_signed(message, typ=Typ.STATEMENT, key=key) == b"payload"
    with pytest.raises(ProtocolError) as wrong_typ:
        cose.open_signed(message, typ=Typ.VERDICT, key=key)
    assert wrong_typ.value.code == "typ_wrong"


def test_a_short_kid_that_fits_another_key_proves_nothing() -> None:
    message = cose.sign(STATEMENT_KEY, Typ.STATEMENT, b"payload")
    signed = cose.parse(message)
    assert signed.kid == key_id(STATEMENT_KEY.public)
    assert not signed.is_signed_by(bytes(32))


def test_what_no_reader_would_take_is_not_signed() -> None:
    room = cbor.MAX_BYTES - len(cose.sign(STATEMENT_KEY, Typ.KEY, bytes(256))) + 256
    assert cose.parse(cose.sign(STATEMENT_KEY, Typ.KEY, bytes(room))).payload == bytes(room)
    with pytest.raises(ProtocolError) as refusal:
        cose.sign(STATEMENT_KEY, Typ.KEY, bytes(room + 1))
    assert refusal.value.code == "too_large"
