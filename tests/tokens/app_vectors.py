"""Writes what the token app has to do as Python does: ``python -m tests.tokens.app_vectors``.

All keys in it are made up here, and guard nothing.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import cose, qrtext
from protocol.bundle import Bundle
from protocol.cose import Typ
from protocol.digests import link_digest
from protocol.ed25519 import SigningKey
from protocol.ended import EndedKey
from protocol.enrolment import Vouchers
from protocol.errors import ProtocolError
from protocol.jwk import to_base64
from protocol.keys import KeyCertificate, Purpose, ServerCertificate, open_certificate
from protocol.provisioning import Provision
from protocol.qrtext import Link
from protocol.statement import Demand, Kind, Party, Sight, Statement
from tests.tokens.world import (
    COUNTER_SUITE,
    NOW,
    PARTY,
    SECONDS,
    TODAY,
    FakeHost,
    FakePlatform,
    V,
    certificate,
)
from tokens.display import UNLIMITED, Profile, lay_out
from tokens.enrolment import Enrolment, HostAnswer, provisioned
from tokens.errors import TokenError
from tokens.question import question_for
from tokens.simulator import SimulatedToken
from tokens.suites import parse_suite

FOLDER = Path(__file__).parent.parent / "vectors"
Row = dict[str, Any]
SUITES = (
    "OCRA-1:HOTP-SHA256-8:QH64-T1M",
    "OCRA-1:HOTP-SHA256-8:QH64",
    "OCRA-1:HOTP-SHA512-9:QH32-T30S",
    "OCRA-1:HOTP-SHA1-6:QN08",
    "OCRA-1:HOTP-SHA256-8:QN10-T1M",
    COUNTER_SUITE,
    "GMT0021:SM3-8:T60-Q64",
    "GMT0021:SM3-6:C-Q10",
    "GMT0021:SM4-8:T60-Q8",
    "HOTP:SHA1-6",
    "TOTP:SHA256-8:T30",
)


def key(name: str) -> SigningKey:
    """A signing key that is always the same."""
    return SigningKey.from_bytes(_secret(name))


def share(name: str) -> X25519PrivateKey:
    """A key to agree on secrets with that is always the same."""
    return X25519PrivateKey.from_private_bytes(_secret(name))


def _secret(name: str) -> bytes:
    return hashlib.sha256(f"token app vectors: {name}".encode()).digest()


def platform_of(name: str, origin: str = "https://platform.example") -> FakePlatform:
    """A platform whose keys are always the same."""
    platform = FakePlatform(origin)
    platform.root = key(f"{name} root")
    platform.statement_key = key(f"{name} statements")
    platform.directory_key = key(f"{name} directory")
    return platform


def host_of(platform: FakePlatform, name: str) -> FakeHost:
    """A host whose keys are always the same."""
    host = FakeHost(platform)
    host.root, host.key, host.server = (
        key(f"{name} {part}") for part in ("root", "key", "server")
    )
    host.share = share(f"{name} share")
    return host


PLATFORM = platform_of("platform")
OTHER = platform_of("other", "https://other.example")
HOST = host_of(PLATFORM, "host")
STRANGER = key("stranger")


def begun() -> Enrolment:
    """An enrolment whose share is always the same."""
    return Enrolment(HOST.invitation, share("token"), SECONDS)


def token_of(suite: str = SUITES[0]) -> SimulatedToken:
    """The token of a suite."""
    enrolment = begun()
    answer = HOST.pair(enrolment.share, suite=suite, sight=Sight(parse_suite(suite).sight)).answer
    return enrolment.finish(answer, NOW)[0]


TOKEN = token_of()


# --- What a token shows


def display() -> Row:
    """Statements, earlier steps, displays; and the lines, or why there are none."""
    return {"about": "What a token shows of a statement.", "cases": list(_display_cases())}


def _display_cases() -> Iterator[Row]:
    full = Demand(
        kind=Kind.PAYMENT,
        amount=1250,
        currency="EUR",
        payee_account="DE89370400440532013000",
        payee_name="Garden Shop",
        text="ten tulips",
        reference="R-7",
        due_days=14,
    )
    first = PLATFORM.statement(TOKEN, demand=full)
    second = replace(first, pos=1, prev=bytes(32), demand=Demand(kind=Kind.APPROVAL))
    third = replace(first, pos=2, prev=bytes(32))
    yield _shown("every field", first)
    yield _shown(
        "no optional field", replace(first, demand=Demand(kind=Kind.OTHER), party=Party("A", "x"))
    )
    for kind in Kind:
        yield _shown(f"kind {kind.name.lower()}", replace(first, demand=replace(full, kind=kind)))
    for amount, currency in [(1, "EUR"), (5, "JPY"), (7, "KWD"), (2**53 - 1, "USD")]:
        demand = replace(full, amount=amount, currency=currency)
        yield _shown(f"amount {amount} {currency}", replace(first, demand=demand))
    for issued, days in [(0, 0), (951_782_399, 1), (SECONDS, 3650)]:
        demand = replace(full, due_days=days)
        yield _shown(
            f"due {days} days from {issued}", replace(first, issued=issued, demand=demand)
        )
    for remark in ("שלום 12.50", "十朵郁金香", "नमस्ते", "🌷 10", "ﬁne: a: b"):
        wide = replace(first, party=Party("A-1", remark, "李雷"))
        for columns in (8, 21, 40):
            rows = _least_rows(wide, columns)
            for on in (Profile(columns, rows), Profile(columns, rows - 1)):
                yield _shown(f"{remark} on {columns} by {on.rows}", wide, profile=on)
    for rows in (12, 13, 15, 16, 25, 26):
        yield _shown(f"a chain on {rows} rows", third, (first, second), Profile(80, rows))
    yield _shown("folded steps", replace(third, pos=49), (replace(second, pos=48),))
    yield _shown("columns alone", first, profile=Profile(columns=16))
    yield _shown("rows alone", first, profile=Profile(rows=13))


def _least_rows(statement: Statement, columns: int) -> int:
    lines, _ = lay_out(statement, (), UNLIMITED)
    return next(rows for rows in itertools.count() if Profile(columns, rows).fits(lines))


def _shown(
    about: str,
    statement: Statement,
    earlier: tuple[Statement, ...] = (),
    profile: Profile = UNLIMITED,
) -> Row:
    row: Row = {
        "about": about,
        "statement": statement.payload().hex(),
        "earlier": [step.payload().hex() for step in earlier],
        "columns": profile.columns,
        "rows": profile.rows,
    }
    return row | outcome(lambda: {"lines": list(lay_out(statement, earlier, profile)[0])})


# --- What a token answers, and refuses


def app() -> Row:
    """Challenges, enrolments, new keys and servers; what comes of them, or the code refused."""
    return {
        "about": "What a token makes of what it is given; tokens by what is other than in `base`.",
        "base": _fields(TOKEN),
        "read": list(_read_cases()),
        "enrolment": list(_enrolment_cases()),
        "provision": list(_provision_cases()),
        "keys": list(_key_cases()),
        "key_codes": list(_key_code_cases()),
        "server": list(_server_cases()),
        "platform": list(_platform_cases()),
    }


def _read_cases() -> Iterator[Row]:
    for suite in SUITES:
        token = token_of(suite)
        yield _read(f"answers by {suite}", PLATFORM.challenge(PLATFORM.statement(token)), token)
        yield _read(f"answers by {suite}, later", _challenge(token), replace(token, counter=7), 61)
    steps = PLATFORM.chain(TOKEN, 4)
    anchor = link_digest(steps[0].digest, V)
    folded = PLATFORM.challenge(steps[3], steps[1:3], anchor)
    yield _read("earlier steps are shown and folded ones counted", folded)
    small = replace(TOKEN, profile=Profile(columns=40, rows=12))
    yield _read("what does not fit is hidden", PLATFORM.challenge(steps[1], steps[:1]), small)
    yield from _refused_senders()
    yield from _refused_contents()


def _refused_senders() -> Iterator[Row]:
    yield _read("another platform's code", OTHER.challenge(OTHER.statement(TOKEN)))
    info = PLATFORM.info
    yield _read(
        "names another origin", _challenge(platform=replace(info, origin="https://o.example"))
    )
    yield _read("names another platform", _challenge(platform=replace(info, id="other")))
    yield _read("unknown key", PLATFORM.challenge(PLATFORM.statement(TOKEN), key=STRANGER))
    for about, certified in {
        "a key of another purpose": certificate(
            PLATFORM.statement_key, PLATFORM.root, Purpose.RECEIPT, info.id
        ),
        "a key of another platform": certificate(
            PLATFORM.statement_key, PLATFORM.root, Purpose.STATEMENT, "other"
        ),
        "a key of another root": certificate(
            PLATFORM.statement_key, STRANGER, Purpose.STATEMENT, info.id
        ),
        "a key out of its days": KeyCertificate(
            PLATFORM.statement_key.public, Purpose.STATEMENT, info.id, TODAY - 9, TODAY - 1
        ).sign(PLATFORM.root),
    }.items():
        yield _read(about, _challenge(), replace(TOKEN, certificates=(certified,)))
    payload = PLATFORM.statement(TOKEN).payload()
    message = cose.sign(PLATFORM.statement_key, Typ.VERDICT, payload)
    yield _read("another type", _code(Bundle(message, None).encode()))
    for link in (Link.RECEIPT, Link.ENROLMENT):
        yield _read(f"a code of {link.name}", qrtext.encode(info.origin, link, b"\x01"))
    yield _read("no code", "hello")


def _refused_contents() -> Iterator[Row]:
    others: dict[str, Any] = {"serial": "T-0002", "vk": bytes(8), "sight": Sight.TYPED}
    for field, value in others.items():
        yield _read(f"another {field}", _challenge(**{field: value}))
    other = PLATFORM.statement(TOKEN, demand=Demand(kind=Kind.OTHER)).payload()
    unknown = other.replace(b"\xa1\x01\x05", b"\xa1\x01\x18\x63", 1)
    message = cose.sign(PLATFORM.statement_key, Typ.STATEMENT, unknown)
    yield _read("unknown kind", _code(Bundle(message, None).encode()))
    yield _read("too large", _challenge(), replace(TOKEN, profile=Profile(columns=16, rows=4)))
    for later in (240, 241):
        yield _read(f"{later} seconds later", _challenge(), TOKEN, later)
        yield _read(f"answered {later} seconds later", _challenge(), TOKEN, waited=later)
    for ahead in (60, 61):
        yield _read(f"{ahead} seconds ahead", _challenge(issued=SECONDS + ahead))
    first, second = PLATFORM.chain(TOKEN, 2)
    changed = replace(first, party=replace(PARTY, remark="altered"))
    yield _read("altered earlier content", PLATFORM.challenge(second, [changed]))
    yield _read("context where nothing is before", PLATFORM.challenge(first, [first]))
    yield _read(
        "an anchor where nothing is folded", PLATFORM.challenge(second, [first], bytes(32))
    )
    yield _read("earlier content left out", PLATFORM.challenge(second))
    for late in (120, 121):
        before = PLATFORM.statement(TOKEN, issued=SECONDS + late)
        after = PLATFORM.statement(TOKEN, pos=1, prev=link_digest(before.digest, V))
        yield _read(f"{late} seconds before what is before", PLATFORM.challenge(after, [before]))
    test = Demand(kind=Kind.TEST)
    yield _read("a test in a chain", PLATFORM.challenge(replace(second, demand=test), [first]))
    base = replace(first, demand=test)
    after = replace(second, prev=link_digest(base.digest, V))
    yield _read("a test as base", PLATFORM.challenge(after, [base]))
    _, content = qrtext.decode(PLATFORM.challenge(second, [first]), Link.BUNDLE)
    for place in range(0, len(content), 23):
        flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        yield _read(f"byte {place} changed", _code(flipped))


def _challenge(token: SimulatedToken = TOKEN, **changes: Any) -> str:
    return PLATFORM.challenge(PLATFORM.statement(token, **changes))


def _code(content: bytes) -> str:
    return qrtext.encode(PLATFORM.info.origin, Link.BUNDLE, content)


def _read(
    about: str, code: str, token: SimulatedToken = TOKEN, later: int = 0, waited: int = 0
) -> Row:
    now = NOW + timedelta(seconds=later)

    def answer() -> Row:
        shown = token.read(code, now)
        row["is_shown"] = True
        response = token.respond(shown, now + timedelta(seconds=waited))
        return {
            "lines": list(shown.lines),
            "hidden": shown.hidden,
            "response": response,
            "response_tag": token.response_tag(shown, response).hex(),
            "decline_tag": token.decline_tag(shown, "not mine").hex(),
            "counter": token.advanced().counter,
        }

    row: Row = {
        "about": about,
        "token": _json(token),
        "text": code,
        "now": SECONDS + later,
        "waited": waited,
        "is_shown": False,
    }
    return {**outcome(answer), **row}


# --- Enrolment


def _enrolment_cases() -> Iterator[Row]:
    answer = HOST.pair(begun().share).answer
    for suite in SUITES:
        paired: dict[str, Any] = {"suite": suite, "sight": Sight(parse_suite(suite).sight)}
        yield _enrolled(suite, HOST.pair(begun().share, **paired).answer)
    for about, changes in _false_parts():
        yield _enrolled(about, replace(answer, **changes))
    yield _enrolled("another confirmation", replace(answer, confirmation=bytes(32)))
    yield _enrolled("no confirmation", replace(answer, confirmation=b""))
    for about, changed in _false_fields():
        yield _enrolled(about, HOST.pair(begun().share, **changed).answer)


def _provision_cases() -> Iterator[Row]:
    yield _provisioned("right", _provision())
    for about, changes in _false_parts():
        provision = _provision()
        if b"" not in changes.values():
            changed = replace(provision, vouchers=replace(provision.vouchers, **changes))
            yield _provisioned(about, changed)
    for about, fields_ in _false_fields():
        yield _provisioned(about, _provision(**fields_))
    yield _provisioned("another ticket", replace(_provision(), ticket=bytes(16)))


def _false_parts() -> Iterable[tuple[str, dict[str, bytes]]]:
    strange, info = STRANGER, PLATFORM.info
    statement_key = PLATFORM.statement_key
    server = HOST.server.public
    old = KeyCertificate(HOST.key.public, Purpose.HOST, "host", TODAY - 9, TODAY - 1)
    parts = {
        "another host root": {"host_root": strange.public},
        "no host certificate": {"host_certificate": b""},
        "a stranger's host certificate": {
            "host_certificate": certificate(HOST.key, strange, Purpose.HOST, "host")
        },
        "a host certificate of another purpose": {
            "host_certificate": certificate(HOST.key, HOST.root, Purpose.RECEIPT, "host")
        },
        "an old host certificate": {"host_certificate": old.sign(HOST.root)},
        "another platform root": {"platform_root": strange.public},
        "a stranger's platform certificate": {
            "platform_certificate": certificate(statement_key, strange, Purpose.STATEMENT, info.id)
        },
        "a platform certificate of another purpose": {
            "platform_certificate": certificate(
                statement_key, PLATFORM.root, Purpose.DIRECTORY, info.id
            )
        },
        "a certificate of another platform": {
            "platform_certificate": certificate(
                statement_key, PLATFORM.root, Purpose.STATEMENT, "other"
            )
        },
        "a stranger's server certificate": {
            "server_certificate": ServerCertificate(server, "T-0001", TODAY, TODAY).sign(strange)
        },
        "another server's certificate": {
            "server_certificate": ServerCertificate(strange.public, "T-0001", TODAY, TODAY).sign(
                HOST.key
            )
        },
        "another token's certificate": {
            "server_certificate": ServerCertificate(server, "T-0002", TODAY, TODAY).sign(HOST.key)
        },
        "a transcript that another key signed": {
            "enrol": cose.sign(strange, Typ.ENROL, HOST.transcript(begun().share).payload())
        },
    }
    return parts.items()


def _false_fields() -> Iterable[tuple[str, dict[str, Any]]]:
    refused = (
        "OCRA-1:HOTP-SHA256-4:QH64",
        "OCRA-1:HOTP-SHA256-10:QH64",
        "OCRA-1:HOTP-SHA256-8:QH63",
    )
    unfit = ("OCRA-1:HOTP-SHA256-8:QA10", "GMT0021:SM3-8:Q6")
    held = ("OCRA-1:HOTP-SHA256-8:QH64-PSHA1", "OCRA-1:HOTP-SHA256-8:QH64-S064")
    none = ("OCRA-2:HOTP", "GMT0021:SM4-8:T60-Q64", "GMT0021-2023:SM3-8:Q64", "", "TOTP:SHA1-6")
    long = ("GMT0021:SM3-8:T61-Q64", "TOTP:SHA1-6:T3601", "HOTP:SHA1-6:T30", "TOTP:SHA1-10:T30")
    orders = ("Q64-T60", "T60Q64", "-Q64", "Q64-", "T60--Q64", "", "Q64-C", "T060-Q64", "Q65")
    misread = (f"GMT0021:SM3-8:{order}" for order in orders)
    for suite in (
        *refused,
        *unfit,
        *held,
        *none[:3],
        *long,
        *misread,
        *none[4:],
        "OCRA-1:HOTP-SHA256-8:QN10",
    ):
        yield suite, {"suite": suite}
    yield "another sight", {"sight": Sight.TYPED}
    yield "another ticket's hash", {"ticket_hash": hashlib.sha256(b"other").digest()}
    yield "another share", {"token_share": b"\x09" * 32}
    yield "another platform root's hash", {"platform_root": bytes(32)}
    yield "another platform id", {"platform_id": "other"}
    yield "another server id", {"vk": bytes(8)}
    yield "another serial", {"serial": "T-0002"}
    yield "a share of small order", {"host_share": bytes(32)}


def _enrolled(about: str, answer: HostAnswer) -> Row:
    enrolment = begun()
    row: Row = {
        "about": about,
        "invitation": enrolment.invitation.to_link(),
        "private": enrolment.private.private_bytes_raw().hex(),
        "answer": {f.name: to_base64(getattr(answer, f.name)) for f in fields(HostAnswer)},
        "now": SECONDS,
    }
    return row | outcome(lambda: _token_row(*enrolment.finish(answer, NOW)))


def _provision(**changes: Any) -> Provision:
    private = share("token")
    answer = HOST.pair(private.public_key().public_bytes_raw(), **changes).answer
    vouchers = {field.name: getattr(answer, field.name) for field in fields(Vouchers)}
    ticket = HOST.invitation.ticket
    return Provision(HOST.origin, private.private_bytes_raw(), ticket, Vouchers(**vouchers))


def _provisioned(about: str, provision: Provision) -> Row:
    row: Row = {"about": about, "text": provision.to_link(), "now": SECONDS}
    return row | outcome(lambda: _token_row(*provisioned(provision, NOW)))


def _token_row(token: SimulatedToken, digits: str) -> Row:
    return {"enrolled": _json(token), "digits": digits}


# --- New keys, new server


def _key_cases() -> Iterator[Row]:
    renewed = platform_of("renewed")
    renewed.root = PLATFORM.root
    held = TOKEN.with_keys(PLATFORM.directory())
    yield _keys("new keys", TOKEN, renewed.directory())
    yield _keys("the same again", held, PLATFORM.directory())
    yield _keys("older ones", held, PLATFORM.directory(issued=SECONDS - 1))
    yield _keys("another root's", TOKEN, OTHER.directory())
    kid = PLATFORM.statement_key.kid
    for about, end in (
        ("its statement key retired then", EndedKey(kid, SECONDS, None)),
        ("its statement key retired later", EndedKey(kid, SECONDS + 1, None)),
        ("its statement key compromised later", EndedKey(kid, None, SECONDS + 1)),
    ):
        yield _keys(about, TOKEN, PLATFORM.directory(ended=(end,)))
        ended = TOKEN.with_keys(PLATFORM.directory(ended=(end,)))
        later = PLATFORM.directory(issued=SECONDS + 1)
        yield _keys(f"{about}, and that taken back", ended, later)
    yield _keys("later ones of a lower number", held, PLATFORM.directory(SECONDS + 1, number=9))
    twice = PLATFORM.directory(SECONDS + 1, number=SECONDS)
    yield _keys("other ones of that number", held, twice)
    yield _keys("another platform's", TOKEN, PLATFORM.directory(id="other"))


def _key_code_cases() -> Iterator[Row]:
    info, new = PLATFORM.info, key("renewed statements")
    right = certificate(new, PLATFORM.root, Purpose.STATEMENT, info.id)
    yield _key_code("a new key", right)
    yield _key_code("a known key", PLATFORM.statement_certificate)
    yield _key_code("of another root", certificate(new, STRANGER, Purpose.STATEMENT, info.id))
    yield _key_code(
        "of another purpose", certificate(new, PLATFORM.root, Purpose.RECEIPT, info.id)
    )
    yield _key_code(
        "of another platform", certificate(new, PLATFORM.root, Purpose.STATEMENT, "other")
    )
    yield _key_code("of another origin", right, origin="https://other.example")
    yield _key_code("of another kind", right, link=Link.BUNDLE)
    yield _key_code("no certificate", PLATFORM.directory())
    yield _key_code("changed", right[:-1] + bytes([right[-1] ^ 1]))
    for about, end in (
        ("retired", EndedKey(new.kid, SECONDS + 9, None)),
        ("compromised", EndedKey(new.kid, None, SECONDS)),
    ):
        yield _key_code(about, right, TOKEN.with_keys(PLATFORM.directory(ended=(end,))))


def _key_code(
    about: str,
    message: bytes,
    token: SimulatedToken = TOKEN,
    *,
    origin: str = PLATFORM.info.origin,
    link: Link = Link.KEY,
) -> Row:
    text = qrtext.encode(origin, link, message)

    def updated() -> Row:
        return {"keys": _public_keys(token.with_key(text))}

    return {"about": about, "token": _json(token), "text": text} | outcome(updated)


def _public_keys(token: SimulatedToken) -> list[str]:
    # The app keeps the keys out of the certificates.
    opened = [open_certificate(each, token.platform_root) for each in token.certificates]
    return [each.key.hex() for each in opened]


def _keys(about: str, token: SimulatedToken, directory: bytes) -> Row:
    def updated() -> Row:
        renewed = token.with_keys(directory)
        return {"keys": _public_keys(renewed), **_edition(renewed)}

    return {"about": about, "token": _json(token), "directory": directory.hex()} | outcome(updated)


def _server_cases() -> Iterator[Row]:
    new = key("new server").public
    right = ServerCertificate(new, TOKEN.serial, TODAY, TODAY + 365)
    hosts = [certificate(HOST.key, HOST.root, Purpose.HOST, "host")]
    yield _server("a new key", right.sign(HOST.key), hosts)
    yield _server("of another host key", right.sign(STRANGER), hosts)
    other = ServerCertificate(new, "T-0002", TODAY, TODAY + 365)
    yield _server("of another token", other.sign(HOST.key), hosts)
    early = ServerCertificate(new, TOKEN.serial, TODAY - 2, TODAY + 365)
    yield _server("from before the host key", early.sign(HOST.key), hosts)
    strange = [certificate(HOST.key, STRANGER, Purpose.HOST, "host")]
    yield _server("of another root", right.sign(HOST.key), strange)
    receipt = [certificate(HOST.key, HOST.root, Purpose.RECEIPT, "host")]
    yield _server("of a key for another purpose", right.sign(HOST.key), receipt)
    yield _server("no certificate", hosts[0], hosts)


def _server(about: str, message: bytes, hosts: list[bytes]) -> Row:
    row: Row = {
        "about": about,
        "token": _json(TOKEN),
        "certificate": message.hex(),
        "host_certificates": [each.hex() for each in hosts],
    }
    return row | outcome(lambda: {"updated": _json(TOKEN.with_server(message, hosts))})


# --- The platform proves itself


def _platform_cases() -> Iterator[Row]:
    for suite in SUITES[:5]:
        yield _proof(f"{suite}, right", token_of(suite))
    for seconds in (-120, -60, 60, 120):
        yield _proof(f"the host's clock is {seconds} seconds off", TOKEN, seconds=seconds)
    counting = replace(token_of(COUNTER_SUITE), counter=30)
    for counter in (9, 10, 30, 31):
        yield _proof(f"the host's counter is {counter}", counting, counter=counter)
    yield _proof("the first counter", replace(counting, counter=0), counter=0)
    yield _proof("with spaces", TOKEN, shape=" {:.4} {:.4}\n")
    yield _proof("another answer", TOKEN, shape="1{:.7}")
    yield _proof("no answer", TOKEN, shape="")


def _proof(
    about: str,
    token: SimulatedToken,
    *,
    seconds: int = 0,
    counter: int | None = None,
    shape: str = "{}",
) -> Row:
    code = _challenge(token)
    shown = token.read(code, NOW)
    question = question_for(token.suite, shown.statement.digest) or ""
    challenge = question[::-1].replace("0", "1")
    host = token if counter is None else replace(token, counter=counter)
    right = host.answer(challenge + question, NOW + timedelta(seconds=seconds))
    given = shape.format(right, right[4:])

    def proved() -> Row:
        token.check_platform(question, challenge, given, NOW)
        return {"response": token.respond(shown, NOW, challenge)}

    row: Row = {"about": about, "token": _json(token), "text": code, "now": SECONDS}
    return row | {"challenge": challenge, "given": given} | outcome(proved)


def _json(token: SimulatedToken) -> Row:
    base = _fields(TOKEN)
    return {name: value for name, value in _fields(token).items() if value != base[name]}


def _edition(token: SimulatedToken) -> Row:
    return {
        "keys_number": token.edition.number,
        "keys_issued": token.edition.issued,
        "keys_ended": [[end.kid.hex(), *end.to_cbor()[1:]] for end in token.edition.ended],
    }


def _fields(token: SimulatedToken) -> Row:
    return {
        "serial": token.serial,
        "suite": str(token.suite),
        "counter": token.counter,
        "seed": token.seed.hex(),
        "post_key": token.post_key.hex(),
        "vk": token.vk.hex(),
        "host_origin": token.host_origin,
        "host_root": token.host_root.hex(),
        "platform_id": token.platform_id,
        "platform_origin": token.platform_origin,
        "platform_root": token.platform_root.hex(),
        "certificates": [message.hex() for message in token.certificates],
        **_edition(token),
        "columns": token.profile.columns,
        "rows": token.profile.rows,
    }


def outcome(attempt: Callable[[], Row]) -> Row:
    """Return what comes of it, or the code with which it is refused."""
    try:
        return attempt()
    except (TokenError, ProtocolError) as refusal:
        return {"code": refusal.code}


FILES = {"token_display.json": display, "token_app.json": app}


def written(document: Row) -> str:
    """Return a file's text."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for name, make in FILES.items():
        (FOLDER / name).write_text(written(make()), "utf-8")
