"""The scan page reads and verifies exactly as Python does: same lines, same words, same bytes."""

import hashlib
import json
import zlib
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from protocol import cose, merkle, qrtext
from protocol.charge import Charge
from protocol.cose import Typ
from protocol.cosignature import cosign
from protocol.currency import EXPONENTS
from protocol.ed25519 import SigningKey, is_valid_signature
from protocol.errors import ProtocolError
from protocol.keys import Directory, Host, KeyCertificate, Purpose, root_fingerprint
from protocol.log import Checkpoint, Proof, check_logged
from protocol.qrtext import Link
from protocol.receipt import Receipt, identity
from protocol.statement import Platform, Sight
from protocol.text import check_text
from tests.browser import receipts
from tests.browser.readers import ROOT, Reader
from tests.browser.reading import (
    READ,
    Question,
    assert_same,
    directory_question,
    each_value_changed,
    qr_text,
    question,
    succession,
    verification,
)
from tests.protocol import ended_vectors, make_vectors, offline_vectors, published, world
from tests.protocol import strategies as some
from tests.protocol.test_ed25519 import SMALL_ORDER
from tests.protocol.test_robustness import MESSAGES, PAYLOADS
from tests.protocol.test_tampering import each_byte_changed

CASES = receipts.cases()
VECTORS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted(make_vectors.FOLDER.glob("*.json"))
}
WORDY = replace(receipts.WHOLE, steps=receipts.WHOLE.steps[:1])
PAYLOAD_OF = {
    "statement": receipts.CHAIN[1].statement.payload(),
    "verdict": cose.parse(receipts.CHAIN[0].verdict).payload,
    "server_certificate": cose.parse(receipts.CHAIN[0].certificate).payload,
    "key_certificate": cose.parse(world.CERTIFICATES[0]).payload,
    "directory": cose.parse(world.DIRECTORY.sign(world.DIRECTORY_KEY)).payload,
}
# Readers that no scanner needs.
READ_ELSEWHERE = ("bundle", "enrolment", "invitation", "provision", *offline_vectors.READERS)
ORIGIN = world.PLATFORM.origin


# --- Receipts


@pytest.mark.parametrize("name", CASES)
def test_receipts_get_the_same_report(name: str, any_reader: Reader) -> None:
    assert_same(any_reader, verification(*CASES[name]))


@given(receipt=some.receipts(), platform=st.just(world.PLATFORM) | some.PLATFORMS)
def test_any_receipt_gets_the_same_report(
    reader: Reader, receipt: Receipt, platform: Platform
) -> None:
    receipt = replace(receipt, platform=platform)
    assert_same(reader, verification(receipt.sign(world.RECEIPT_KEY)))


@pytest.mark.parametrize(
    "receipt",
    [WORDY, world.refusal(1), world.CHARGE, world.RIGHT],
    ids=["receipt", "refusal", "charge", "right"],
)
def test_any_wrong_value_that_the_platform_signed_gets_the_same_report(
    receipt: Receipt | Charge, reader: Reader
) -> None:
    for payload in each_value_changed(receipt.payload()):
        typ = Typ.CHARGE if isinstance(receipt, Charge) else receipt.typ
        message = cose.sign(world.RECEIPT_KEY, typ, payload)
        assert_same(reader, verification(message))


@given(payload=some.wrong_values(PAYLOADS))
def test_wrong_values_that_the_platform_signed_get_the_same_report(
    reader: Reader, payload: bytes
) -> None:
    # A refusal has a part more than a receipt.
    typ = Typ.REFUSAL if payload[:1] == b"\x88" else Typ.RECEIPT
    try:
        message = cose.sign(world.RECEIPT_KEY, typ, payload)
    except ProtocolError:
        return
    assert_same(reader, verification(message))


