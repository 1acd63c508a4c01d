"""Write tests/vectors/protocol: worked messages, and one file for each fault a reader must refuse.

`python -m tests.protocol.make_vectors`.  docs/protocol.md says how to read the files.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import cbor, cose, fitting, qrtext, receipt
from protocol.bundle import Bundle
from protocol.chain import Step
from protocol.cose import Typ
from protocol.digests import verdict_digest
from protocol.ed25519 import SigningKey
from protocol.enrolment import Invitation, Transcript, Vouchers, derive
from protocol.provisioning import Provision
from protocol.qrtext import Link
from protocol.rebuild import rebuild
from protocol.receipt import Receipt
from protocol.statement import Sight
from protocol.verdict import Reason
from protocol.verification import verify_receipt
from tests.protocol import world
from tests.protocol.ended_vectors import ended_vectors
from tests.protocol.offline_vectors import offline_messages

FOLDER = Path(__file__).parent.parent / "vectors" / "protocol"
ORDER = 2**252 + 27742317777372353535851937790883648493

Vector = dict[str, Any]


def vectors() -> dict[str, Vector]:
    """All vectors by name."""
    made: dict[str, Vector] = {}
    for part in (
        worked_messages(),
        worked_chains(),
        worked_enrolment(),
        encoding_faults(),
        text_faults(),
        field_faults(),
        message_faults(),
        verdict_faults(),
        receipt_faults(),
        bundle_faults(),
        charges(),
        offline_messages(diagnostic, fault),
        key_faults(),
        ended_vectors(fault),
        qr_text_faults(),
        provision_faults(),
    ):
        for name, vector in part:
            assert name not in made, name
            made[name] = vector
    return made


def main() -> None:
    """Write every vector, and remove those that are no more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = {f"{name}.json": as_text(vector) for name, vector in vectors().items()}
    for path in FOLDER.glob("*.json"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, "utf-8")


def as_text(vector: Vector) -> str:
    """A vector as it stands in its file."""
    return json.dumps(vector, ensure_ascii=False, indent=1) + "\n"


def diagnostic(value: object) -> str:
    """CBOR diagnostic notation (RFC 8949 section 8)."""
    if isinstance(value, bytes):
        return f"h'{value.hex()}'"
    if isinstance(value, list):
        return f"[{', '.join(map(diagnostic, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {diagnostic(item)}' for key, item in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


def fault(reads: str, about: str, given: bytes | str, code: str) -> Vector:
    """A vector that must be refused."""
    content = {"text": given} if isinstance(given, str) else {"hex": given.hex()}
    return {"about": about, "reads": reads, **content, "code": code}


# --- What must be accepted


def worked_messages() -> Iterator[tuple[str, Vector]]:
    """One of each message, with its digests."""
    first, second = world.chain(2)
    for name, signed in (("statement_first", first), ("statement_second", second)):
        payload, s = signed.statement.payload(), signed.statement.digest
        yield (
            name,
            {
                "about": "A statement's payload, and the question made of its digest S.",
                "reads": "statement",
                "hex": payload.hex(),
                "diagnostic": diagnostic(cbor.decode(payload)),
                "message_hex": cose.sign(world.STATEMENT_KEY, Typ.STATEMENT, payload).hex(),
                "public_key": world.STATEMENT_KEY.public.hex(),
                "S": s.hex(),
                "H64": s.hex(),
                "N10": str(10**9 + int.from_bytes(s) % (9 * 10**9)),
            },
        )
    for name, signed in (
        ("verdict_accepted", first),
        (
            "verdict_declined",
            world.sign_step(first.statement, first.server, reason=Reason.DECLINED),
        ),
    ):
        payload = cose.parse(signed.verdict).payload
        yield (
            name,
            {
                "about": "A verdict's payload, the message around it, and the digests V and L.",
                "reads": "verdict",
                "hex": payload.hex(),
                "diagnostic": diagnostic(cbor.decode(payload)),
                "message_hex": signed.verdict.hex(),
                "public_key": signed.server.public.hex(),
                "V": verdict_digest(signed.verdict).hex(),
                "L": signed.link.hex(),
            },
        )
    certificate = cose.parse(first.certificate).payload
    yield (
        "server_certificate",
        {
            "about": "A host's certificate for a paired server.",
            "reads": "server_certificate",
            "hex": certificate.hex(),
            "diagnostic": diagnostic(cbor.decode(certificate)),
            "message_hex": first.certificate.hex(),
            "public_key": world.HOST_KEY.public.hex(),
        },
    )
    yield (
        "directory",
        {
            "about": "The directory whose keys verify every receipt here.",
            "reads": "directory",
            "hex": world.DIRECTORY.sign(world.DIRECTORY_KEY).hex(),
            "root": world.ROOT.public.hex(),
            "host_root": world.HOST_ROOT.public.hex(),
        },
    )
    yield (
        "text_of_many_scripts",
        {
            "about": "Joiners inside emoji and Persian words are allowed, and right-to-left.",
            "reads": "statement",
            "hex": with_part(5, {1: "1", 3: "👩‍🌾 می‌خواهم שלום 交付 é"}).hex(),
        },
    )


