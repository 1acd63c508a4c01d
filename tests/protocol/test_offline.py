"""What client, device and platform say: read as it was signed, by whom, and as nothing else."""

import re
from collections.abc import Callable
from dataclasses import fields
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import cbor, cose, hpke
from protocol.charge import Side
from protocol.cose import Typ
from protocol.currency import EXPONENTS
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.fields import MAX_TIME
from protocol.near_field import PARTS, Asks, Kind, Offer, pack, unpack
from protocol.offline import (
    MAX_COUNTER,
    Application,
    Countersign,
    Level,
    Money,
    OneWayCode,
    Outcome,
    Result,
    Serial,
    ToBeSigned,
    digest_of,
    password_key,
    password_proof,
    seal,
    unseal,
)
from tests.protocol import strategies as some

CLIENT = SigningKey.from_bytes(bytes([7]) * 32)
PLATFORM = SigningKey.from_bytes(bytes([8]) * 32)
BOX = X25519PrivateKey.from_private_bytes(bytes([9]) * 32)
BOX_PUBLIC = BOX.public_key().public_bytes_raw()
SERIAL = Serial(b"clnt", 7, bytes(8))
SERVICE, DEVICE, MONEY, NOW = b"service!", b"a device", Money(450, "EUR"), 1_790_000_000
APPLICATION = Application(SERIAL, SERVICE, MONEY, Level.ORDINARY, NOW)
TBS = ToBeSigned(
    serial=SERIAL,
    service=SERVICE,
    money=MONEY,
    level=Level.ORDINARY,
    time=NOW,
    subject=None,
    device=DEVICE,
    title="Corner shop",
    payee=Side("883100471100", "Dana Shops"),
    nonce=bytes(16),
    issued=NOW,
    expires=NOW + 90,
)
COUNTERSIGN = Countersign(digest_of(b"tbs"))
RESULT = Result(
    SERIAL, DEVICE, SERVICE, Outcome.APPROVED, "approved", MONEY, NOW, receipt=bytes(8)
)
CODE = OneWayCode(SERIAL, MONEY, NOW)
SIGNED = (APPLICATION, TBS, COUNTERSIGN, RESULT, CODE)
OFFER = Offer(SERVICE, "Corner shop", Asks.PAYMENT, MONEY)

TIMES = st.integers(0, MAX_TIME - 1)
SERIALS = st.builds(Serial, some.octets(4), st.integers(1, MAX_COUNTER), some.octets(8))
MONIES = st.builds(Money, st.integers(1, cbor.MAX_INT), st.sampled_from(sorted(EXPONENTS)))
RESPONSES = st.from_regex(r"[0-9]{6,64}", fullmatch=True)
SUBJECTS = st.none() | some.octets(8)
ASKED = {
    "serial": SERIALS,
    "service": some.octets(8),
    "money": st.none() | MONIES,
    "level": st.sampled_from(Level),
    "time": TIMES,
    "subject": SUBJECTS,
}
ANY = st.one_of(
    st.builds(Application, **ASKED),
    TIMES.flatmap(
        lambda issued: st.builds(
            ToBeSigned,
            **ASKED,
            device=some.octets(8),
            title=some.texts(60),
            payee=st.builds(Side, st.just("883100471100"), st.none() | some.texts(70)),
            nonce=some.octets(16),
            issued=st.just(issued),
            expires=st.integers(issued + 1, MAX_TIME),
        )
    ),
    st.builds(
        Countersign, some.octets(32), st.none() | st.from_regex(r"[0-9]{6,64}", fullmatch=True)
    ),
    st.builds(
        Result,
        *(SERIALS, some.octets(8), some.octets(8), st.just(Outcome.REJECTED)),
        *(st.from_regex(r"[a-z_]{1,32}", fullmatch=True).filter("approved".__ne__),),
        *(st.none() | MONIES, TIMES, SUBJECTS),
    ),
    st.builds(OneWayCode, SERIALS, MONIES, TIMES),
)


def replace(message: Any, **changes: Any) -> Any:
    """Return a message with other fields, of whatever type."""
    return replaced(message, **changes)


@given(ANY)
def test_a_message_is_read_as_it_was_signed(message: Any) -> None:
    signed = message.sign(CLIENT)
    assert type(message).open(signed, key=CLIENT.public) == message


@pytest.mark.parametrize("message", SIGNED, ids=lambda message: message.NAME)
def test_a_message_of_one_kind_never_passes_for_another(message: Any) -> None:
    others = [type(other) for other in SIGNED if other is not message]
    for other in others:
        with pytest.raises(ProtocolError) as refused:
            other.open(message.sign(CLIENT), key=CLIENT.public)
        assert refused.value.code == "typ_wrong"