@pytest.mark.parametrize(
    "message",
    [each.sign(world.RECEIPT_KEY) for each in (receipts.ONE, world.refusal(1), world.RIGHT)],
    ids=["receipt", "refusal", "right"],
)
def test_one_byte_changed_anywhere_gets_the_same_report(message: bytes, reader: Reader) -> None:
    for changed in each_byte_changed(message):
        answer = assert_same(reader, verification(changed))
        assert not answer["value"]["isValid"]


def test_sentences_are_those_of_the_page_s_language(any_reader: Reader) -> None:
    words = {
        "accepted": "通过",
        "A later step may exist.": "之后可能还有步骤。",
        "Step %(step)s: the server signed on exactly this statement: %(verdict)s at %(time)s.": (
            "第%(step)s步, %(time)s, %(verdict)s"
        ),
    }
    given = verification(*CASES["1 parties, 1 in clear, 1 certified"]).given
    report = any_reader.ask("verify", **given, words=words)["value"]
    assert "之后可能还有步骤。" in report["always"]
    assert report["checks"][-1]["text"] == "第1步, 2026-01-01 12:00:15 UTC, 通过"


# --- Vectors


@pytest.mark.parametrize("name", [n for n in VECTORS if VECTORS[n]["reads"] not in READ_ELSEWHERE])
def test_vectors_are_read_or_refused_with_their_code(name: str, any_reader: Reader) -> None:
    vector = VECTORS[name]
    answer = assert_same(any_reader, question_of(vector))
    if vector["reads"] == "verify":
        failed = [c for c in answer["value"]["checks"] if c["outcome"] == "failed"]
        answer = failed[0]
    assert answer.get("code") == vector.get("code")


def question_of(vector: dict[str, Any]) -> Question:
    """Have a vector read by the reader it names."""
    if "text" in vector:
        return qr_text(vector["text"])
    data = bytes.fromhex(vector["hex"])
    if vector["reads"] == "verify":
        return verification(data)
    if vector["reads"] == "successor":
        return succession(bytes.fromhex(vector["held"]), data)
    if vector["reads"] == "report":
        case = ended_vectors.case_of(vector)
        return verification(case.message, case.directory, case.fetched, case.proof)
    return question({"message": "signed"}.get(vector["reads"], vector["reads"]), data)


# --- Other messages


@pytest.mark.parametrize("name", READ)
@given(data=some.mutations(MESSAGES + PAYLOADS))
def test_mutated_messages_are_read_alike(name: str, reader: Reader, data: bytes) -> None:
    assert_same(reader, question(name, data))


@pytest.mark.parametrize("name", PAYLOAD_OF)
def test_any_wrong_value_is_read_alike(name: str, reader: Reader) -> None:
    for payload in each_value_changed(PAYLOAD_OF[name]):
        assert_same(reader, question_of_payload(name, payload))


@pytest.mark.parametrize("name", PAYLOAD_OF)
@given(data=some.wrong_values(PAYLOADS))
def test_payloads_of_other_messages_are_read_alike(name: str, reader: Reader, data: bytes) -> None:
    assert_same(reader, question_of_payload(name, data))


def question_of_payload(name: str, payload: bytes) -> Question:
    """Have a payload read, in a message where the reader of that name wants one."""
    if name == "key_certificate":
        payload = cose.sign(world.ROOT, Typ.KEY, payload)
    if name == "directory":
        payload = cose.sign(world.DIRECTORY_KEY, Typ.DIRECTORY, payload, max_bytes=60_000)
    return question(name, payload)


@given(made=some.directories(), pinned=st.sampled_from(["right", "wrong", "none"]))
def test_directories_are_opened_alike(
    reader: Reader, made: tuple[bytes, Directory], pinned: str
) -> None:
    message, directory = made
    root = {"right": directory.root, "wrong": world.ROOT.public, "none": None}[pinned]
    assert_same(reader, directory_question(message, root))


def test_a_directory_with_one_byte_changed_is_refused_alike(reader: Reader) -> None:
    for changed in each_byte_changed(world.DIRECTORY.sign(world.DIRECTORY_KEY)):
        assert "code" in assert_same(reader, question("directory", changed))


