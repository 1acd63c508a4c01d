"""Keys that ended: directories, which may follow which, and what is said of receipts then.

Written by make_vectors as ``directory_…``, ``successor_…``, ``bucket_…`` and ``verify_…``;
:func:`cases` is for whoever verifies with other readers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from protocol import cbor, cose, merkle
from protocol.certified import Certificates, Fetched, read_bucket
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.ended import EndedKey
from protocol.keys import Directory, KeyCertificate, Purpose, ServerCertificate
from protocol.log import Checkpoint, Proof
from protocol.receipt import identity
from protocol.verification import verify_receipt
from tests.protocol import world

Vector = dict[str, Any]
Fault = Callable[[str, str, bytes, str], Vector]

DAY = 86400
LOG_KEY = world.signing_key("platform log")
OTHER_LOG_KEY = world.signing_key("another log key")
OTHER_DIRECTORY_KEY = world.signing_key("another directory key")


def certificate(key: SigningKey, purpose: Purpose) -> bytes:
    """The root's word for a key, on the days of the others."""
    days = (world.TODAY - 10, world.TODAY + 390)
    return KeyCertificate(key.public, purpose, world.PLATFORM.id, *days).sign(world.ROOT)


# As everywhere here, and with log keys and a second directory key.
BASE = replace(
    world.DIRECTORY,
    issued=world.NOON + 100 * DAY,
    certificates=(
        *world.CERTIFICATES,
        certificate(LOG_KEY, Purpose.LOG),
        certificate(OTHER_LOG_KEY, Purpose.LOG),
        certificate(OTHER_DIRECTORY_KEY, Purpose.DIRECTORY),
    ),
)
CHAIN = world.chain(3)
DECIDED = CHAIN[0].step.decided
ONE = world.receipt_in_form(CHAIN[:1], 1, 1).sign(world.RECEIPT_KEY)
BARE = world.receipt_in_form(CHAIN[:1], 1, 0).sign(world.RECEIPT_KEY)
HALF = world.receipt_in_form(CHAIN[:2], 2, 1).sign(world.RECEIPT_KEY)
FOLDED = world.receipt_in_form(CHAIN, 1, 1).sign(world.RECEIPT_KEY)
REFUSAL = world.refusal().sign(world.RECEIPT_KEY)
CHARGE = world.CHARGE.sign(world.RECEIPT_KEY)
FETCHED_AT = world.NOON + 40 * DAY
FETCHED = {CHAIN[0].step.vk: [Fetched(CHAIN[0].certificate, FETCHED_AT)]}


def ended(
    key: SigningKey, *, retired: int | None = None, compromised: int | None = None
) -> EndedKey:
    """The end of a key."""
    return EndedKey(key.kid, retired, compromised)


def directory(*ends: EndedKey, **changes: Any) -> Directory:
    """The directory in which these keys ended."""
    by_kid = tuple(sorted(ends, key=lambda end: end.kid))
    return replace(BASE, ended=by_kid, **changes)


def proof_of(
    message: bytes, *, after: int, key: SigningKey = LOG_KEY, other: bytes = b"another receipt"
) -> bytes:
    """A proof file under a checkpoint so many seconds after the first step was decided."""
    entries = [identity(other), identity(message)]
    root = merkle.root_hash(entries)
    checkpoint = Checkpoint(world.PLATFORM.origin, 2, root, DECIDED + after)
    return Proof(checkpoint.sign(key), 1, (merkle.leaf_hash(entries[0]),)).to_bytes()


@dataclass(frozen=True)
class Case:
    """A receipt, and what it is verified with."""

    message: bytes
    directory: Directory = BASE
    fetched: Certificates = field(default_factory=dict)
    proof: bytes | None = None


def cases() -> dict[str, Case]:
    """All cases by name."""
    return dict([*_receipt_keys(), *_host_keys(), *_log_keys(), *_revoked()])


