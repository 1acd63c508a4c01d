"""The phone's page makes and reads messages exactly as Python does: same bytes, same refusals."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol import cbor, cose, near_field, offline, qrtext
from protocol.charge import Side
from protocol.cose import Typ
from protocol.ended import EndedKey
from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64
from protocol.keys import KeyCertificate, Purpose, open_certificate
from protocol.near_field import Asks, Kind, Offer
from protocol.offline import (
    Application,
    Countersign,
    Level,
    Money,
    OneWayCode,
    Outcome,
    Result,
    Serial,
    ToBeSigned,
)
from protocol.qrtext import Link
from terminal.links.errors import LinkError
from terminal.links.frames import Assembler, Splitter
from tests.browser.readers import Reader
from tests.browser.reading import each_value_changed, plain
from tests.protocol import world

SERIAL = Serial(b"\x00\x01\x02\x03", 7, bytes(range(8)))
CAR_PARK = b"\x05" * 8
FEE = Money(250, "EUR")
APPLICATION = Application(SERIAL, CAR_PARK, FEE, Level.ORDINARY, world.NOON)
OFFLINE_KEY = world.signing_key("platform offline")
CLIENT_KEY = world.signing_key("offline client")
TBS = ToBeSigned(
    serial=SERIAL,
    service=CAR_PARK,
    money=FEE,
    level=Level.ORDINARY,
    time=world.NOON,
    subject=None,
    device=b"\x06" * 8,
    title="Car park",
    payee=Side("DE02 1203 0000 0000 2020 51", "Zhang 停车场"),
    nonce=bytes(16),
    issued=world.NOON,
    expires=world.NOON + 90,
)
RESULT = Result(
    serial=SERIAL,
    device=TBS.device,
    service=CAR_PARK,
    outcome=Outcome.APPROVED,
    code="approved",
    money=FEE,
    decided=world.NOON,
    receipt=b"\x07" * 8,
)
OFFERS = [
    Offer(CAR_PARK, "Car park", Asks.RIGHT),
    Offer(CAR_PARK, "停车场", Asks.PAYMENT, FEE),
    Offer(CAR_PARK, "Approvals", Asks.STEP),
]
BOX = X25519PrivateKey.from_private_bytes(world.some_bytes("box of the client", 32))
BOX_KEY = BOX.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def read_value(reader: Reader, question: str, **given: Any) -> Any:
    """Return what the modules read."""
    answer = reader.ask(question, **given)
    assert "value" in answer, answer
    return answer["value"]


def said(message: Any) -> dict[str, Any]:
    """Return a message in the form in which the modules say it."""
    value = {name: getattr(message, name) for name in message.__slots__}
    return {
        name: plain(bytes(item) if isinstance(item, Serial) else item)
        for name, item in value.items()
    }


# --- What the platform signs


@pytest.mark.parametrize(
    "tbs",
    [
        TBS,
        replace(TBS, money=None, level=Level.HIGH),
        replace(TBS, subject=bytes(8), payee=Side("1", None)),
    ],
)
def test_a_tbs_is_read_alike(tbs: ToBeSigned, reader: Reader) -> None:
    assert read_value(reader, "offline_tbs", hex=tbs.sign(OFFLINE_KEY).hex()) == said(tbs)


@pytest.mark.parametrize(
    "result",
    [
        RESULT,
        replace(RESULT, outcome=Outcome.REJECTED, code="tbs_expired", money=None, receipt=None),
    ],
)
def test_a_result_is_read_alike(result: Result, reader: Reader) -> None:
    assert read_value(reader, "offline_result", hex=result.sign(OFFLINE_KEY).hex()) == said(result)


@pytest.mark.parametrize(
    ("question", "message"), [("offline_tbs", TBS), ("offline_result", RESULT)]
)
def test_any_wrong_value_is_refused_alike(
    question: str, message: ToBeSigned | Result, reader: Reader
) -> None:
    for payload in each_value_changed(cose.parse(message.sign(OFFLINE_KEY)).payload):
        signed = cose.sign(OFFLINE_KEY, message.TYP, payload)
        try:
            expected: dict[str, Any] = {
                "value": said(type(message).from_signed(cose.parse(signed)))
            }
        except ProtocolError as error:
            expected = {"code": error.code, "detail": error.detail}
        assert reader.ask(question, hex=signed.hex()) == expected


def test_a_tbs_answers_what_was_asked_for_and_nothing_else(reader: Reader) -> None:
    for changed in (
        {},
        {"level": Level.HIGH},
        {"money": Money(251, "EUR")},
        {"money": Money(250, "USD")},
        {"money": None},
        {"service": bytes(8)},
        {"time": world.NOON - 1},
        {"subject": bytes(8)},
        {"serial": replace(SERIAL, counter=8)},
    ):
        tbs = replace(TBS, **changed)
        message = tbs.sign(OFFLINE_KEY).hex()
        for level in Level:
            application = replace(APPLICATION, level=level)
            asked = fields_of(application)
            heard = read_value(reader, "offline_answers", hex=message, asked=asked)
            assert heard is tbs.answers(application)


CERTIFICATE = KeyCertificate(
    OFFLINE_KEY.public, Purpose.OFFLINE, world.PLATFORM.id, world.TODAY, world.TODAY + 30
)


def opened(
    reader: Reader,
    certificate: KeyCertificate,
    now: int = world.NOON,
    *ended: EndedKey,
    is_listed: bool = False,
) -> dict[str, Any]:
    """Return what comes of a tbs for whoever holds one certificate, told or in the directory."""
    signed = certificate.sign(world.ROOT)
    assert open_certificate(signed, world.ROOT.public) == certificate
    told, listed = ([], [signed.hex()]) if is_listed else ([signed.hex()], [])
    return reader.ask(
        "offline_opened",
        hex=TBS.sign(OFFLINE_KEY).hex(),
        root=world.ROOT.public.hex(),
        platform=world.PLATFORM.id,
        certificates=told,
        directory=listed,
        ended=[[end.kid.hex(), end.retired_at, end.compromised_at] for end in ended],
        now=now,
    )


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_certified_offline_key_is_believed(any_reader: Reader, *, is_listed: bool) -> None:
    assert opened(any_reader, CERTIFICATE, is_listed=is_listed) == {"value": said(TBS)}


@pytest.mark.parametrize(
    ("certificate", "now", "code"),
    [
        (CERTIFICATE, world.NOON + 31 * 86400, "signature_invalid"),
        (replace(CERTIFICATE, purpose=Purpose.BILLING), world.NOON, "signature_invalid"),
        (replace(CERTIFICATE, subject="demu"), world.NOON, "signature_invalid"),
        # The platform's newest, or a stranger's.
        (replace(CERTIFICATE, key=CLIENT_KEY.public), world.NOON, "signer_unknown"),
    ],
    ids=["expired", "of another purpose", "of another platform", "of another key"],
)
def test_no_other_key_is_believed(
    certificate: KeyCertificate, now: int, code: str, any_reader: Reader
) -> None:
    assert opened(any_reader, certificate, now)["code"] == code


@pytest.mark.parametrize(
    ("retired", "compromised", "is_believed"),
    [
        (world.NOON + 1, None, True),
        (world.NOON, None, False),
        # It may have written any date.
        (None, world.NOON + 1, False),
    ],
)
def test_a_key_that_is_known_to_have_ended_is_not_believed(
    retired: int | None, compromised: int | None, *, is_believed: bool, any_reader: Reader
) -> None:
    end = EndedKey(OFFLINE_KEY.kid, retired, compromised)
    other = EndedKey(CLIENT_KEY.kid, None, 1)
    for is_listed in (False, True):
        answer = opened(any_reader, CERTIFICATE, world.NOON, other, end, is_listed=is_listed)
        assert answer.get("code") == (None if is_believed else "signature_invalid")


def test_the_newest_directory_is_kept_and_no_end_is_taken_back(reader: Reader) -> None:
    end = EndedKey(OFFLINE_KEY.kid, None, world.NOON)
    older, ended, back = (
        replace(world.DIRECTORY, number=number, ended=those).sign(world.DIRECTORY_KEY).hex()
        for number, those in ((7, ()), (8, (end,)), (9, ()))
    )
    for held, offered, kept in (
        ("", older, 7),
        (older, ended, 8),
        (ended, older, 8),
        (ended, back, 8),
        (ended, "", 8),
    ):
        answer = reader.ask("offline_newest", held=held, offered=offered)
        assert answer == {"value": kept}


# --- What a client makes


def fields_of(message: Any) -> dict[str, Any]:
    """Return what a message is made of, as JSON."""
    value = {name: getattr(message, name) for name in message.__slots__}
    return {
        name: bytes(item).hex()
        if isinstance(item, Serial | bytes)
        else {"amount": item.amount, "currency": item.currency}
        if isinstance(item, Money)
        else item
        for name, item in value.items()
    }


@pytest.mark.parametrize(
    "message",
    [
        APPLICATION,
        replace(APPLICATION, money=None, level=Level.HIGH, subject=bytes(8)),
        Countersign(bytes(range(32))),
        Countersign(bytes(range(32)), "12345678"),
        OneWayCode(SERIAL, Money(1000, "JPY"), world.NOON),
    ],
    ids=lambda message: message.NAME,
)
def test_what_a_client_signs_is_the_same_bytes(message: Any, any_reader: Reader) -> None:
    made = read_value(
        any_reader,
        "offline_signed",
        seed=CLIENT_KEY.private.private_bytes_raw().hex(),
        key=CLIENT_KEY.public.hex(),
        typ=message.TYP,
        made=fields_of(message),
    )
    assert made["bytes"] == message.sign(CLIENT_KEY).hex()


def test_serials_begin_alike_and_are_distinct(reader: Reader) -> None:
    drawn = {
        read_value(reader, "offline_serial", client=SERIAL.client.hex(), counter=2**32 - 1)[
            "bytes"
        ]
        for _ in range(20)
    }
    serials = [Serial.from_bytes(bytes.fromhex(each)) for each in drawn]
    assert {(serial.client, serial.counter) for serial in serials} == {(SERIAL.client, 2**32 - 1)}
    assert len(serials) == 20


@pytest.mark.parametrize("counter", [0, 2**32])
def test_a_counter_that_no_serial_has_room_for_is_refused(counter: int, reader: Reader) -> None:
    answer = reader.ask("offline_serial", client=SERIAL.client.hex(), counter=counter)
    assert answer["code"] == "value_out_of_range"


@pytest.mark.parametrize("proof", [None, bytes(32)])
def test_what_the_page_seals_the_platform_opens(proof: bytes | None, any_reader: Reader) -> None:
    countersign = Countersign(bytes(32)).sign(CLIENT_KEY)
    sealed = read_value(
        any_reader,
        "offline_sealed",
        serial=bytes(SERIAL).hex(),
        countersign=countersign.hex(),
        proof=proof and proof.hex(),
        box=BOX_KEY.hex(),
    )["bytes"]

    assert offline.unseal(SERIAL, bytes.fromhex(sealed), BOX) == (countersign, proof)
    with pytest.raises(ProtocolError, match="sealed_invalid"):
        offline.unseal(replace(SERIAL, counter=8), bytes.fromhex(sealed), BOX)


@pytest.mark.parametrize("box", [bytes(32), bytes(31)])
def test_nothing_is_sealed_to_what_is_no_key(box: bytes, any_reader: Reader) -> None:
    answer = any_reader.ask(
        "offline_sealed", serial=bytes(SERIAL).hex(), countersign="00", proof=None, box=box.hex()
    )
    assert answer["code"] == "key_invalid"


def test_sealing_is_that_of_rfc_9180(any_reader: Reader) -> None:
    # Appendix A.1.1; its AEAD is AES-128-GCM.
    made = read_value(
        any_reader,
        "hpke_encapsulated",
        box="3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
        ephemeral="52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736",
        enc="37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
        info="4f6465206f6e2061204772656369616e2055726e",
        aead={"id": 1, "keyBytes": 16},
    )
    assert made["secret"]["bytes"] == (
        "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc"
    )
    assert made["key"]["bytes"] == "4531685d41d65f03dc48f6b8302c05b0"
    assert made["nonce"]["bytes"] == "56d890e5accaaf011cff4b7d"


@pytest.mark.parametrize("password", ["Tr0mbone!", "пароль 密码 🎺"])
def test_the_offline_password_is_proved_alike(password: str, any_reader: Reader) -> None:
    salt, tbs = bytes(range(16)), TBS.sign(OFFLINE_KEY)
    proved = read_value(
        any_reader,
        "offline_password",
        password=password,
        salt=salt.hex(),
        digest=offline.digest_of(tbs).hex(),
    )
    key = offline.password_key(password, salt)
    assert proved["key"]["bytes"] == key.hex()
    assert proved["proof"]["bytes"] == offline.password_proof(key, tbs).hex()


# --- Over the near-field link


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.asks.name)
def test_an_offer_is_read_and_written_alike(offer: Offer, reader: Reader) -> None:
    message = near_field.pack(Kind.OFFER, *offer.parts())
    heard = read_value(reader, "offline_offer", hex=message.hex())
    assert heard.pop("again")["bytes"] == message.hex()
    assert heard == said(offer)


@pytest.mark.parametrize(
    "message",
    [
        near_field.pack(Kind.APPLICATION, b"signed"),
        near_field.pack(Kind.TO_BE_SIGNED, b"signed", None),
        near_field.pack(Kind.TO_BE_SIGNED, b"signed", b"bundle"),
        near_field.pack(Kind.REFUSAL, "service_denied"),
        near_field.pack(Kind.TO_BE_SIGNED, None, b"bundle"),
        near_field.pack(Kind.APPLICATION, None),
        near_field.pack(Kind.APPLICATION),
        near_field.pack(Kind.REFUSAL, "x" * 33),
        near_field.pack(Kind.REFUSAL, b"x"),
        near_field.pack(Kind.RESULT, b"signed"),
        cbor.encode([9, b"signed"]),
        cbor.encode([]),
        cbor.encode("no list"),
        b"\x18\x01",
    ],
)
def test_what_comes_over_the_link_is_read_alike(message: bytes, reader: Reader) -> None:
    awaited = (Kind.APPLICATION, Kind.TO_BE_SIGNED, Kind.REFUSAL)
    try:
        kind, parts = near_field.unpack(message, *awaited)
        expected: dict[str, Any] = {"value": {"kind": kind, "parts": plain(parts)}}
    except ProtocolError as error:
        expected = {"code": error.code, "detail": error.detail}
    answer = reader.ask("offline_unpack", hex=message.hex(), kinds=[int(kind) for kind in awaited])
    assert answer == expected


@pytest.mark.parametrize("size", [1, 99, 100, 101, 237, 25_500])
def test_frames_are_cut_and_joined_alike(size: int, reader: Reader) -> None:
    message = world.some_bytes("message", 32) * (size // 32 + 1)
    message = message[:size]
    frames = Splitter(65_535).split(message)

    cut = read_value(reader, "frames_split", hex=message.hex(), first=65_535)
    assert [frame["bytes"] for frame in cut] == [frame.hex() for frame in frames]
    joined = read_value(
        reader, "frames_joined", frames=[{"hex": frame.hex()} for frame in reversed(frames)]
    )
    assert [part and part["bytes"] for part in joined][-1] == message.hex()


def test_hostile_frames_are_refused_alike(reader: Reader) -> None:
    first, second, third = Splitter(1).split(bytes(237))
    other = Splitter(1).split(b"\x01" * 237)[1]
    damaged = first[:20] + b"\xff" + first[21:]
    came = [damaged, first[:-1], first + b"\x00", b"", b"CS", bytes(141)]
    # The second one contradicts; then all is said again, and a part of it once more.
    came += [first, second, other, first, second, second, third, third, second]
    came += [frame for number in range(2, 9) for frame in Splitter(number).split(bytes(150))[:1]]
    came += Splitter(2).split(bytes(150))[1:]

    assembler = Assembler(clock=lambda: 0)

    def taken(frame: bytes) -> Any:
        try:
            return plain(assembler.add(frame))
        except LinkError as error:
            return error.code

    expected = [taken(frame) for frame in came]
    frames = [{"hex": frame.hex()} for frame in came]
    assert read_value(reader, "frames_joined", frames=frames) == expected
    assert expected.count("link_corrupt") == 7


def test_a_message_that_stops_coming_is_forgotten(reader: Reader) -> None:
    first, second = Splitter(1).split(bytes(150))
    late = [{"hex": first.hex()}, {"hex": second.hex(), "at": 61}, {"hex": first.hex(), "at": 62}]
    parts = read_value(reader, "frames_joined", frames=late)
    assert [part and part["bytes"] for part in parts] == [None, None, bytes(150).hex()]


@pytest.mark.parametrize("size", range(1, 16))
def test_the_text_of_a_code_is_written_alike(size: int, reader: Reader) -> None:
    content, origin = world.some_bytes("frames", 32)[:size], world.PLATFORM.origin
    text = read_value(reader, "qr_text_of", hex=content.hex(), origin=origin)
    assert text == qrtext.encode(origin, Link.OFFLINE, content)
    heard = read_value(reader, "qr_text", text=text, link="OFFLINE")
    assert heard == {"origin": origin, "content": {"bytes": content.hex()}}


@pytest.mark.parametrize("text", ["AAEC", "AA", "AB", "A", "AA==", "A+", " AA", "", "-_-_"])
def test_base64url_has_one_spelling(text: str, reader: Reader) -> None:
    try:
        expected: dict[str, Any] = {"value": plain(from_base64(text))}
    except ProtocolError as error:
        expected = {"code": error.code, "detail": error.detail}
    assert reader.ask("from_base64", text=text) == expected
    if "value" in expected:
        data = from_base64(text)
        assert read_value(reader, "base64", hex=data.hex()) == to_base64(data)


def test_no_typ_is_called_otherwise(reader: Reader) -> None:
    assert read_value(reader, "offline_typs") == [
        typ for typ in Typ if typ.startswith("cs-offline-")
    ]