def test_a_root_s_fingerprint_is_the_same(reader: Reader) -> None:
    fingerprint = root_fingerprint(world.ROOT.public)
    assert reader.ask("fingerprint", hex=world.ROOT.public.hex()) == {"value": fingerprint}


# --- Encoding, signatures, text

RFC = published.load("cbor_rfc8949")


@pytest.mark.parametrize(
    "hexadecimal", [case["cbor_hex"] for case in RFC["vectors"] + RFC["deterministic_cases"]]
)
def test_cbor_of_rfc_8949_is_read_alike(hexadecimal: str, any_reader: Reader) -> None:
    assert_same(any_reader, question("cbor", bytes.fromhex(hexadecimal)))


@pytest.mark.parametrize("key", ["20", "40", "60", "80", "a0", "f6", "1b0020000000000000"])
def test_keys_of_maps_are_integers_from_0(key: str, reader: Reader) -> None:
    assert "code" in assert_same(reader, question("cbor", bytes.fromhex(f"a1{key}00")))


@pytest.mark.parametrize("head", ["81", "a100", "8100"])
@pytest.mark.parametrize("inner", ["00", "80", "a0"])
@pytest.mark.parametrize("depth", [5, 6, 7, 4000])
def test_cbor_is_as_deep_as_it_may_be(
    head: str, inner: str, depth: int, any_reader: Reader
) -> None:
    data = bytes.fromhex(head * depth + inner)
    assert_same(any_reader, question("cbor", data))


@given(data=st.binary(max_size=60))
def test_any_bytes_are_cbor_or_not_for_both(reader: Reader, data: bytes) -> None:
    assert_same(reader, question("cbor", data))


@pytest.mark.parametrize("name", ["ed25519_rfc8032", "ed25519_wycheproof"])
def test_published_signatures_are_judged_alike(name: str, any_reader: Reader) -> None:
    for vector in published.load(name)["vectors"]:
        key, signature, message = (
            bytes.fromhex(vector[part])
            for part in ("public_key_hex", "signature_hex", "message_hex")
        )
        assert is_valid_in_browser(any_reader, key, signature, message) == is_valid_signature(
            key, signature, message
        )


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_points_of_small_order_prove_nothing(point: str, any_reader: Reader) -> None:
    signature = bytes.fromhex(point) + bytes(32)
    assert not is_valid_in_browser(any_reader, bytes.fromhex(point), signature, b"any message")
    assert not is_valid_in_browser(any_reader, world.ROOT.public, signature, b"any message")


@pytest.mark.parametrize("small", ["key", "R"])
def test_a_small_point_is_refused_though_the_equation_holds(
    small: str, any_reader: Reader
) -> None:
    identity, message = (1).to_bytes(32, "little"), b"message"
    scalar = secret_scalar(world.ROOT)
    if small == "key":
        key, point, s = identity, world.ROOT.public, scalar
    else:
        key, point = world.ROOT.public, identity
        k = hashlib.sha512(point + key + message).digest()
        s = int.from_bytes(k, "little") * scalar
    signature = point + (s % make_vectors.ORDER).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    assert not is_valid_signature(key, signature, message)
    assert not is_valid_in_browser(any_reader, key, signature, message)


def secret_scalar(key: SigningKey) -> int:
    """The number that a public key is the multiple of (RFC 8032 section 5.1.5)."""
    number = int.from_bytes(hashlib.sha512(key.to_bytes()).digest()[:32], "little")
    return number & ~7 & (2**254 - 1) | 2**254


def test_keys_that_are_no_points_prove_nothing(any_reader: Reader) -> None:
    no_point = (2).to_bytes(32, "little")
    signature = world.ROOT.sign(b"message")
    assert not is_valid_in_browser(any_reader, no_point, signature, b"message")
    assert is_valid_in_browser(any_reader, world.ROOT.public, signature, b"message")