def worked_chains() -> Iterator[tuple[str, Vector]]:
    """Receipts and bundles of chains, with what a reader rebuilds from them."""
    for length in (1, 2, 3, 50):
        yield f"receipt_of_{length}", receipt_vector(world.receipt_of(world.chain(length)))
    yield "refusal_of_first", receipt_vector(world.refusal().sign(world.RECEIPT_KEY))
    yield (
        "refusal_of_third",
        receipt_vector(world.refusal(2, Reason.ATTEMPTS_EXHAUSTED).sign(world.RECEIPT_KEY)),
    )
    for length in (1, 2, 50):
        steps = world.chain(length)
        content = world.bundle_of(steps)
        statement, earlier = Bundle.decode(content).open(world.STATEMENT_KEY.public)
        text = qrtext.encode(world.PLATFORM.origin, Link.BUNDLE, content)
        yield (
            f"bundle_of_{length}",
            {
                "about": f"The challenge bundle of step {length}.",
                "reads": "bundle",
                "hex": content.hex(),
                "public_key": world.STATEMENT_KEY.public.hex(),
                "S": statement.digest.hex(),
                "earlier_S": [before.digest.hex() for before in earlier],
                "qr_text": text,
                "qr_version": fitting.version_of(text),
            },
        )


def receipt_vector(message: bytes) -> Vector:
    """A receipt or refusal with everything that follows from it."""
    read = Receipt.from_signed(cose.parse(message))
    text = qrtext.encode(read.platform.origin, Link.RECEIPT, message)
    report = verify_receipt(message, world.DIRECTORY)
    return {
        "about": f"The {'receipt' if read.is_accepted else 'refusal'} of step {read.length}.",
        "reads": "receipt",
        "hex": message.hex(),
        "diagnostic": diagnostic(cbor.decode(cose.parse(message).payload)),
        "public_key": world.RECEIPT_KEY.public.hex(),
        "identity": receipt.identity(message).hex(),
        "rebuilt": [
            {
                "statement": step.payload.hex(),
                "S": step.s.hex(),
                "verdict": step.verdict.hex(),
                "L": step.link.hex(),
            }
            for step in rebuild(read)
        ],
        "report": [
            [check.number, check.outcome, check.code, check.step] for check in report.checks
        ],
        "qr_text": text,
        "qr_version": fitting.version_of(text),
    }


def worked_enrolment() -> Iterator[tuple[str, Vector]]:
    """The key agreement of an app token, from fixed shares."""
    token, host = shares()
    ticket = world.some_bytes("ticket", 16)
    transcript = transcript_of(token, host, ticket)
    payload = transcript.payload()
    secrets = derive(private=token, peer=transcript.host_share, ticket=ticket, transcript=payload)
    yield (
        "enrolment",
        {
            "about": "Enrolment of an app token: made-up secrets and all that follows from them.",
            "reads": "enrolment",
            "hex": payload.hex(),
            "diagnostic": diagnostic(cbor.decode(payload)),
            "ticket": ticket.hex(),
            "token_private": token.private_bytes_raw().hex(),
            "host_private": host.private_bytes_raw().hex(),
            "seed": secrets.seed.hex(),
            "post_key": secrets.post_key.hex(),
            "confirmation": secrets.confirmation.hex(),
            "digits": secrets.digits,
        },
    )
    invitation = Invitation(
        world.HOST.origin, world.some_bytes("fingerprint", 16), world.some_bytes("ticket", 16)
    )
    yield (
        "invitation",
        {
            "about": "The link that starts an enrolment.",
            "reads": "invitation",
            "text": invitation.to_link(),
            "fingerprint": invitation.fingerprint.hex(),
            "ticket": invitation.ticket.hex(),
        },
    )
    provision = provision_of(token, host, ticket)
    yield (
        "provision",
        {
            "about": "The code that enrols a token without a network: the secrets of enrolment.",
            "reads": "provision",
            "text": provision.to_link(),
            "private": provision.private.hex(),
            "ticket": provision.ticket.hex(),
            "messages": [
                message.hex()
                for message in (
                    provision.vouchers.enrol,
                    provision.vouchers.host_certificate,
                    provision.vouchers.platform_certificate,
                    provision.vouchers.server_certificate,
                )
            ],
            "host_root": provision.vouchers.host_root.hex(),
            "platform_root": provision.vouchers.platform_root.hex(),
            "seed": secrets.seed.hex(),
            "digits": secrets.digits,
            "qr_version": fitting.version_of(provision.to_link()),
        },
    )


def provision_of(token: X25519PrivateKey, host: X25519PrivateKey, ticket: bytes) -> Provision:
    """The provisioning code of an enrolment in the world of the tests."""
    first = world.chain(1)[0]
    [host_certificate] = world.HOST.certificates
    return Provision(
        origin=world.HOST.origin,
        private=token.private_bytes_raw(),
        ticket=ticket,
        vouchers=Vouchers(
            cose.sign(world.HOST_KEY, Typ.ENROL, transcript_of(token, host, ticket).payload()),
            world.HOST_ROOT.public,
            host_certificate,
            world.ROOT.public,
            world.CERTIFICATES[0],
            first.certificate,
        ),
    )


def shares() -> tuple[X25519PrivateKey, X25519PrivateKey]:
    """The token's share and the host's."""
    return (
        X25519PrivateKey.from_private_bytes(world.some_bytes("token share", 32)),
        X25519PrivateKey.from_private_bytes(world.some_bytes("host share", 32)),
    )


def transcript_of(token: X25519PrivateKey, host: X25519PrivateKey, ticket: bytes) -> Transcript:
    """The transcript of an enrolment in the world of the tests."""
    return Transcript(
        platform_root=receipt.identity(world.ROOT.public),
        platform_id=world.PLATFORM.id,
        platform_origin=world.PLATFORM.origin,
        vk=world.signing_key("chain server 0").kid,
        serial="CS000000ABCD",
        suite="OCRA-1:HOTP-SHA256-8:QH64-T1M",
        sight=Sight.SHOWN,
        token_share=token.public_key().public_bytes_raw(),
        host_share=host.public_key().public_bytes_raw(),
        ticket_hash=receipt.identity(ticket),
    )


# --- What must be refused: the encoding

STATEMENT = world.chain(1)[0].statement.payload()
PARTS = cbor.decode(STATEMENT)