def _receipt_keys() -> Iterator[tuple[str, Case]]:
    """The receipt key retired, compromised, and both."""
    key = world.RECEIPT_KEY
    yield "no_end", Case(ONE)
    for name, at in (("after", DECIDED + 1), ("at", DECIDED), ("before", DECIDED - 1)):
        yield f"key_retired_{name}_the_date", Case(ONE, directory(ended(key, retired=at)))
    yield "charge_key_retired", Case(CHARGE, directory(ended(key, retired=world.NOON)))
    yield "charge_before_the_end", Case(CHARGE, directory(ended(key, retired=world.NOON + 1)))
    leaked = directory(ended(key, compromised=DECIDED + 1000))
    for name, message in {
        "certified": ONE,
        "bare": BARE,
        "half_certified": HALF,
        "folded": FOLDED,
        "refusal": REFUSAL,
        "charge": CHARGE,
    }.items():
        yield f"key_compromised_{name}", Case(message, leaked)
        proof = proof_of(message, after=999)
        yield f"key_compromised_{name}_logged_before", Case(message, leaked, proof=proof)
    yield "key_compromised_fetched", Case(BARE, leaked, FETCHED)
    late = Case(BARE, leaked, proof=proof_of(BARE, after=1000))
    yield "key_compromised_logged_at_that_time", late
    yield "key_compromised_logged_before_fetched", replace(late, fetched=FETCHED)
    yield "key_compromised_proof_of_another", Case(BARE, leaked, proof=proof_of(ONE, after=1))
    both = ended(key, retired=DECIDED, compromised=DECIDED + 1000)
    yield "key_retired_and_compromised", Case(ONE, directory(both))
    both = ended(key, retired=DECIDED + 1, compromised=DECIDED + 1000)
    yield "key_compromised_and_retired_later", Case(ONE, directory(both))
    other = directory(ended(world.STATEMENT_KEY, compromised=1))
    yield "another_key_compromised", Case(ONE, other)


def _host_keys() -> Iterator[tuple[str, Case]]:
    """The host's key retired and compromised: its server was certified five days before."""
    key = world.HOST_KEY
    certified_on = (world.TODAY - 5) * DAY
    for name, at in (("on", certified_on), ("after", certified_on + DAY)):
        yield f"host_key_retired_{name}_that_day", Case(ONE, directory(ended(key, retired=at)))
    before = directory(ended(key, retired=certified_on - 1))
    yield "host_key_retired_before", Case(ONE, before)
    yield "host_key_retired_before_fetched", Case(BARE, before, FETCHED)
    leaked = directory(ended(key, compromised=DECIDED + 1000))
    yield "host_key_compromised", Case(ONE, leaked)
    yield "host_key_compromised_logged_before", Case(ONE, leaked, proof=proof_of(ONE, after=999))
    yield "host_key_compromised_logged_later", Case(ONE, leaked, proof=proof_of(ONE, after=1000))
    yield "host_key_compromised_fetched", Case(BARE, leaked, FETCHED)
    # The log shows that the receipt is old, and nothing of a certificate that is not in it.
    proof = proof_of(BARE, after=999)
    yield "host_key_compromised_fetched_logged_before", Case(BARE, leaked, FETCHED, proof)
    yield "host_key_compromised_unfetched", Case(BARE, leaked)
    yield "host_key_compromised_of_a_refusal", Case(REFUSAL, leaked)
    all_leaked = directory(
        ended(key, compromised=DECIDED + 1000),
        ended(world.RECEIPT_KEY, compromised=DECIDED + 500),
    )
    yield "both_keys_compromised", Case(ONE, all_leaked)
    for after in (499, 999, 1000):
        proof = proof_of(ONE, after=after)
        yield f"both_keys_compromised_logged_{after}_s_later", Case(ONE, all_leaked, proof=proof)