def is_valid_in_browser(reader: Reader, key: bytes, signature: bytes, message: bytes) -> object:
    return reader.ask("signature", key=key.hex(), signature=signature.hex(), hex=message.hex())[
        "value"
    ]


def test_what_can_check_signatures_says_so(any_reader: Reader) -> None:
    assert any_reader.ask("supported") == {"value": True}


def test_both_refuse_the_same_characters(any_reader: Reader) -> None:
    table = json.loads((ROOT / "protocol" / "tables" / "unicode14.json").read_text("ascii"))
    edges = {
        edge
        for low, high in table["refused"]
        for edge in (low - 1, low, high, high + 1)
        if 0 <= edge <= 0x10FFFF
    }
    texts = [chr(edge) for edge in sorted(edges)]
    assert any_reader.ask("texts", texts=texts)["value"] == [code_of(text) for text in texts]


def code_of(text: str) -> str | None:
    try:
        check_text("text", text, 4)
    except ProtocolError as error:
        return error.code
    return None


def test_currencies_and_sights_are_the_same(reader: Reader) -> None:
    assert reader.ask("currencies")["value"] == EXPONENTS
    assert reader.ask("sights")["value"] == [sight.words for sight in Sight]


# --- QR texts


@pytest.mark.parametrize("link", Link)
@pytest.mark.parametrize("content", [b"", b"a", bytes(range(256)), bytes(4095), bytes(4096)])
def test_qr_texts_are_read_back(link: Link, content: bytes, any_reader: Reader) -> None:
    text = qrtext.encode(ORIGIN, link, content)
    answer = assert_same(any_reader, qr_text(text, link))
    assert answer["value"] == {"origin": ORIGIN, "content": {"bytes": content.hex()}}


@given(
    text=st.text(max_size=40)
    | st.from_regex(r"https://a/[rtex]#[0-9]{0,60}", fullmatch=True)
    | st.from_regex(r"https?://[a-z0-9.:\-\[\]]{0,34}/r#[0-9]{5}", fullmatch=True),
    link=st.sampled_from(Link),
)
def test_any_text_is_a_link_or_not_for_both(reader: Reader, text: str, link: Link) -> None:
    assert_same(reader, qr_text(text, link))


@given(data=st.binary(max_size=40))
def test_any_bytes_behind_a_flag_are_read_alike(reader: Reader, data: bytes) -> None:
    for flag in (b"", b"\x00", b"\x01", b"\x02"):
        assert_same(reader, qr_text(text_of(flag + data)))


def test_a_code_with_one_byte_changed_is_read_alike(reader: Reader) -> None:
    packed = qrtext.pack(Link.RECEIPT, world.receipt_of(receipts.CHAIN[:1]))
    for changed in each_byte_changed(packed):
        assert_same(reader, qr_text(text_of(changed)))


@pytest.mark.parametrize("ending", [b"", b"\x00", b"\x03\x00", b"more"])
def test_a_deflated_stream_ends_with_the_code(ending: bytes, any_reader: Reader) -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = compressor.compress(b"content") + compressor.flush()
    answer = assert_same(any_reader, qr_text(text_of(b"\x01" + stream + ending)))
    assert ("code" in answer) == bool(ending)


def text_of(data: bytes) -> str:
    return qrtext.prefix(ORIGIN, Link.RECEIPT) + qrtext.to_digits(data)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://a.example/r#000", "This is a receipt."),
        (" https://a.example:8000/t#000\n", "This is a challenge: scan it with your token."),
        ("http://localhost/e#000", "This is an invitation: scan it with a new token."),
        (
            "http://localhost/p#000",
            "This holds a token's secret: let nobody see it, and scan it with that token alone.",
        ),
        (
            "https://a.example/o#000",
            "This is for a phone that authorizes without a network: scan it with that phone.",
        ),
        ("https://a.example/k#000", "This is a new key of the platform: scan it with your token."),
        ("https://a.example/x#000", None),
        ("https://a.example/t", None),
        ("javascript:alert(1)//r#000", None),
    ],
)
def test_a_scanner_knows_what_else_there_is_to_scan(
    text: str, words: str | None, reader: Reader
) -> None:
    found = reader.ask("recognise", text=text)["value"]
    assert (found and found["words"]) == words
    assert found is None or found["origin"] in text