def with_raw(place: int, raw: bytes) -> bytes:
    """The statement with other bytes at a place of its array."""
    parts = [cbor2.dumps(part) for part in PARTS]
    parts[place] = raw
    return bytes([0x80 + len(parts)]) + b"".join(parts)


def with_part(place: int, value: object) -> bytes:
    """The statement with another value at a place of its array."""
    return with_raw(place, cbor2.dumps(value))


def encoding_faults() -> Iterator[tuple[str, Vector]]:
    """Everything that is not the one deterministic encoding of an allowed value."""
    body, party = STATEMENT[1:], bytes.fromhex("a2016131036162")
    bomb = b"\x85\xd8\x1c\x83\x01\x01\x01" + b"".join(
        b"\xd8\x1c\x83" + 3 * (b"\xd8\x1d" + bytes([level])) for level in range(4)
    )
    faults = {
        "empty": (b"", "No bytes at all."),
        "truncated": (STATEMENT[:-1], "The last byte is missing."),
        "trailing_byte": (STATEMENT + b"\x00", "A byte too many."),
        "indefinite_array": (b"\x9f" + body + b"\xff", "An array of indefinite length."),
        "indefinite_map": (with_raw(5, b"\xbf" + party[1:] + b"\xff"), "An indefinite map."),
        "indefinite_text": (with_raw(7, b"\x7f\x62CS\xff"), "Text of indefinite length."),
        "indefinite_bytes": (
            with_raw(2, b"\x5f\x48" + PARTS[2] + b"\xff"),
            "Bytes of indefinite length.",
        ),
        "long_head_of_integer": (with_raw(3, b"\x18\x00"), "0 in two bytes."),
        "long_head_of_text": (with_raw(7, b"\x78\x02CS"), "A length that has a shorter head."),
        "long_head_of_bytes": (with_raw(2, b"\x58\x08" + PARTS[2]), "The same, for bytes."),
        "long_head_of_array": (b"\x98\x0d" + body, "The same, for an array."),
        "long_head_of_map": (with_raw(5, b"\xb8\x02" + party[1:]), "The same, for a map."),
        "unsorted_keys": (
            with_raw(5, bytes.fromhex("a2036162016131")),
            "Key 3 stands before key 1.",
        ),
        "duplicate_key": (with_raw(5, bytes.fromhex("a3016131016131036162")), "Key 1 twice."),
        "text_key": (with_part(5, {"1": "1", 3: "b"}), "A key that is text."),
        "negative_key": (with_part(5, {-1: "1", 1: "1", 3: "b"}), "A key below 0."),
        "float": (with_raw(3, bytes.fromhex("f90000")), "0.0 instead of 0."),
        "float_64": (with_part(3, 1.5), "A number that is not whole."),
        "bool": (with_raw(9, b"\xf5"), "true for a number."),
        "undefined": (with_raw(4, b"\xf7"), "undefined instead of null."),
        "simple_value": (with_raw(4, b"\xf0"), "A simple value without a meaning."),
        "tag": (with_raw(11, b"\xc1" + cbor2.dumps(PARTS[11])), "A time with its tag."),
        "bignum": (with_raw(3, bytes.fromhex("c24100")), "0 as a big number."),
        "integer_above_2_53": (with_part(11, 2**53), "An integer that JavaScript cannot hold."),
        "invalid_utf8": (with_raw(7, b"\x62\xc3\x28"), "Text that is not UTF-8."),
        "surrogate": (with_raw(7, b"\x63\xed\xa0\x80"), "A surrogate in UTF-8's clothing."),
        "too_deep": (with_raw(5, b"\x81" * 6 + b"\x00"), "Seven levels."),
        "shared_references": (bomb, "References that unfold to far more than was sent."),
        "length_beyond_end": (bytes.fromhex("9b7fffffffffffffff"), "An array of 2^63-1 items."),
    }
    for name, (given, about) in faults.items():
        yield f"statement_{name}", fault("statement", about, given, "encoding_invalid")
    yield (
        "statement_too_large",
        fault("statement", "More than 4 KiB.", with_part(7, "x" * 4096), "too_large"),
    )
    yield (
        "statement_version_2",
        fault("statement", "A version to come.", with_part(0, 2), "version_unknown"),
    )
    yield (
        "statement_version_negative",
        fault("statement", "No version at all.", with_part(0, -1), "version_unknown"),
    )


# --- The text