def _log_keys() -> Iterator[tuple[str, Case]]:
    """Proofs, and the key of the log retired and compromised."""
    proof = proof_of(ONE, after=100)
    yield "logged", Case(ONE, proof=proof)
    yield "proof_of_another", Case(ONE, proof=proof_of(BARE, after=100))
    yield (
        "proof_signed_by_the_receipt_key",
        Case(ONE, proof=proof_of(ONE, after=1, key=world.RECEIPT_KEY)),
    )
    yield "proof_that_is_none", Case(ONE, proof=b"proof")
    yield "proof_of_what_is_no_receipt", Case(b"receipt", proof=proof_of(b"receipt", after=1))
    for name, at in (("before", 99), ("at", 100), ("after", 101)):
        retired = ended(LOG_KEY, retired=DECIDED + at)
        yield f"log_key_retired_{name}_the_checkpoint", Case(ONE, directory(retired), proof=proof)
        leaked = ended(LOG_KEY, compromised=DECIDED + at)
        yield f"log_key_compromised_{name}_it", Case(ONE, directory(leaked), proof=proof)
    leaked = ended(LOG_KEY, compromised=DECIDED + 101)
    yield (
        "log_key_compromised_proof_of_another",
        Case(ONE, directory(leaked), proof=proof_of(BARE, after=1)),
    )
    receipts = ended(world.RECEIPT_KEY, compromised=DECIDED + 1000)
    both = directory(leaked, receipts)
    yield "log_key_and_receipt_key_compromised", Case(BARE, both, proof=proof_of(BARE, after=100))
    anew = proof_of(BARE, after=100, key=OTHER_LOG_KEY)
    yield "log_key_compromised_and_another_one", Case(BARE, both, proof=anew)


def _revoked() -> Iterator[tuple[str, Case]]:
    """Certificates from a bucket whose key ceased to sign."""
    vk, message = CHAIN[0].step.vk, CHAIN[0].certificate
    for name, at in (("before", DECIDED - 1), ("at", DECIDED), ("after", DECIDED + 1)):
        fetched = {vk: [Fetched(message, FETCHED_AT, at)]}
        yield f"server_revoked_{name}_the_step", Case(BARE, BASE, fetched)
        yield f"certified_server_revoked_{name}_the_step", Case(ONE, BASE, fetched)
    revoked = Fetched(message, FETCHED_AT, DECIDED)
    again = {vk: [revoked, Fetched(message, FETCHED_AT + DAY)]}
    yield "server_revoked_and_certified_again", Case(BARE, BASE, again)
    elsewhere = cose.sign(world.HOST_ROOT, Typ.SERVER, cose.parse(message).payload)
    both = {vk: [Fetched(message, FETCHED_AT), Fetched(elsewhere, FETCHED_AT)]}
    leaked = directory(ended(world.HOST_KEY, compromised=DECIDED + 1000))
    yield "host_key_compromised_and_another_certificate", Case(BARE, leaked, both)


# --- Directories, and which may follow which


def directory_messages() -> Iterator[tuple[str, bytes, str]]:
    """Directories with ended keys, and the code with which they are refused, if they are."""
    key = world.DIRECTORY_KEY
    payload = cbor.decode(cose.parse(directory().sign(key)).payload, max_bytes=60_000)

    def signed(place: int, value: object) -> bytes:
        changed = [*payload[:place], value, *payload[place + 1 :]]
        return cose.sign(key, Typ.DIRECTORY, cbor.encode(changed))

    low, high = bytes(8), b"\xff" * 8
    yield "with_ended_keys", signed(6, [[low, 5, None], [high, None, 0]]), ""
    yield "of_version_1", signed(0, 1), "version_unknown"
    yield "number_negative", signed(2, -1), "value_out_of_range"
    yield "number_text", signed(2, "7"), "type_wrong"
    yield "ended_not_sorted", signed(6, [[high, 5, None], [low, 5, None]]), "value_out_of_range"
    yield "ended_twice", signed(6, [[low, 5, None], [low, None, 5]]), "value_out_of_range"
    yield "ended_without_date", signed(6, [[low, None, None]]), "value_out_of_range"
    yield "ended_of_two_parts", signed(6, [[low, 5]]), "type_wrong"
    yield "ended_kid_7_bytes", signed(6, [[low[:7], 5, None]]), "value_out_of_range"
    yield "ended_date_text", signed(6, [[low, "5", None]]), "type_wrong"
    yield "ended_in_the_year_10000", signed(6, [[low, None, 2**40]]), "value_out_of_range"
    yield "ended_map", signed(6, {}), "type_wrong"
    for name, end, code in (
        ("retired_later", ended(key, retired=BASE.issued + 1), ""),
        ("retired_then", ended(key, retired=BASE.issued), "signature_invalid"),
        ("compromised", ended(key, compromised=BASE.issued + 1), "signature_invalid"),
    ):
        yield f"signed_by_a_key_{name}", directory(end).sign(key), code
    yield (
        "signed_by_the_other_key",
        directory(ended(key, compromised=5)).sign(OTHER_DIRECTORY_KEY),
        "",
    )