# --- Published certificates of servers


def test_a_server_s_certificate_is_in_a_file_that_many_share(reader: Reader) -> None:
    vk = receipts.CHAIN[0].step.vk
    path = reader.ask("bucket_path", hex=vk.hex())["value"]
    assert path == f"/.well-known/countersign/servers/{vk.hex()[:3]}.cbor"


# --- The receipt log

LOGGED = b"a receipt"


def proof_in(size: int, index: int) -> Proof:
    """The proof that LOGGED is in a tree of so many entries."""
    entries = [identity(LOGGED if each == index else b"%d" % each) for each in range(size)]
    nodes: dict[int, bytes] = {}
    tree = merkle.Tree()
    for entry in entries:
        nodes |= dict(tree.append(entry))
    path = merkle.inclusion_path(index, size, lambda numbers: nodes)
    return Proof(checkpoint_of(size, tree.root()), index, tuple(path))


def checkpoint_of(size: int, root: bytes) -> bytes:
    checkpoint = Checkpoint(world.PLATFORM.origin, size, root, world.NOON)
    return checkpoint.sign(ended_vectors.LOG_KEY)


def of_log(proof: bytes, receipt: bytes = LOGGED) -> Question:
    """Have a proof checked."""
    directory = ended_vectors.BASE
    given = {
        "hex": proof.hex(),
        "receipt": receipt.hex(),
        "directory": directory.sign(world.DIRECTORY_KEY).hex(),
    }
    return Question(
        "logged", given, lambda: check_logged(receipt, Proof.from_bytes(proof), directory)
    )


def test_a_receipt_is_proved_wherever_it_stands_in_the_log(reader: Reader) -> None:
    for size in (1, 2, 3, 4, 7, 8, 9, 20):
        for index in range(size):
            proof = proof_in(size, index).to_bytes()
            assert assert_same(reader, of_log(proof))["value"]["size"] == size
            assert "code" in assert_same(reader, of_log(proof, b"other"))


def test_places_that_need_more_than_32_bits_are_followed_alike(reader: Reader) -> None:
    # Of such a tree only the way up is made: all that stands beside it is made up.
    size, index = 2**52 + 5, 2**51 + 2**31 + 1
    path = [bytes([each]) * 32 for each in range(53)]
    root = merkle.root_of_path(identity(LOGGED), index, size, path)
    proof = Proof(checkpoint_of(size, root), index, tuple(path))
    assert assert_same(reader, of_log(proof.to_bytes()))["value"]["size"] == size
    for wrong in (replace(proof, index=index + 1), replace(proof, path=tuple(path[:-1]))):
        assert assert_same(reader, of_log(wrong.to_bytes()))["code"] == "proof_invalid"


def test_any_wrong_value_in_a_proof_is_refused_alike(reader: Reader) -> None:
    proof = replace(proof_in(5, 2), cosignatures=(b"of a host",))
    for content in each_value_changed(proof.to_bytes()):
        assert_same(reader, question("proof", content))
        assert_same(reader, of_log(content))
    checkpoint = cose.parse(proof.checkpoint)
    for payload in each_value_changed(checkpoint.payload):
        signed = cose.sign(ended_vectors.LOG_KEY, Typ.CHECKPOINT, payload)
        assert_same(reader, of_log(replace(proof, checkpoint=signed).to_bytes()))