def text_faults() -> Iterator[tuple[str, Vector]]:
    """Text that may not be signed, in the remark; and every cap by one byte."""
    for name, about, text in (
        ("not_nfc", "e and a combining acute instead of one character.", "cafe\u0301"),
        ("control_character", "A line feed (Cc).", "a\nb"),
        ("delete_character", "U+007F (Cc).", "a\x7f"),
        ("private_use", "U+E000 (Co).", "\ue000"),
        ("unassigned", "U+0378, assigned in no version (Cn).", "\u0378"),
        ("assigned_later", "U+1FAE8, assigned after Unicode 14.", "\U0001fae8"),
        ("noncharacter", "U+FFFF (Cn).", "\uffff"),
        ("line_separator", "U+2028.", "a\u2028b"),
        ("paragraph_separator", "U+2029.", "a\u2029b"),
        ("bidi_override", "U+202E turns what follows around (Cf).", "a\u202eb"),
        ("bidi_isolate", "U+2066 (Cf).", "a\u2066b"),
        ("soft_hyphen", "U+00AD (Cf).", "a\u00adb"),
        ("byte_order_mark", "U+FEFF (Cf).", "\ufeffa"),
        ("tag_character", "U+E0067 (Cf).", "\U000e0067"),
    ):
        given = with_part(5, {1: "1", 3: text})
        yield f"statement_remark_{name}", fault("statement", about, given, "text_refused")
    yield (
        "statement_remark_empty",
        fault("statement", "No remark.", with_part(5, {1: "1", 3: ""}), "text_empty"),
    )
    caps: dict[str, tuple[int, object]] = {
        "account_35_bytes": (5, {1: "a" * 35, 3: "b"}),
        "name_41_bytes": (5, {1: "1", 2: "ü" * 20 + "a", 3: "b"}),
        "remark_121_bytes": (5, {1: "1", 3: "付" * 40 + "a"}),
        "payee_account_35_bytes": (6, {1: 4, 4: "a" * 35}),
        "payee_name_71_bytes": (6, {1: 4, 5: "a" * 71}),
        "text_121_bytes": (6, {1: 4, 6: "a" * 121}),
        "reference_36_bytes": (6, {1: 4, 7: "a" * 36}),
        "serial_17_bytes": (7, "C" * 17),
        "platform_id_17_bytes": (1, ["a" * 17, "b", "https://c.example"]),
        "platform_name_41_bytes": (1, ["a", "b" * 41, "https://c.example"]),
        "platform_origin_41_bytes": (1, ["a", "b", "https://" + "c" * 33]),
    }
    for name, (place, value) in caps.items():
        given = with_part(place, value)
        yield f"statement_{name}", fault("statement", "One too many.", given, "text_too_long")
    plain = {
        "account_not_ascii": (5, {1: "\uff18\uff18", 3: "b"}),
        "payee_account_not_ascii": (6, {1: 4, 4: "ä"}),
        "serial_not_ascii": (7, "Č1"),
        "platform_id_not_ascii": (1, ["ä", "b", "https://c.example"]),
    }
    for name, (place, value) in plain.items():
        given = with_part(place, value)
        yield f"statement_{name}", fault("statement", "ASCII is due.", given, "text_refused")
    for name, origin in (
        ("upper_case", "https://C.example"),
        ("with_path", "https://c.example/"),
        ("not_web", "ftp://c.example"),
    ):
        given = with_part(1, ["a", "b", origin])
        yield (
            f"statement_origin_{name}",
            fault("statement", "Scheme, host and port, lower case.", given, "text_refused"),
        )


# --- The fields


def field_faults() -> Iterator[tuple[str, Vector]]:
    """Fields that are missing, unknown, of another type, or out of range."""
    pays = {1: 1, 2: 5, 3: "EUR", 4: "DE0"}
    faults: dict[str, tuple[int, object, str]] = {
        "party_unknown_key": (5, {1: "1", 3: "b", 4: "c"}, "key_unknown"),
        "party_key_0": (5, {0: "1", 1: "1", 3: "b"}, "key_unknown"),
        "party_null_name": (5, {1: "1", 2: None, 3: "b"}, "type_wrong"),
        "party_without_account": (5, {3: "b"}, "field_missing"),
        "party_without_remark": (5, {1: "1"}, "field_missing"),
        "party_not_a_map": (5, ["1", "b"], "type_wrong"),
        "remark_bytes": (5, {1: "1", 3: b"b"}, "type_wrong"),
        "demand_unknown_key": (6, {1: 4, 9: 1}, "key_unknown"),
        "demand_without_kind": (6, {6: "b"}, "field_missing"),
        "kind_0": (6, {1: 0}, "value_out_of_range"),
        "kind_12": (6, {1: 12}, "value_out_of_range"),
        "kind_text": (6, {1: "payment"}, "type_wrong"),
        "amount_zero": (6, {**pays, 2: 0}, "value_out_of_range"),
        "amount_negative": (6, {**pays, 2: -5}, "value_out_of_range"),
        "amount_text": (6, {**pays, 2: "5"}, "type_wrong"),
        "amount_without_currency": (6, {1: 4, 2: 5}, "field_missing"),
        "currency_without_amount": (6, {1: 4, 3: "EUR"}, "field_missing"),
        "currency_unknown": (6, {**pays, 3: "XYZ"}, "currency_unknown"),
        "currency_lower_case": (6, {**pays, 3: "eur"}, "currency_unknown"),
        "currency_array": (6, {**pays, 3: ["EUR"]}, "currency_unknown"),
        "payment_without_amount": (6, {1: 1, 4: "DE0"}, "field_missing"),
        "payment_without_payee": (6, {1: 1, 2: 5, 3: "EUR"}, "field_missing"),
        "transfer_without_payee": (6, {1: 2, 2: 5, 3: "EUR"}, "field_missing"),
        "due_days_3651": (6, {1: 4, 8: 3651}, "value_out_of_range"),
        "platform_two_parts": (1, ["a", "b"], "type_wrong"),
        "tx_7_bytes": (2, bytes(7), "value_out_of_range"),
        "tx_text": (2, "12345678", "type_wrong"),
        "position_negative": (3, -1, "value_out_of_range"),
        "position_text": (3, "0", "type_wrong"),
        "position_1_without_prev": (3, 1, "chain_broken"),
        "prev_at_position_0": (4, bytes(32), "chain_broken"),
        "vk_9_bytes": (8, bytes(9), "value_out_of_range"),
        "sight_3": (9, 3, "value_out_of_range"),
        "sight_text": (9, "2", "type_wrong"),
        "nonce_11_bytes": (10, bytes(11), "value_out_of_range"),
        "issued_negative": (11, -1, "value_out_of_range"),
        "issued_in_the_year_10000": (11, 253_402_300_800, "value_out_of_range"),
        "ttl_29": (12, 29, "value_out_of_range"),
        "ttl_601": (12, 601, "value_out_of_range"),
    }
    for name, (place, value, code) in faults.items():
        yield (
            f"statement_{name}",
            fault("statement", name.replace("_", " "), with_part(place, value), code),
        )
    second = [*PARTS[:3], 1, bytes(31), *PARTS[5:]]
    for name, value, code in (
        ("prev_31_bytes", second, "value_out_of_range"),
        ("twelve_parts", PARTS[:-1], "type_wrong"),
        ("fourteen_parts", [*PARTS, 0], "type_wrong"),
        ("not_an_array", {1: 1}, "type_wrong"),
    ):
        yield (
            f"statement_{name}",
            fault("statement", name.replace("_", " "), cbor.encode(value), code),
        )


