"""Hypothesis strategies: any message that the protocol allows."""

import unicodedata
from collections.abc import Callable

from hypothesis import strategies as st

from protocol import cbor
from protocol.bundle import Bundle, Context
from protocol.cbor import MAX_INT
from protocol.chain import CertifiedServer, Step
from protocol.charge import Charge, Side
from protocol.currency import EXPONENTS
from protocol.ed25519 import SigningKey
from protocol.ended import EndedKey
from protocol.enrolment import Invitation, Transcript
from protocol.errors import ProtocolError
from protocol.fields import MAX_DAY, MAX_TIME
from protocol.keys import Directory, Host, KeyCertificate, Purpose, ServerCertificate
from protocol.receipt import Receipt
from protocol.statement import Demand, Kind, Party, Platform, Sight, Statement
from protocol.text import check_text
from protocol.verdict import Reason, Verdict

DAYS = st.tuples(st.integers(0, MAX_DAY), st.integers(0, MAX_DAY)).map(
    lambda days: (min(days), max(days))
)
NUMBERS = st.integers(0, MAX_INT)
KEYS = st.binary(min_size=32, max_size=32).map(SigningKey.from_bytes)


def octets(size: int) -> st.SearchStrategy[bytes]:
    """Exactly so many octets."""
    return st.binary(min_size=size, max_size=size)


def texts(cap: int) -> st.SearchStrategy[str]:
    """Text that may be signed, of any script, up to ``cap`` bytes."""
    return (
        st.text(min_size=1, max_size=cap)
        .map(lambda text: unicodedata.normalize("NFC", text))
        .filter(lambda text: _is_allowed(text, cap))
    )


def _is_allowed(text: str, cap: int) -> bool:
    try:
        check_text("text", text, cap)
    except ProtocolError:
        return False
    return True


def ascii_texts(cap: int) -> st.SearchStrategy[str]:
    """Printable ASCII up to ``cap`` characters."""
    return st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=cap)


ORIGINS = st.from_regex(r"https://[a-z0-9.\-]{1,32}", fullmatch=True)
PLATFORMS = st.builds(Platform, ascii_texts(16), texts(40), ORIGINS)
PARTIES = st.builds(Party, ascii_texts(34), texts(120), st.none() | texts(40))


SIDES = st.builds(Side, ascii_texts(34), st.none() | texts(70))
PAID = st.tuples(st.integers(1, MAX_INT), st.sampled_from(sorted(EXPONENTS)))
CHARGES = st.builds(
    lambda paid, **parts: Charge(amount=paid[0], currency=paid[1], **parts),
    paid=st.just((None, None)) | PAID,
    platform=PLATFORMS,
    uid=octets(8),
    way=ascii_texts(16),
    payer=SIDES,
    payee=SIDES,
    text=texts(200),
    digest=octets(32),
    captured=st.integers(0, MAX_TIME),
)


@st.composite
def demands(draw: st.DrawFn) -> Demand:
    """Any demand; one of payment or transfer has its amount and payee."""
    kind = draw(st.sampled_from(Kind))
    pays = kind in (Kind.PAYMENT, Kind.TRANSFER)
    has_amount = pays or draw(st.booleans())
    return Demand(
        kind=kind,
        amount=draw(st.integers(1, MAX_INT)) if has_amount else None,
        currency=draw(st.sampled_from(sorted(EXPONENTS))) if has_amount else None,
        payee_account=draw(ascii_texts(34) if pays else st.none() | ascii_texts(34)),
        payee_name=draw(st.none() | texts(70)),
        text=draw(st.none() | texts(120)),
        reference=draw(st.none() | texts(35)),
        due_days=draw(st.none() | st.integers(0, 3650)),
    )


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    """Any statement."""
    pos = draw(st.just(0) | NUMBERS)
    return Statement(
        platform=draw(PLATFORMS),
        tx=draw(octets(8)),
        pos=pos,
        prev=draw(octets(32)) if pos else None,
        party=draw(PARTIES),
        demand=draw(demands()),
        serial=draw(ascii_texts(16)),
        vk=draw(octets(8)),
        sight=draw(st.sampled_from(Sight)),
        nonce=draw(octets(12)),
        issued=draw(st.integers(0, MAX_TIME)),
        ttl=draw(st.integers(30, 600)),
    )


VERDICTS = st.builds(
    Verdict, octets(8), octets(32), st.sampled_from(Reason), st.integers(0, MAX_TIME), NUMBERS
)


@st.composite
def certified_servers(draw: st.DrawFn) -> CertifiedServer:
    """Any server with a certificate, its signature unchecked."""
    from_day, to_day = draw(DAYS)
    return CertifiedServer(draw(KEYS).public, draw(NUMBERS), from_day, to_day, draw(octets(64)))