@pytest.mark.parametrize("change", ["another path", "another size", "another key", "another typ"])
def test_a_proof_that_proves_nothing_is_refused_alike(change: str, reader: Reader) -> None:
    proof = proof_in(5, 2)
    payload = cose.parse(proof.checkpoint).payload
    changed = {
        "another path": replace(proof, path=(*proof.path[:-1], bytes(32))),
        "another size": replace(proof, index=7),
        "another key": replace(
            proof, checkpoint=cose.sign(world.RECEIPT_KEY, Typ.CHECKPOINT, payload)
        ),
        "another typ": replace(
            proof, checkpoint=cose.sign(ended_vectors.LOG_KEY, Typ.RECEIPT, payload)
        ),
    }[change]
    assert "code" in assert_same(reader, of_log(changed.to_bytes()))


# Hosts' signatures beside the platform's, on the proof of a receipt that needs one

COSIGNED_AT = ended_vectors.DECIDED + 200
PROOF = Proof.from_bytes(ended_vectors.proof_of(ended_vectors.BARE, after=100))
LOG = Checkpoint.open(PROOF.checkpoint, ended_vectors.BASE)
SECOND_KEY = world.signing_key("second host")


def by_host(log: Checkpoint = LOG, at: int = COSIGNED_AT) -> bytes:
    """The word of the host that the directory lists."""
    return cosign(log, world.HOST_KEY, at)


COSIGNATURES = {
    "none": (),
    "one": (by_host(),),
    "of two hosts, one twice": (by_host(), cosign(LOG, SECOND_KEY, COSIGNED_AT), by_host()),
    "of an unlisted host": (by_host(), cosign(LOG, world.ROOT, COSIGNED_AT)),
    "of the log's key": (cosign(LOG, ended_vectors.LOG_KEY, COSIGNED_AT),),
    "after the days of the key": (by_host(at=COSIGNED_AT + 4000 * 86_400),),
    "of another size": (by_host(replace(LOG, size=3)),),
    "of another root": (by_host(replace(LOG, root=bytes(32))),),
    "of another origin": (by_host(replace(LOG, origin="https://x.example")),),
    "a checkpoint": (LOG.sign(world.HOST_KEY),),
    "nothing": (b"",),
}
ENDS = {
    "no end": [],
    "host key retired": [ended_vectors.ended(world.HOST_KEY, retired=COSIGNED_AT)],
    "retired after": [ended_vectors.ended(world.HOST_KEY, retired=COSIGNED_AT + 1)],
    "host key leaked": [ended_vectors.ended(world.HOST_KEY, compromised=COSIGNED_AT + 1)],
    # Only the log can tell then who signed the receipt.
    "receipt key leaked": [ended_vectors.ended(world.RECEIPT_KEY, compromised=COSIGNED_AT)],
    "log key leaked": [ended_vectors.ended(ended_vectors.LOG_KEY, compromised=COSIGNED_AT)],
}


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("name", COSIGNATURES)
def test_a_proof_with_hosts_signatures_gets_the_same_report(
    name: str, ends: str, reader: Reader
) -> None:
    days = (world.TODAY - 10, world.TODAY + 390)
    certificate = KeyCertificate(SECOND_KEY.public, Purpose.HOST, "second", *days)
    second = Host(
        99,
        "second",
        "https://second.example",
        world.HOST_ROOT.public,
        (certificate.sign(world.HOST_ROOT),),
    )
    directory = ended_vectors.directory(*ENDS[ends], hosts=(*world.DIRECTORY.hosts, second))
    proof = replace(PROOF, cosignatures=COSIGNATURES[name]).to_bytes()
    asked = verification(ended_vectors.BARE, directory, ended_vectors.FETCHED, proof)
    checks = assert_same(reader, asked)["value"]["checks"]

    spoils = name in (
        "of another size",
        "of another root",
        "of another origin",
        "a checkpoint",
        "nothing",
    )
    expected = "unchecked" if ends == "log key leaked" else "failed" if spoils else "passed"
    assert checks[-1]["outcome"] == expected