# --- The message around a payload

MESSAGE = cose.sign(world.STATEMENT_KEY, Typ.STATEMENT, STATEMENT)
KID = world.STATEMENT_KEY.kid


def with_header(
    protected: dict[int, object],
    *,
    unprotected: dict[int, object] | None = None,
    key: SigningKey = world.STATEMENT_KEY,
) -> bytes:
    """The statement's message with other headers, signed soundly over them."""
    header = cbor2.dumps(dict(sorted(protected.items())))
    signature = key.sign(cose.to_be_signed(header, STATEMENT))
    return b"\xd2" + cbor2.dumps([header, unprotected or {}, STATEMENT, signature])


def with_signature(signature: bytes) -> bytes:
    """The statement's message with another signature."""
    return cose.assemble(typ=Typ.STATEMENT, kid=KID, payload=STATEMENT, signature=signature)


def message_faults() -> Iterator[tuple[str, Vector]]:
    """Messages whose headers or signature are not what they must be."""
    signature = cose.parse(MESSAGE).signature
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    usual = {1: -19, 4: KID, 16: "cs-statement"}
    other = world.signing_key("somebody else")
    untagged = MESSAGE[1:]
    structure = cbor2.loads(untagged)
    faults = {
        "untagged": (untagged, "encoding_invalid"),
        "tag_of_sign": (b"\xd8\x62" + untagged, "encoding_invalid"),
        "trailing_byte": (MESSAGE + b"\x00", "encoding_invalid"),
        "three_parts": (b"\xd2" + cbor2.dumps(structure[:3]), "encoding_invalid"),
        "detached_payload": (
            b"\xd2" + cbor2.dumps([structure[0], {}, None, signature]),
            "encoding_invalid",
        ),
        "protected_map": (
            b"\xd2" + cbor2.dumps([usual, *structure[1:]]),
            "encoding_invalid",
        ),
        "protected_empty": (
            b"\xd2" + cbor2.dumps([b"", *structure[1:]]),
            "encoding_invalid",
        ),
        "protected_unsorted": (
            b"\xd2"
            + cbor2.dumps([cbor2.dumps({4: KID, 1: -19, 16: "cs-statement"}), *structure[1:]]),
            "encoding_invalid",
        ),
        "unprotected_header": (with_header(usual, unprotected={4: KID}), "header_wrong"),
        "algorithm_eddsa": (with_header({**usual, 1: -8}), "alg_wrong"),
        "algorithm_es256": (with_header({**usual, 1: -7}), "alg_wrong"),
        "algorithm_text": (with_header({**usual, 1: "Ed25519"}), "header_wrong"),
        "algorithm_missing": (with_header({4: KID, 16: "cs-statement"}), "header_wrong"),
        "kid_missing": (with_header({1: -19, 16: "cs-statement"}), "header_wrong"),
        "kid_7_bytes": (with_header({**usual, 4: KID[:7]}), "header_wrong"),
        "typ_missing": (with_header({1: -19, 4: KID}), "header_wrong"),
        "typ_number": (with_header({**usual, 16: 1}), "header_wrong"),
        "typ_verdict": (with_header({**usual, 16: "cs-verdict"}), "typ_wrong"),
        "critical_header": (with_header({**usual, 2: [16]}), "header_wrong"),
        "other_key_same_kid": (with_header(usual, key=other), "signature_invalid"),
        "other_kid_same_key": (with_header({**usual, 4: other.kid}), "signature_invalid"),
        "signature_flipped_bit": (with_signature(flipped), "signature_invalid"),
        "signature_63_bytes": (with_signature(signature[:-1]), "signature_invalid"),
        "signature_65_bytes": (with_signature(signature + b"\x00"), "signature_invalid"),
        "signature_zero": (with_signature(bytes(64)), "signature_invalid"),
        "signature_s_plus_order": (
            with_signature(r + (s + ORDER).to_bytes(32, "little")),
            "signature_invalid",
        ),
        "signature_small_order_r": (
            with_signature(bytes([1]) + bytes(31) + signature[32:]),
            "signature_invalid",
        ),
        "too_large": (with_signature(bytes(4096)), "too_large"),
    }
    for name, (given, code) in faults.items():
        yield f"message_{name}", fault("message", name.replace("_", " "), given, code)


# --- Verdict


def verdict_faults() -> Iterator[tuple[str, Vector]]:
    """Verdicts that contradict themselves."""
    parts = cbor.decode(cose.parse(world.chain(1)[0].verdict).payload)
    for name, place, value, code in (
        ("version_2", 0, 2, "version_unknown"),
        ("s_31_bytes", 2, bytes(31), "value_out_of_range"),
        ("outcome_2", 3, 2, "value_out_of_range"),
        ("outcome_0_reason_0", 3, 0, "value_out_of_range"),
        ("outcome_1_reason_2", 4, 2, "value_out_of_range"),
        ("reason_5", 4, 5, "value_out_of_range"),
        ("reason_text", 4, "declined", "type_wrong"),
        ("decided_negative", 5, -1, "value_out_of_range"),
        ("sequence_text", 6, "1", "type_wrong"),
    ):
        changed = [*parts[:place], value, *parts[place + 1 :]]
        yield (
            f"verdict_{name}",
            fault("verdict", name.replace("_", " "), cbor.encode(changed), code),
        )


