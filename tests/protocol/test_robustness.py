"""No input whatever gets anything but a ProtocolError out of a reader."""

import contextlib
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, cose, qrtext
from protocol.billing import BillingVerdict, Operation
from protocol.bundle import Bundle
from protocol.charge import Charge
from protocol.cose import Typ
from protocol.enrolment import Invitation, Transcript
from protocol.errors import ProtocolError
from protocol.keys import Directory, KeyCertificate, ServerCertificate
from protocol.qrtext import Link
from protocol.rebuild import rebuild
from protocol.receipt import Receipt
from protocol.statement import Demand, Kind, Party, Statement
from protocol.verdict import Verdict
from protocol.verification import verify_receipt
from tests.protocol import strategies as some
from tests.protocol import world

CHAIN = world.chain(3)
ENROLMENT = Transcript(
    platform_root=bytes(32),
    platform_id="demo",
    platform_origin="https://cs.example.com",
    vk=bytes(8),
    serial="CS1",
    suite="OCRA-1:HOTP-SHA256-8:QH64",
    sight=CHAIN[0].statement.sight,
    token_share=bytes(32),
    host_share=bytes(32),
    ticket_hash=bytes(32),
)
BILLED = BillingVerdict(
    code="allowed",
    resource=bytes(8),
    version=1,
    operation=Operation.PLAY,
    rnonce=bytes(16),
    device=bytes(32),
    key_digest=bytes(32),
    issued=0,
    expires=60,
)
# Real messages and payloads of every kind.
MESSAGES = (
    *(signed.statement.payload() for signed in CHAIN),
    *(signed.verdict for signed in CHAIN),
    cose.parse(CHAIN[0].verdict).payload,
    CHAIN[0].certificate,
    cose.parse(CHAIN[0].certificate).payload,
    world.receipt_of(CHAIN),
    world.receipt_of(CHAIN[:1]),
    world.refusal(1).sign(world.RECEIPT_KEY),
    world.bundle_of(CHAIN),
    world.DIRECTORY.sign(world.DIRECTORY_KEY),
    cose.sign(world.STATEMENT_KEY, Typ.STATEMENT, CHAIN[0].statement.payload()),
    world.CERTIFICATES[0],
    world.CHARGE.sign(world.RECEIPT_KEY),
    ENROLMENT.payload(),
    BILLED.payload(),
)


def _receipt_payload(data: bytes) -> object:
    # Behind a sound frame, so that a fault in the payload is reached.
    typ = Typ.REFUSAL if data and data[0] == 0x88 else Typ.RECEIPT
    return rebuild(Receipt.from_signed(cose.Sign1(typ, bytes(8), data, bytes(64))))


def _charge_payload(data: bytes) -> object:
    return Charge.from_signed(cose.Sign1(Typ.CHARGE, bytes(8), data, bytes(64)))


def _directory_payload(data: bytes) -> object:
    message = cose.sign(world.DIRECTORY_KEY, Typ.DIRECTORY, data)
    return Directory.open(message, root=world.ROOT.public)


def _key_payload(data: bytes) -> object:
    return KeyCertificate.open(cose.sign(world.ROOT, Typ.KEY, data), root=world.ROOT.public)


def _bundle(data: bytes) -> object:
    return Bundle.decode(data).open(world.STATEMENT_KEY.public)


READERS: tuple[Callable[[bytes], object], ...] = (
    cbor.decode,
    cose.parse,
    Statement.from_payload,
    Verdict.from_payload,
    BillingVerdict.from_payload,
    ServerCertificate.from_payload,
    Transcript.from_payload,
    Directory.open,
    _receipt_payload,
    _charge_payload,
    _directory_payload,
    _key_payload,
    _bundle,
    lambda data: Invitation.from_link(
        qrtext.encode("https://cs.example.com", Link.ENROLMENT, data)
    ),
)
PAYLOADS = tuple(
    cose.parse(message).payload if message[:1] == b"\xd2" else message for message in MESSAGES
)


def read_with_all(data: bytes) -> None:
    """Give the bytes to every reader; anything but a ProtocolError is a failure."""
    for reader in READERS:
        try:
            reader(data)
        except ProtocolError:
            continue
    assert verify_receipt(data, world.DIRECTORY).checks


@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    read_with_all(data)


@given(some.mutations(MESSAGES))
def test_mutated_messages(data: bytes) -> None:
    read_with_all(data)


@given(some.mutations(PAYLOADS))
def test_mutated_payloads(data: bytes) -> None:
    read_with_all(data)


@given(some.wrong_values(PAYLOADS))
def test_sound_encoding_of_wrong_values(payload: bytes) -> None:
    read_with_all(payload)


@given(st.text(max_size=300) | st.from_regex(r"https://a/[rte]#[0-9]{0,60}", fullmatch=True))
def test_any_text_as_a_link(text: str) -> None:
    for link in Link:
        with contextlib.suppress(ProtocolError):
            qrtext.decode(text, link)


@pytest.mark.parametrize(
    "data",
    [
        # Each level refers three times and more to the one before it.
        b"\x98\x1e"
        + b"\xd8\x1c\x98\x1e"
        + b"\x01" * 30
        + b"".join(
            b"\xd8\x1c\x98\x1e" + (b"\xd8\x1d\x18" + bytes([level])) * 30 for level in range(29)
        ),
        b"\xd8\x1c\x81\xd8\x1d\x00",
        b"\xd9\x01\x00\x82\x64abcd\xd8\x19\x00",
        # A regular expression that takes long to compile.
        b"\xd8\x23\x78\x48" + ("(?i)" + "[\x01-\U0010ffff]" * 9)[:70].encode()[:72],
        b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xbb\x00\x00\x00\xff\xff\xff\xff\xff",
        b"\x81" * 4000,
        bytes(10_000_000),
    ],
    ids=["bomb", "cycle", "strings", "pattern", "array", "bytes", "map", "deep", "large"],
)
def test_little_input_never_makes_much_work(data: bytes) -> None:
    took = []
    # The best of three: other programs slow the processor down.
    for _ in range(3):
        started = time.process_time()
        with pytest.raises(ProtocolError):
            cbor.decode(data)
        took.append(time.process_time() - started)
    assert min(took) < 0.5


LONE_SURROGATE = "a\ud800"


@pytest.mark.parametrize(
    "make",
    [
        lambda text: Party("1", text),
        lambda text: Party(text, "b"),
        lambda text: Party("1", "b", text),
        lambda text: Demand(Kind.OTHER, text=text),
        lambda text: Demand(Kind.OTHER, payee_account=text),
        lambda text: Demand(Kind.PAYMENT, 1, text, "DE0"),
        lambda text: Invitation(text, bytes(16), bytes(16)),
        lambda text: cbor.encode([text]),
        Invitation.from_link,
    ],
)
def test_a_lone_surrogate_is_a_protocol_error(make: Callable[[str], object]) -> None:
    with pytest.raises(ProtocolError):
        make(LONE_SURROGATE)


def test_megabytes_of_text_are_refused_by_their_size() -> None:
    with pytest.raises(ProtocolError) as refusal:
        Party("1", "ä" * 1_000_000)
    assert refusal.value.detail == "remark is 2000000 bytes long; 120 are allowed"