def successors() -> Iterator[tuple[str, bytes, bytes, str]]:
    """The directory that a reader holds, the one offered, and why it is not taken."""
    key, other = world.DIRECTORY_KEY, OTHER_DIRECTORY_KEY
    kid = world.RECEIPT_KEY
    held = directory(ended(kid, retired=100, compromised=None))
    one = held.sign(key)

    def newer(*ends: EndedKey, **changes: Any) -> Directory:
        return directory(*ends, **{"number": held.number + 1, **changes})

    kept = held.ended[0]
    foreign = replace(world.PLATFORM, id="other")
    own = KeyCertificate(
        key.public, Purpose.DIRECTORY, "other", world.TODAY - 10, world.TODAY + 390
    )
    other_root = world.signing_key("another root")
    theirs = KeyCertificate(
        key.public, Purpose.DIRECTORY, "demo", world.TODAY - 10, world.TODAY + 390
    )
    old, one_more = "directory_outdated", ended(world.HOST_KEY, compromised=5)
    for name, offered, code in (
        ("the_same", held, ""),
        ("the_next", newer(kept), ""),
        ("later", newer(kept, issued=held.issued + 1), ""),
        ("far_ahead", newer(kept, number=2**53 - 1), ""),
        ("of_another_key_ended", newer(kept, one_more), ""),
        ("ended_earlier", newer(replace(kept, retired_at=99)), ""),
        ("compromised_as_well", newer(replace(kept, compromised_at=500)), ""),
        ("of_lower_number", newer(kept, number=held.number - 1), old),
        ("of_lower_number_later", newer(kept, number=6, issued=held.issued + 1), old),
        ("issued_before", newer(kept, issued=held.issued - 1), old),
        (
            "another_of_that_number",
            replace(held, issued=held.issued + 1),
            "value_out_of_range",
        ),
        (
            "of_that_number_with_other_hosts",
            replace(held, hosts=()),
            "value_out_of_range",
        ),
        ("without_the_end", newer(), "value_out_of_range"),
        ("ended_later", newer(replace(kept, retired_at=101)), "value_out_of_range"),
        (
            "compromised_instead",
            newer(ended(kid, compromised=1)),
            "value_out_of_range",
        ),
        (
            "of_another_platform",
            newer(kept, platform=foreign, certificates=(own.sign(world.ROOT),)),
            "signature_invalid",
        ),
        (
            "of_another_root",
            newer(kept, root=other_root.public, certificates=(theirs.sign(other_root),)),
            "signature_invalid",
        ),
    ):
        yield name, one, offered.sign(key), code
    # The key is said to end later, so that it may still sign: not a reader that knows that.
    soon = ended(key, retired=BASE.issued + 9 * DAY)
    ending = directory(kept, soon)
    yield (
        "signed_by_a_key_that_ended_in_the_one_held",
        ending.sign(key),
        newer(kept, soon).sign(key),
        "signature_invalid",
    )
    yield "signed_by_another_key", ending.sign(key), newer(kept, soon).sign(other), ""


def check_successor(held: bytes, offered: bytes) -> Directory:
    """Open both, and refuse the one offered where it may not take the other's place."""
    newer = Directory.open(offered)
    Directory.open(held).check_successor(newer)
    return newer


