"""What Python reads in a message, in the form in which reader.mjs says it."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from protocol import cbor, cose, receipt
from protocol.certified import Certificates, read_bucket
from protocol.chain import CertifiedServer, Step
from protocol.charge import Charge
from protocol.cose import Typ
from protocol.digests import verdict_digest
from protocol.errors import ProtocolError
from protocol.keys import Directory, KeyCertificate, ServerCertificate, open_certificate
from protocol.log import Proof
from protocol.qrtext import Link
from protocol.qrtext import decode as decode_qr_text
from protocol.rebuild import Rebuilt, rebuild
from protocol.receipt import Receipt
from protocol.statement import Statement
from protocol.verdict import Verdict
from protocol.verification import verify_receipt
from tests.browser.readers import Reader, Value
from tests.protocol import ended_vectors, world


class Question(NamedTuple):
    """Something to read, for both."""

    reader: str
    given: Value
    read: Callable[[], object]


def assert_same(reader: Reader, question: Question) -> Value:
    """Fail unless both read the same, or refuse it in the same words; return the answer."""
    name, given, read = question
    try:
        expected = {"value": plain(read())}
    except ProtocolError as error:
        expected = {"code": error.code, "detail": error.detail}
    answer = reader.ask(name, **given)
    assert answer == expected, f"{answer}\ninstead of {expected}"
    return answer


def plain(value: object) -> Any:
    """Return a value as JSON."""
    match value:
        case bytes():
            return {"bytes": value.hex()}
        case Record():
            return {name: plain(item) for name, item in value.items()}
        case dict():
            return {"map": [[plain(key), plain(item)] for key, item in value.items()]}
        case list() | tuple():
            return [plain(item) for item in value]
        case _ if is_dataclass(value):
            return plain(record(value))
    return value


class Record(dict[str, Any]):
    """Named parts; any other dict is a map of CBOR."""


def record(of: Any, *left_out: str, **more: object) -> Record:
    """Return the fields of a dataclass, and more, under names as JavaScript writes them."""
    names = {field.name: getattr(of, field.name) for field in fields(of)} | more
    return Record({_camel(name): value for name, value in names.items() if name not in left_out})


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


# --- Readers of bytes, by the names that reader.mjs and tests/vectors know them by


def question(reader: str, data: bytes) -> Question:
    """Have the bytes read by the reader of that name."""
    return Question(
        reader, {"hex": data.hex(), **GIVEN.get(reader, {})}, lambda: READ[reader](data)
    )


def _statement(data: bytes) -> Record:
    statement = Statement.from_payload(data)
    return record(statement, payload=statement.payload())


def _verdict(data: bytes) -> Record:
    verdict = Verdict.from_payload(data)
    return record(verdict, payload=verdict.payload())


def _server_certificate(data: bytes) -> Record:
    certificate = ServerCertificate.from_payload(data)
    return record(certificate, vk=certificate.vk)


def _directory(data: bytes, root: bytes | None = world.ROOT.public) -> Record:
    directory = Directory.open(data, root=root)
    hosts = [record(host, keys=host.host_keys()) for host in directory.hosts]
    opened = [open_certificate(message, directory.root) for message in directory.certificates]
    keys = [known for known in opened if known.subject == directory.platform.id]
    return record(directory, "certificates", hosts=hosts, keys=keys)


def _bucket(data: bytes) -> Record:
    found = read_bucket(data, at=world.NOON)
    return Record({vk.hex(): entries for vk, entries in found.items()})


def _receipt(data: bytes) -> list[Record]:
    return [_rebuilt(step) for step in rebuild(Receipt.from_signed(cose.parse(data)))]


def _rebuilt(step: Rebuilt) -> Record:
    return record(step, v=verdict_digest(step.verdict))


READ: dict[str, Callable[[bytes], object]] = {
    "cbor": cbor.decode,
    "message": cose.parse,
    "signed": lambda data: cose.open_signed(
        data, typ=Typ.STATEMENT, key=world.STATEMENT_KEY.public
    ),
    "statement": _statement,
    "verdict": _verdict,
    "server_certificate": _server_certificate,
    "key_certificate": lambda data: KeyCertificate.open(data, root=world.ROOT.public),
    "directory": _directory,
    "bucket": _bucket,
    "proof": Proof.from_bytes,
    "receipt": _receipt,
    "charge": lambda data: Charge.from_signed(cose.parse(data)),
}
GIVEN: dict[str, Value] = {
    "signed": {"typ": "cs-statement", "key": world.STATEMENT_KEY.public.hex()},
    "key_certificate": {"root": world.ROOT.public.hex()},
    "directory": {"root": world.ROOT.public.hex()},
    "bucket": {"at": world.NOON},
}


# --- Other questions


def directory_question(message: bytes, root: bytes | None) -> Question:
    """Have a directory opened by somebody who trusts this root, or the one inside."""
    given = {"hex": message.hex(), "root": root and root.hex()}
    return Question("directory", given, lambda: _directory(message, root))


def succession(held: bytes, offered: bytes) -> Question:
    """Have a directory offered to somebody who holds another."""
    given = {"held": held.hex(), "hex": offered.hex()}
    return Question(
        "successor", given, lambda: ended_vectors.check_successor(held, offered).number
    )


def verification(
    message: bytes,
    directory: Directory = world.DIRECTORY,
    fetched: Certificates | None = None,
    proof: bytes | None = None,
) -> Question:
    """Have a receipt verified."""
    given = {
        "hex": message.hex(),
        "directory": _published(directory),
        "fetched": {
            vk.hex(): [[each.message.hex(), each.at, each.revoked_at] for each in found]
            for vk, found in (fetched or {}).items()
        },
        "proof": None if proof is None else proof.hex(),
    }
    return Question("verify", given, lambda: _report(message, directory, fetched, proof))


@lru_cache
def _published(directory: Directory) -> str:
    return directory.sign(world.DIRECTORY_KEY).hex()


def _report(
    message: bytes, directory: Directory, fetched: Certificates | None, proof: bytes | None
) -> Record:
    report = verify_receipt(message, directory, fetched, proof)
    read = report.receipt
    return record(
        report,
        identity=receipt.identity(message),
        receipt=read and record(read, steps=[_step(step) for step in read.steps]),
        steps=[_rebuilt(step) for step in report.steps],
        is_valid=report.is_valid,
        is_refusal=report.is_refusal,
        is_complete=report.is_complete,
    )


def _step(step: Step) -> Record:
    certified = step.by if isinstance(step.by, CertifiedServer) else None
    return record(step, "by", vk=step.vk, certified=certified)


def qr_text(text: str, link: Link = Link.RECEIPT) -> Question:
    """Have the text of a QR code read."""

    def read() -> Record:
        origin, content = decode_qr_text(text, link)
        return Record(origin=origin, content=content)

    return Question("qr_text", {"text": text, "link": link.name}, read)


# --- Wrong values

# Of every type, at and around the bounds of fields.
WRONG: tuple[object, ...] = (
    *(None, -1, 0, 1, 12, 29, 180, 601, 3651, 2**41, cbor.MAX_INT),
    *("", "a", "x" * 121, "é", "e\u0301", "a\u202eb", "EUR", "http://a"),
    *(b"", bytes(8), bytes(12), bytes(31), bytes(32), bytes(64)),
    *([], [1], {}, {1: 1}),
)


def each_value_changed(payload: bytes) -> Iterator[bytes]:
    """Put every wrong value in every place of a payload; leave every part out, and add one."""
    value = cbor.decode(payload, max_bytes=60_000)
    for container, place in list(_places(value)):
        right = container[place]
        for wrong in WRONG:
            container[place] = wrong
            yield cbor.encode(value)
        container[place] = right
    for container in [value, *(c[p] for c, p in _places(value) if isinstance(c[p], list))]:
        yield from _lengths(value, container)


def _places(container: Any) -> Iterator[tuple[Any, Any]]:
    """Walk through a nested message: each container with each place in it."""
    for place in container if isinstance(container, dict) else range(len(container)):
        yield container, place
        if isinstance(container[place], dict | list):
            yield from _places(container[place])


def _lengths(value: object, container: list[object]) -> Iterator[bytes]:
    """Return a message with one of its arrays shorter, and longer."""
    right = list(container)
    for wrong in (right[:-1], [*right, None]):
        container[:] = wrong
        yield cbor.encode(value)
    container[:] = right