# --- Receipt


def signed_receipt(parts: list[Any], typ: Typ = Typ.RECEIPT) -> bytes:
    """These parts under the platform's own, valid signature."""
    return cose.sign(world.RECEIPT_KEY, typ, cbor.encode(parts))


def charges() -> Iterator[tuple[str, Vector]]:
    """The receipt of a charge, and some that break a rule though the platform signed them."""
    about = {
        "charge": (world.CHARGE, "The receipt of a charge."),
        "right": (world.RIGHT, "The receipt of a right, for which nothing was paid."),
    }
    for name, (charge, words) in about.items():
        message = charge.sign(world.RECEIPT_KEY)
        yield (
            name,
            {
                "about": words,
                "reads": "charge",
                "hex": message.hex(),
                "diagnostic": diagnostic(cbor.decode(charge.payload())),
                "public_key": world.RECEIPT_KEY.public.hex(),
                "identity": receipt.identity(message).hex(),
                "qr_text": qrtext.encode(world.PLATFORM.origin, Link.RECEIPT, message),
            },
        )
    parts = cbor.decode(world.CHARGE.payload())

    def changed(place: int, value: object) -> bytes:
        altered = [*parts[:place], value, *parts[place + 1 :]]
        return cose.sign(world.RECEIPT_KEY, Typ.CHARGE, cbor.encode(altered))

    faults = {
        "version_2": (changed(0, 2), "version_unknown"),
        "id_7_bytes": (changed(2, bytes(7)), "value_out_of_range"),
        "way_not_ascii": (changed(3, "é"), "text_refused"),
        "payer_of_three_parts": (changed(4, ["1", None, None]), "type_wrong"),
        "payee_without_account": (changed(5, [None, "Kite Games"]), "type_wrong"),
        "text_201_bytes": (changed(6, "x" * 201), "text_too_long"),
        "amount_0": (changed(7, 0), "value_out_of_range"),
        "currency_unknown": (changed(8, "XXY"), "currency_unknown"),
        "amount_without_currency": (changed(8, None), "currency_unknown"),
        "currency_without_amount": (changed(7, None), "type_wrong"),
        "digest_31_bytes": (changed(9, bytes(31)), "value_out_of_range"),
        "in_the_year_10000": (changed(10, 253_402_300_800), "value_out_of_range"),
        "typ_receipt": (
            cose.sign(world.RECEIPT_KEY, Typ.RECEIPT, world.CHARGE.payload()),
            "typ_wrong",
        ),
    }
    for name, (given, code) in faults.items():
        yield f"charge_{name}", fault("charge", name.replace("_", " "), given, code)


def receipt_faults() -> Iterator[tuple[str, Vector]]:
    """Receipts that break a rule though the platform signed them, and some that it did not."""
    steps = world.chain(3)
    good = world.receipt_of(steps[:2])
    parts = cbor.decode(cose.parse(good).payload)
    shown = parts[6]

    def changed(place: int, value: object) -> bytes:
        return signed_receipt([*parts[:place], value, *parts[place + 1 :]])

    def step_changed(place: int, value: object) -> bytes:
        return changed(6, [shown[0], [*shown[1][:place], value, *shown[1][place + 1 :]]])

    by = shown[1][10]
    later = [[*step[:5], step[5] + 1, *step[6:]] for step in shown]
    early = [*parts[:3], parts[3] - 1, *parts[4:6], later]
    refused = cbor.decode(world.refusal().payload())
    faults = {
        "trailing_byte": (good + b"\x00", "encoding_invalid"),
        "version_2": (changed(0, 2), "version_unknown"),
        "base_not_the_earliest": (signed_receipt(early), "encoding_invalid"),
        "anchor_with_nothing_folded": (changed(5, bytes(32)), "chain_broken"),
        "folded_without_anchor": (changed(4, 1), "chain_broken"),
        "folded_negative": (changed(4, -1), "value_out_of_range"),
        "no_step": (changed(6, []), "type_wrong"),
        "five_steps": (changed(6, [*shown, *shown, shown[0]]), "type_wrong"),
        "step_of_ten_parts": (changed(6, [shown[0][:10]]), "type_wrong"),
        "nonce_11_bytes": (step_changed(4, bytes(11)), "value_out_of_range"),
        "issued_before_base": (step_changed(5, -1), "value_out_of_range"),
        "ttl_180_written_out": (step_changed(6, 180), "encoding_invalid"),
        "ttl_29": (step_changed(6, 29), "value_out_of_range"),
        "decided_in_the_year_10000": (step_changed(7, 253_402_300_799), "value_out_of_range"),
        "sequence_negative": (step_changed(8, -1), "value_out_of_range"),
        "verdict_signature_63_bytes": (step_changed(9, bytes(63)), "value_out_of_range"),
        "vk_7_bytes": (step_changed(10, bytes(7)), "value_out_of_range"),
        "certificate_of_four_parts": (step_changed(10, by[:4]), "type_wrong"),
        "certificate_days_reversed": (
            step_changed(10, [*by[:2], by[3], by[2], by[4]]),
            "value_out_of_range",
        ),
        "certificate_small_order_key": (step_changed(10, [bytes(32), *by[1:]]), "key_invalid"),
        "with_reason": (signed_receipt([*parts, 2]), "type_wrong"),
        "typ_statement": (signed_receipt(parts, Typ.STATEMENT), "typ_wrong"),
    }
    for name, (given, code) in faults.items():
        yield f"receipt_{name}", fault("receipt", name.replace("_", " "), given, code)
    for name, its_parts, code in (
        ("without_reason", refused[:7], "type_wrong"),
        ("reason_0", [*refused[:7], 0], "value_out_of_range"),
        ("reason_5", [*refused[:7], 5], "value_out_of_range"),
        ("two_steps", [*refused[:6], refused[6] * 2, 2], "type_wrong"),
    ):
        yield (
            f"refusal_{name}",
            fault("receipt", name.replace("_", " "), signed_receipt(its_parts, Typ.REFUSAL), code),
        )
    yield from verification_faults(steps, good)


