"""Chip proofs, permits and messages: read as they were signed, and as nothing else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, cose
from protocol.binding import ChipProof, Message, Permit, Purpose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from tests.protocol import strategies as some

CHIP = SigningKey.from_bytes(bytes([7]) * 32)
OTHER = SigningKey.from_bytes(bytes([8]) * 32)
BOX = X25519PrivateKey.from_private_bytes(bytes([9]) * 32)
BOX_PUBLIC = BOX.public_key().public_bytes_raw()
ALICE, BOB = "+4915112345678", "+8613800138000"
PROOF = ChipProof(bytes(16), Purpose.BILLING, "8949123456789012345", ALICE, bytes(32), 1)
PERMIT = Permit(bytes(16), bytes(32), Purpose.STEP, 1_000, 1_060)


def sealed(text: str = "Meet me at six.") -> Message:
    return Message.seal(text, sender=ALICE, recipient=BOB, counter=3, box_key=BOX_PUBLIC)


NUMBERS = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
PROOFS = st.builds(
    ChipProof,
    some.octets(16),
    st.sampled_from(Purpose),
    st.from_regex(r"[0-9]{14,20}", fullmatch=True),
    NUMBERS,
    some.octets(32),
    st.integers(1, cbor.MAX_INT),
)


def fields(item: ChipProof | Permit | Message) -> list[Any]:
    return [getattr(item, name) for name in type(item).__slots__]


@given(PROOFS)
def test_a_proof_is_read_as_it_was_signed(proof: ChipProof) -> None:
    assert ChipProof.open(proof.sign(CHIP), key=CHIP.public) == proof


@given(some.octets(16), some.octets(32), st.sampled_from(Purpose), st.integers(0, 2**40))
def test_a_permit_is_read_as_it_was_signed(
    permit: bytes, device: bytes, purpose: Purpose, issued: int
) -> None:
    given_one = Permit(permit, device, purpose, min(issued, 10**11), min(issued, 10**11) + 60)
    assert Permit.open(given_one.sign(CHIP), key=CHIP.public) == given_one


@pytest.mark.parametrize("text", ["a", "你好世界", "🙂" * 500, "שלום"])
def test_the_recipient_reads_what_the_sender_wrote(text: str) -> None:
    arrived = Message.open(sealed(text).sign(CHIP), key=CHIP.public)
    assert arrived.read(BOX) == text
    # Less than that may be there by chance.
    assert len(text.encode()) < 8 or text.encode() not in arrived.sealed


@pytest.mark.parametrize(
    "change",
    [{"sender": BOB, "recipient": ALICE}, {"counter": 4}, {"sealed": bytes(80)}],
    ids=["other numbers", "other counter", "other content"],
)
def test_sealed_words_open_in_their_own_message_alone(change: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as refusal:
        replace(sealed(), **change).read(BOX)
    assert refusal.value.code == "sealed_invalid"


def test_another_chip_cannot_read_them() -> None:
    with pytest.raises(ProtocolError) as refusal:
        sealed().read(X25519PrivateKey.generate())
    assert refusal.value.code == "sealed_invalid"


@pytest.mark.parametrize("text", ["", "a" * 2001, "a\x00b"])
def test_words_that_may_not_be_signed_are_not_sealed(text: str) -> None:
    with pytest.raises(ProtocolError):
        sealed(text)


def test_a_key_that_is_none_seals_nothing() -> None:
    with pytest.raises(ProtocolError) as refusal:
        Message.seal("a", sender=ALICE, recipient=BOB, counter=1, box_key=bytes(32))
    assert refusal.value.code == "key_invalid"


READERS: list[tuple[Callable[..., object], ChipProof | Permit | Message]] = [
    (ChipProof.open, PROOF),
    (Permit.open, PERMIT),
    (Message.open, sealed()),
]


@pytest.mark.parametrize(("reader", "item"), READERS)
def test_the_signature_of_another_chip_is_refused(
    reader: Callable[..., object], item: ChipProof | Permit | Message
) -> None:
    with pytest.raises(ProtocolError) as refusal:
        reader(item.sign(OTHER), key=CHIP.public)
    assert refusal.value.code == "signature_invalid"


@pytest.mark.parametrize(("reader", "item"), READERS)
@pytest.mark.parametrize("signed", [item.sign(CHIP) for _, item in READERS])
def test_none_of_them_passes_for_another(
    reader: Callable[..., object], item: ChipProof | Permit | Message, signed: bytes
) -> None:
    if cose.parse(signed).typ == cose.parse(item.sign(CHIP)).typ:
        return
    with pytest.raises(ProtocolError) as refusal:
        reader(signed, key=CHIP.public)
    assert refusal.value.code == "typ_wrong"


def test_a_permit_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ProtocolError):
        replace(PERMIT, expires=PERMIT.issued)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nonce": bytes(15)}, "nonce"),
        ({"purpose": "anything"}, "purpose"),
        ({"sim": "1234"}, "sim"),
        ({"sim": "\u0661" * 15}, "sim"),
        ({"number": "015112345678"}, "number"),
        ({"number": None}, "number"),
        ({"device": bytes(31)}, "device"),
        ({"counter": 0}, "counter"),
        ({"counter": True}, "counter"),
    ],
)
def test_a_proof_with_a_wrong_field_is_refused_and_the_field_named(
    change: dict[str, Any], field: str
) -> None:
    with pytest.raises(ProtocolError) as refusal:
        replace(PROOF, **change)
    assert refusal.value.field == field
    assert "8949" not in str(refusal.value)
    assert ALICE not in str(refusal.value)


def test_what_they_hold_is_not_in_their_repr() -> None:
    shown = repr(PROOF) + repr(sealed()) + repr(PERMIT)
    assert ALICE not in shown
    assert "8949" not in shown


@given(some.VALUES, st.sampled_from([Typ.CHIP_PROOF, Typ.PERMIT, Typ.MESSAGE]))
def test_no_payload_gets_anything_but_a_refusal(value: object, typ: Typ) -> None:
    readers: dict[Typ, Any] = {
        Typ.CHIP_PROOF: ChipProof,
        Typ.PERMIT: Permit,
        Typ.MESSAGE: Message,
    }
    with pytest.raises(ProtocolError):
        readers[typ].open(cose.sign(CHIP, typ, cbor.encode(value)), key=CHIP.public)


KINDS: list[tuple[Typ, Any, ChipProof | Permit | Message]] = [
    (Typ.CHIP_PROOF, ChipProof, PROOF),
    (Typ.PERMIT, Permit, PERMIT),
    (Typ.MESSAGE, Message, sealed()),
]


@given(st.data())
def test_no_fields_of_other_types_get_through(data: st.DataObject) -> None:
    typ, reader, item = data.draw(st.sampled_from(KINDS))
    parts = [1, *(str(part) if isinstance(part, Purpose) else part for part in fields(item))]
    payload = data.draw(some.wrong_values((cbor.encode(parts),)))
    try:
        again = reader.open(cose.sign(CHIP, typ, payload), key=CHIP.public)
    except ProtocolError:
        return
    assert cose.parse(again.sign(CHIP)).payload == payload