# --- As vectors


def ended_vectors(fault: Fault) -> Iterator[tuple[str, Vector]]:
    """Everything in this file."""
    for name, message, code in directory_messages():
        about = name.replace("_", " ")
        vector = fault("directory", about, message, code)
        yield f"directory_{name}", vector if code else _without_code(vector)
    for name, held, offered, code in successors():
        about = f"What a reader that holds another directory is offered: {name.replace('_', ' ')}."
        vector = {**fault("successor", about, offered, code), "held": held.hex()}
        yield f"successor_{name}", vector if code else _without_code(vector)
    yield from _buckets(fault)
    for name, case in cases().items():
        yield f"verify_{name}", _verified(name, case)


def _without_code(vector: Vector) -> Vector:
    return {name: value for name, value in vector.items() if name != "code"}


def _verified(name: str, case: Case) -> Vector:
    report = verify_receipt(case.message, case.directory, case.fetched, case.proof)
    return {
        "about": f"What is said of a receipt: {name.replace('_', ' ')}.",
        "reads": "report",
        "hex": case.message.hex(),
        "directory": case.directory.sign(OTHER_DIRECTORY_KEY).hex(),
        "fetched": [
            [each.message.hex(), each.at, each.revoked_at]
            for found in case.fetched.values()
            for each in found
        ],
        "proof": case.proof and case.proof.hex(),
        "is_valid": report.is_valid,
        "is_refusal": report.is_refusal,
        "is_complete": report.is_complete,
        "report": [
            [check.number, check.outcome, check.code, check.step, check.text]
            for check in report.checks
        ],
    }


def verified(vector: Vector) -> Vector:
    """What Python says of a ``report`` vector, in its words."""
    return {**vector, **_verified("", case_of(vector)), "about": vector["about"]}


def case_of(vector: Vector) -> Case:
    """What a ``report`` vector has verified."""
    fetched: dict[bytes, list[Fetched]] = {}
    for message, at, revoked_at in vector["fetched"]:
        each = Fetched(bytes.fromhex(message), at, revoked_at)
        vk = ServerCertificate.from_payload(cose.parse(each.message).payload).vk
        fetched.setdefault(vk, []).append(each)
    proof = vector["proof"] and bytes.fromhex(vector["proof"])
    directory = Directory.open(bytes.fromhex(vector["directory"]), root=world.ROOT.public)
    return Case(bytes.fromhex(vector["hex"]), directory, fetched, proof)


def _buckets(fault: Fault) -> Iterator[tuple[str, Vector]]:
    """Files of certificates by 12 bits of vk."""
    first, second = CHAIN[0].certificate, CHAIN[1].certificate
    entries = [[first, None], [second, 5], [first, 7]]
    found = read_bucket(cbor.encode([1, entries]), at=0)
    yield (
        "bucket",
        {
            "about": "A file of certificates of servers, by vk: message and revoked-at.",
            "reads": "bucket",
            "hex": cbor.encode([1, entries]).hex(),
            "found": {
                vk.hex(): [[each.message.hex(), each.revoked_at] for each in of_one]
                for vk, of_one in found.items()
            },
        },
    )
    for name, value, code in (
        ("version_2", [2, []], "version_unknown"),
        ("without_entries", [1, None], "type_wrong"),
        ("entry_of_one_part", [1, [[b""]]], "type_wrong"),
        ("entry_text", [1, [["", None]]], "type_wrong"),
        ("entry_empty", [1, [[b"", None]]], "encoding_invalid"),
        ("revoked_text", [1, [[first, "now"]]], "type_wrong"),
        ("revoked_in_the_year_10000", [1, [[first, 253_402_300_800]]], "value_out_of_range"),
        ("entry_a_verdict", [1, [[CHAIN[0].verdict, None]]], "type_wrong"),
    ):
        yield f"bucket_{name}", fault("bucket", name.replace("_", " "), cbor.encode(value), code)