STEPS = st.builds(
    Step,
    party=PARTIES,
    demand=demands(),
    serial=ascii_texts(16),
    sight=st.sampled_from(Sight),
    nonce=octets(12),
    issued=st.integers(0, MAX_TIME),
    ttl=st.just(180) | st.integers(30, 600),
    decided=st.integers(0, MAX_TIME),
    seq=NUMBERS,
    signature=octets(64),
    by=octets(8) | certified_servers(),
)


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    """Any receipt or refusal that is small enough for a message."""
    reason = draw(st.sampled_from(Reason))
    folded = draw(st.just(0) | st.integers(1, 2**40))
    steps = draw(st.lists(STEPS, min_size=1, max_size=1 if reason else 3))
    return Receipt(
        platform=draw(PLATFORMS),
        tx=draw(octets(8)),
        folded=folded,
        anchor=draw(octets(32)) if folded else None,
        steps=tuple(steps),
        reason=reason,
    )


CONTEXTS = st.builds(
    Context,
    party=PARTIES,
    demand=demands(),
    serial=ascii_texts(16),
    vk=octets(8),
    sight=st.sampled_from(Sight),
    nonce=octets(12),
    issued=st.integers(0, MAX_TIME),
    ttl=st.integers(30, 600),
    v=octets(32),
)
BUNDLES = st.builds(
    Bundle,
    st.binary(max_size=600),
    st.none() | octets(32),
    st.lists(CONTEXTS, max_size=2).map(tuple),
)


@st.composite
def server_certificates(draw: st.DrawFn) -> ServerCertificate:
    """Any certificate of a paired server."""
    return ServerCertificate(draw(KEYS).public, draw(ascii_texts(16)), *draw(DAYS))


TIMES = st.integers(0, MAX_TIME)
ENDED_KEYS = st.one_of(
    st.builds(EndedKey, octets(8), TIMES, st.none() | TIMES),
    st.builds(EndedKey, octets(8), st.none(), TIMES),
)


@st.composite
def directories(draw: st.DrawFn) -> tuple[bytes, Directory]:
    """A signed directory, and what it holds."""
    root, key, host_root, host_key = (draw(KEYS) for _ in range(4))
    platform = draw(PLATFORMS)
    name = draw(texts(20))
    issued = draw(st.integers(0, MAX_TIME))
    day = issued // 86400
    certificate = KeyCertificate(key.public, Purpose.DIRECTORY, platform.id, day, day).sign(root)
    of_host = KeyCertificate(host_key.public, Purpose.HOST, name, *draw(DAYS)).sign(host_root)
    host = Host(draw(NUMBERS), name, draw(ORIGINS), host_root.public, (of_host,))
    hosts = draw(st.sampled_from([(), (host,)]))
    ended = draw(st.lists(ENDED_KEYS, max_size=3, unique_by=lambda end: end.kid))
    ended = sorted((end for end in ended if end.kid != key.kid), key=lambda end: end.kid)
    directory = Directory(
        platform, draw(NUMBERS), issued, root.public, (certificate,), tuple(ended), hosts
    )
    return directory.sign(key), directory


TRANSCRIPTS = st.builds(
    Transcript,
    platform_root=octets(32),
    platform_id=ascii_texts(16),
    platform_origin=ORIGINS,
    vk=octets(8),
    serial=ascii_texts(16),
    suite=ascii_texts(64),
    sight=st.sampled_from(Sight),
    token_share=octets(32),
    host_share=octets(32),
    ticket_hash=octets(32),
)
INVITATIONS = st.builds(Invitation, ORIGINS, octets(16), octets(16))


# Values that CBOR allows, most of which no field does.
VALUES = st.recursive(
    st.none()
    | st.integers(-MAX_INT, MAX_INT)
    | st.binary(max_size=40)
    | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def wrong_values(draw: st.DrawFn, payloads: tuple[bytes, ...]) -> bytes:
    """A real payload with other values in one or two places, soundly encoded."""
    value = cbor.decode(draw(st.sampled_from(payloads)), max_bytes=60_000)
    for _ in range(draw(st.integers(1, 2))):
        parent, place = _somewhere(value, draw)
        parent[place] = draw(VALUES)
    return cbor.encode(value)


def _somewhere(value: list[object], draw: st.DrawFn) -> tuple[list[object], int]:
    """Walk into a nested message, and return a container with a place in it."""
    place = draw(st.integers(0, len(value) - 1))
    inner = value[place]
    if isinstance(inner, list) and inner and draw(st.booleans()):
        return _somewhere(inner, draw)
    return value, place


@st.composite
def mutations(draw: st.DrawFn, messages: tuple[bytes, ...]) -> bytes:
    """A real message with some bytes overwritten, left out, put in, or cut off."""
    data = bytearray(draw(st.sampled_from(messages)))
    for _ in range(draw(st.integers(1, 4))):
        change = draw(st.sampled_from(_CHANGES))
        change(data, draw(st.integers(0, max(len(data) - 1, 0))), draw(st.integers(0, 255)))
    return bytes(data)


def _overwrite(data: bytearray, place: int, byte: int) -> None:
    data[place : place + 1] = bytes([byte])


def _leave_out(data: bytearray, place: int, byte: int) -> None:
    del data[place : place + 1 + byte % 8]


def _put_in(data: bytearray, place: int, byte: int) -> None:
    data[place:place] = bytes([byte])


def _cut_off(data: bytearray, place: int, _: int) -> None:
    del data[place:]


_CHANGES: tuple[Callable[[bytearray, int, int], None], ...] = (
    _overwrite,
    _leave_out,
    _put_in,
    _cut_off,
)