def verification_faults(steps: list[world.Signed], good: bytes) -> Iterator[tuple[str, Vector]]:
    """Well formed receipts that do not verify; ``code`` is that of the first line that fails."""
    signed = cose.parse(good)
    flipped = bytes([signed.signature[0] ^ 1]) + signed.signature[1:]
    whole = world.receipt_in_form(steps, 3, 3)
    first, second, third = whole.steps

    def again(*shown: Step, **changes: Any) -> bytes:
        return replace(whole, steps=shown, **changes).sign(world.RECEIPT_KEY)

    remark = replace(first, party=replace(first.party, remark="Deliver by Fridax"))
    late = replace(third, decided=third.issued + third.ttl + 61)
    wrong_host = replace(first, by=replace(first.by, host=2))  # type: ignore[type-var]  # certified
    other = world.chain(3, name="other")
    faults = {
        "signature_flipped_bit": (
            replaced_signature(signed, flipped),
            "receipt_signature_invalid",
        ),
        "signed_by_statement_key": (whole.sign(world.STATEMENT_KEY), "receipt_signature_invalid"),
        "earlier_remark_changed": (again(remark, second, third), "chain_broken"),
        "step_dropped": (again(first, third), "chain_broken"),
        "steps_swapped": (again(second, first, third), "chain_broken"),
        "step_repeated": (again(first, first, second, third), "chain_broken"),
        "step_of_other_chain": (again(first, other[1].step, third), "chain_broken"),
        "last_step_cut_off_and_refused": (again(first, reason=Reason.DECLINED), "chain_broken"),
        "decided_after_expiry": (again(first, second, late), "chain_broken"),
        "certificate_of_unknown_host": (
            again(wrong_host, second, third),
            "server_certificate_invalid",
        ),
        "of_other_platform": (
            again(first, platform=replace(whole.platform, id="other")),
            "receipt_not_ours",
        ),
        "refusal_as_receipt": (world.refusal().sign(world.RECEIPT_KEY), "refused"),
    }
    for name, (given, code) in faults.items():
        yield f"receipt_{name}", fault("verify", name.replace("_", " "), given, code)


def replaced_signature(signed: cose.Sign1, signature: bytes) -> bytes:
    """The same message with another signature."""
    return cose.assemble(
        typ=signed.typ, kid=signed.kid, payload=signed.payload, signature=signature
    )


# --- Bundle


def bundle_faults() -> Iterator[tuple[str, Vector]]:
    """Bundles whose earlier steps are not what the statement builds on."""
    good = world.bundle_of(world.chain(3))
    version, message, anchor, context = cbor.decode(good)
    alone = cbor.decode(world.bundle_of(world.chain(1)))
    remark = [{**context[0][0], 3: "something else"}, *context[0][1:]]
    faults: dict[str, tuple[Any, str]] = {
        "trailing_byte": (good + b"\x00", "encoding_invalid"),
        "version_2": ([2, message, anchor, context], "version_unknown"),
        "statement_text": ([version, "statement", anchor, context], "type_wrong"),
        "three_contexts": ([version, message, anchor, [*context, context[0]]], "type_wrong"),
        "context_of_eight_parts": (
            [version, message, anchor, [context[0][:8], context[1]]],
            "type_wrong",
        ),
        "context_remark_changed": (
            [version, message, anchor, [remark, context[1]]],
            "previous_content_changed",
        ),
        "context_swapped": (
            [version, message, anchor, context[::-1]],
            "previous_content_changed",
        ),
        "context_dropped_without_anchor": (
            [version, message, None, context[1:]],
            "chain_broken",
        ),
        "context_dropped_with_wrong_anchor": (
            [version, message, bytes(32), context[1:]],
            "previous_content_changed",
        ),
        "context_before_first_step": (
            [alone[0], alone[1], None, context[:1]],
            "chain_broken",
        ),
        "anchor_31_bytes": ([version, message, bytes(31), context[1:]], "value_out_of_range"),
    }
    for name, (given, code) in faults.items():
        content = given if isinstance(given, bytes) else cbor.encode(given)
        yield f"bundle_{name}", fault("bundle", name.replace("_", " "), content, code)


# --- Keys