@pytest.mark.parametrize("message", SIGNED, ids=lambda message: message.NAME)
def test_a_flipped_bit_or_another_key_is_noticed(message: Any) -> None:
    signed = message.sign(CLIENT)
    with pytest.raises(ProtocolError):
        type(message).open(signed, key=PLATFORM.public)
    for place in range(len(signed)):
        flipped = bytearray(signed)
        flipped[place] ^= 1
        with pytest.raises(ProtocolError):
            type(message).open(bytes(flipped), key=CLIENT.public)


@pytest.mark.parametrize("message", SIGNED, ids=lambda message: message.NAME)
def test_a_field_too_few_or_too_many_or_of_another_type_is_refused(message: Any) -> None:
    whole = cbor.decode(cose.parse(message.sign(CLIENT)).payload)
    wrong = [whole[:-1], [*whole, None], [2, *whole[1:]], {}, 7]
    wrong += [[*whole[:place], [[]], *whole[place + 1 :]] for place in range(1, len(whole))]
    for content in wrong:
        signed = cose.sign(CLIENT, message.TYP, cbor.encode(content))
        with pytest.raises(ProtocolError):
            type(message).open(signed, key=CLIENT.public)


@given(st.binary(max_size=300))
def test_no_bytes_get_anything_but_a_refusal_out_of_a_reader(data: bytes) -> None:
    for message in SIGNED:
        with pytest.raises(ProtocolError):
            type(message).open(cose.sign(CLIENT, message.TYP, data), key=CLIENT.public)
    with pytest.raises(ProtocolError):
        unpack(data, *Kind)
    with pytest.raises(ProtocolError):
        unseal(SERIAL, hpke.seal(data, BOX_PUBLIC, b"countersign/offline/1" + bytes(SERIAL)), BOX)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Serial(b"abc", 1, bytes(8)),
        lambda: Serial(b"abcd", 0, bytes(8)),
        lambda: Serial(b"abcd", MAX_COUNTER + 1, bytes(8)),
        lambda: Serial.from_bytes(bytes(16)),
        lambda: Serial.from_bytes(bytes(15)),
        lambda: Money(0, "EUR"),
        lambda: Money(-1, "EUR"),
        lambda: Money(True, "EUR"),  # noqa: FBT003
        lambda: Money(1, "XYZ"),
        lambda: replace(APPLICATION, service=b"short"),
        lambda: replace(APPLICATION, level=3),
        lambda: replace(APPLICATION, level=True),
        lambda: replace(APPLICATION, time=-1),
        lambda: replace(APPLICATION, subject=b"short"),
        lambda: replace(TBS, expires=NOW),
        lambda: replace(TBS, title="x" * 61),
        lambda: replace(TBS, title="line\nbreak"),
        lambda: replace(TBS, nonce=bytes(15)),
        lambda: replace(COUNTERSIGN, response="é"),
        lambda: replace(COUNTERSIGN, response="1" * 65),
        lambda: replace(RESULT, outcome=Outcome.REJECTED),
        lambda: replace(RESULT, code="limit_exceeded"),
        lambda: replace(RESULT, code="x" * 33),
        lambda: replace(CODE, most=None),
        lambda: replace(OFFER, money=None),
        lambda: replace(OFFER, asks=Asks.RIGHT),
    ],
)
def test_a_value_out_of_range_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ProtocolError):
        make()


def test_a_serial_says_whose_it_is_and_is_drawn_fresh() -> None:
    assert bytes(Serial(b"clnt", 258, b"randomly")) == b"clnt\x00\x00\x01\x02randomly"
    assert Serial.from_bytes(bytes(SERIAL)) == SERIAL
    assert len({Serial.draw(b"clnt", 7).random for _ in range(1000)}) == 1000


def test_a_tbs_answers_its_application_and_no_other() -> None:
    assert TBS.answers(APPLICATION)
    assert replace(TBS, level=Level.HIGH).answers(APPLICATION)
    assert not TBS.answers(replace(APPLICATION, level=Level.HIGH))
    for name, other in (
        ("serial", Serial(b"clnt", 8, bytes(8))),
        ("service", b"another!"),
        ("money", Money(451, "EUR")),
        ("money", Money(450, "SEK")),
        ("money", None),
        ("time", NOW + 1),
        ("subject", bytes(8)),
    ):
        assert not replace(TBS, **{name: other}).answers(APPLICATION)