def key_faults() -> Iterator[tuple[str, Vector]]:
    """Certificates and directories that must not be trusted."""
    parts = cbor.decode(cose.parse(world.chain(1)[0].certificate).payload)
    for name, place, value, code in (
        ("version_2", 0, 2, "version_unknown"),
        ("vk_of_other_key", 1, bytes(8), "value_out_of_range"),
        ("key_31_bytes", 2, bytes(31), "value_out_of_range"),
        ("key_small_order", 2, bytes(32), "key_invalid"),
        ("key_beyond_the_field", 2, b"\xff" * 32, "key_invalid"),
        ("days_reversed", 4, 99_999, "value_out_of_range"),
        ("to_day_in_the_year_10000", 5, 2_932_897, "value_out_of_range"),
    ):
        changed = cbor.encode([*parts[:place], value, *parts[place + 1 :]])
        yield (
            f"server_certificate_{name}",
            fault("server_certificate", name.replace("_", " "), changed, code),
        )
    directory = world.DIRECTORY
    twice = replace(directory, hosts=())
    payload = cbor.decode(cose.parse(directory.sign(world.DIRECTORY_KEY)).payload)
    foreign = replace(world.HOST, root=world.signing_key("another root").public)
    for name, given, code in (
        ("signed_by_receipt_key", directory.sign(world.RECEIPT_KEY), "signature_invalid"),
        (
            "of_other_root",
            replace(directory, root=world.HOST_ROOT.public).sign(world.DIRECTORY_KEY),
            "signature_invalid",
        ),
        (
            "issued_after_its_key",
            replace(directory, issued=world.NOON + 400 * 86400).sign(world.DIRECTORY_KEY),
            "signature_invalid",
        ),
        (
            "host_certificate_of_other_root",
            replace(directory, hosts=(foreign,)).sign(world.DIRECTORY_KEY),
            "signature_invalid",
        ),
        (
            "without_keys",
            replace(twice, certificates=()).sign(world.DIRECTORY_KEY),
            "signature_invalid",
        ),
        (
            "two_hosts_of_one_number",
            cose.sign(
                world.DIRECTORY_KEY,
                Typ.DIRECTORY,
                cbor.encode([*payload[:7], payload[7] * 2]),
            ),
            "value_out_of_range",
        ),
        (
            "certificate_text",
            cose.sign(
                world.DIRECTORY_KEY, Typ.DIRECTORY, cbor.encode([*payload[:5], ["a"], [], []])
            ),
            "type_wrong",
        ),
    ):
        yield f"directory_{name}", fault("directory", name.replace("_", " "), given, code)


# --- QR text


def qr_text_faults() -> Iterator[tuple[str, Vector]]:
    """Texts that are no receipt's."""
    head = "https://cs.example.com/r#"
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = compressor.compress(bytes(4097)) + compressor.flush()
    short = zlib.compressobj(9, zlib.DEFLATED, -15)
    fine = short.compress(bytes(64)) + short.flush()

    def digits(data: bytes) -> str:
        return head + qrtext.to_digits(data)

    for name, text, code in (
        ("of_a_bundle", "https://cs.example.com/t#00512", "not_ours"),
        ("of_another_site", "https://cs.example.com/pay?to=1", "not_ours"),
        ("upper_case", "HTTPS://CS.EXAMPLE.COM/r#00258", "not_ours"),
        ("with_path", "https://cs.example.com/a/r#00258", "not_ours"),
        ("no_digits", head, "not_ours"),
        ("letters", head + "12a", "not_ours"),
        ("full_width_digits", head + "\uff10\uff10\uff12\uff15\uff18", "not_ours"),
        ("flag_of_a_bundle", digits(b"\x02abc"), "encoding_invalid"),
        ("flag_unknown", digits(b"\xffabc"), "encoding_invalid"),
        ("digits_cut", digits(bytes(20))[:-1], "encoding_invalid"),
        ("tail_too_big", head + "256", "encoding_invalid"),
        ("group_too_big", head + "9" * 17, "encoding_invalid"),
        ("deflate_cut", digits(b"\x01" + fine[:-1]), "encoding_invalid"),
        ("deflate_trailing_byte", digits(b"\x01" + fine + b"\x00"), "encoding_invalid"),
        ("deflate_garbage", digits(b"\x01\xff\xff\xff"), "encoding_invalid"),
        ("deflate_4097_bytes", digits(b"\x01" + stream), "too_large"),
        ("too_long", head + "0" * 10_000, "too_large"),
    ):
        yield f"qr_text_{name}", fault("qr_text", name.replace("_", " "), text, code)


# --- Provisioning codes


def provision_faults() -> Iterator[tuple[str, Vector]]:
    """Texts that are no provisioning code."""
    good = provision_of(*shares(), world.some_bytes("ticket", 16))
    origin, content = qrtext.decode(good.to_link(), Link.PROVISION)
    parts = cbor.decode(content)

    def with_content(place: int, value: object) -> str:
        changed = [*parts[:place], value, *parts[place + 1 :]]
        return qrtext.encode(origin, Link.PROVISION, cbor.encode(changed))

    def link(link: Link, content: bytes) -> str:
        return qrtext.encode(origin, link, content)

    for name, text, code in (
        ("of_an_invitation", link(Link.ENROLMENT, content), "not_ours"),
        (
            "flag_of_an_invitation",
            qrtext.prefix(origin, Link.PROVISION)
            + qrtext.to_digits(qrtext.pack(Link.ENROLMENT, content)),
            "encoding_invalid",
        ),
        ("version_2", with_content(0, 2), "version_unknown"),
        ("private_31_bytes", with_content(1, parts[1][:-1]), "value_out_of_range"),
        ("private_text", with_content(1, "a" * 32), "type_wrong"),
        ("ticket_17_bytes", with_content(2, bytes(17)), "value_out_of_range"),
        ("transcript_unsigned", with_content(3, cose.parse(parts[3]).payload), "encoding_invalid"),
        ("transcript_null", with_content(3, None), "type_wrong"),
        ("transcript_is_a_certificate", with_content(3, parts[5]), "typ_wrong"),
        ("host_root_33_bytes", with_content(4, bytes(33)), "value_out_of_range"),
        ("host_certificate_of_a_server", with_content(5, parts[8]), "typ_wrong"),
        ("platform_root_missing", with_content(6, None), "type_wrong"),
        ("server_certificate_of_a_key", with_content(8, parts[5]), "typ_wrong"),
        ("ten_parts", link(Link.PROVISION, cbor.encode([*parts, 0])), "type_wrong"),
        ("trailing_byte", link(Link.PROVISION, content + b"\x00"), "encoding_invalid"),
    ):
        yield f"provision_{name}", fault("provision", name.replace("_", " "), text, code)


if __name__ == "__main__":
    main()