@pytest.mark.parametrize("kind", Kind)
def test_a_link_message_comes_back_as_it_was_packed(kind: Kind) -> None:
    parts: list[Any] = [b"signed"] * PARTS[kind]
    if kind is Kind.OFFER:
        parts = OFFER.parts()
    elif kind is Kind.REFUSAL:
        parts = ["limit_exceeded"]
    assert unpack(pack(kind, *parts), kind) == (kind, parts)
    with pytest.raises(ProtocolError) as refused:
        unpack(pack(kind, *parts), *(other for other in Kind if other is not kind))
    assert refused.value.code == "typ_unexpected"
    for wrong in ([*parts, b""], parts[:-1], [7] * len(parts)):
        with pytest.raises(ProtocolError):
            Offer(*unpack(pack(kind, *wrong), kind)[1])


def test_a_tbs_may_lack_its_bundle_and_nothing_else_may_lack() -> None:
    assert unpack(pack(Kind.TO_BE_SIGNED, b"tbs", None), Kind.TO_BE_SIGNED)[1] == [b"tbs", None]
    for kind, parts in ((Kind.TO_BE_SIGNED, (None, None)), (Kind.RESULT, (None,))):
        with pytest.raises(ProtocolError):
            unpack(pack(kind, *parts), kind)


def test_an_offer_comes_back_as_it_was_packed() -> None:
    right = Offer(SERVICE, "Garden", Asks.RIGHT)
    for offer in (OFFER, right):
        _, parts = unpack(pack(Kind.OFFER, *offer.parts()), Kind.OFFER)
        assert Offer(*parts) == offer


@given(some.octets(32) | st.none())
def test_what_is_sealed_opens_for_its_serial_and_key_alone(proof: bytes | None) -> None:
    sealed = seal(SERIAL, b"countersign", proof, BOX_PUBLIC)
    assert unseal(SERIAL, sealed, BOX) == (b"countersign", proof)
    others = [(Serial(b"clnt", 8, bytes(8)), BOX), (SERIAL, X25519PrivateKey.generate())]
    for serial, key in others:
        with pytest.raises(ProtocolError) as refused:
            unseal(serial, sealed, key)
        assert refused.value.code == "sealed_invalid"


def test_what_is_sealed_tells_nothing_by_its_size() -> None:
    sizes = {len(seal(SERIAL, b"countersign", bytes([n]) * 32, BOX_PUBLIC)) for n in range(9)}
    assert len(sizes) == 1


@settings(max_examples=3)
@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_a_proof_is_of_one_password_for_one_tbs(one: str, other: str) -> None:
    key = password_key(one, bytes(16))
    assert len(key) == 32
    assert key != password_key(one, bytes(15) + b"1")
    assert (key == password_key(other, bytes(16))) is (one == other)
    assert password_proof(key, b"tbs") != password_proof(key, b"another tbs")


def test_the_key_of_a_password_is_that_of_another_implementation() -> None:
    # argon2id of hash-wasm 4.13.0, which the phone's page uses.
    told = "4bde3037529dfe633a991fe6a35b86dd1548f18512a1b1a3e32fe9ace6f453f3"
    assert password_key("seven tall pines", b"saltsaltsaltsalt").hex() == told


def sizes() -> dict[str, int]:
    """Bytes of each message over the link, with short names."""
    sealed = seal(SERIAL, COUNTERSIGN.sign(CLIENT), bytes(32), BOX_PUBLIC)
    return {
        "offer": len(pack(Kind.OFFER, *OFFER.parts())),
        "application": len(pack(Kind.APPLICATION, APPLICATION.sign(CLIENT))),
        "tbs": len(pack(Kind.TO_BE_SIGNED, TBS.sign(PLATFORM), None)),
        "countersign": len(pack(Kind.COUNTERSIGN, COUNTERSIGN.sign(CLIENT))),
        "sealed": len(pack(Kind.SEALED, sealed)),
        "result": len(pack(Kind.RESULT, RESULT.sign(PLATFORM))),
        "code": len(pack(Kind.CODE, CODE.sign(CLIENT))),
        "refusal": len(pack(Kind.REFUSAL, "serial_reused")),
    }


def test_the_page_has_the_size_of_every_message() -> None:
    page = Path(__file__).parents[2].joinpath("docs/protocol.md").read_text("utf-8")
    told = dict(re.findall(r"\| (\w+) \| (\d+) \| \d \|", page.partition("## 21.")[2]))
    assert {name: int(size) for name, size in told.items()} == sizes()


def test_every_typ_of_this_way_is_tried_here() -> None:
    ours = {typ for typ in Typ if typ.startswith("cs-offline-")}
    assert {message.TYP for message in SIGNED} == ours
    assert all(len(fields(message)) for message in SIGNED)
