"""Which form of a receipt or bundle fits a QR code (docs/protocol.md section 8)."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from protocol import cose, qrtext
from protocol.bundle import MAX_CONTEXT, Bundle, Context
from protocol.cbor import MAX_INT
from protocol.chain import Step
from protocol.ed25519 import SIGNATURE_BYTES, SigningKey
from protocol.errors import ProtocolError
from protocol.fields import ID_BYTES, NONCE_BYTES
from protocol.qrtext import Link
from protocol.receipt import Receipt
from protocol.statement import (
    DEFAULT_TTL_SECONDS,
    Demand,
    Kind,
    Party,
    Platform,
    Sight,
    Statement,
)
from protocol.verdict import Reason

Content = TypeVar("Content")

MAX_VERSION = 25
# Data bits of versions 1 to 25 at error level M (ISO/IEC 18004:2015 table 7).
_DATA_BITS = (
    *(128, 224, 352, 512, 688, 864, 992, 1232, 1456, 1728, 2032, 2320, 2672),
    *(2920, 3320, 3624, 4056, 4504, 5016, 5352, 5712, 6256, 6880, 7312, 8000),
)
_NUMERIC_TAIL_BITS = (0, 4, 7)
# By how much random bytes change what deflate makes of the same texts: six standard deviations.
DEFLATE_LEEWAY_BYTES = 24


@dataclass(frozen=True, slots=True)
class Form:
    """How many of the newest steps stand in clear, and how many of those with certificates."""

    clear: int
    certified: int


# The first that fits is taken.  A chain of two is never folded, one of three only when it must be.
_WHOLE = {
    1: (Form(1, 1), Form(1, 0)),
    2: (Form(2, 2), Form(2, 1), Form(2, 0)),
    3: (Form(3, 2), Form(3, 1), Form(3, 0)),
    4: (Form(4, 0),),
}
_FOLDED = (Form(3, 1), Form(2, 2), Form(2, 1), Form(2, 0), Form(1, 1), Form(1, 0))


@dataclass(frozen=True, slots=True)
class Linked(Generic[Content]):
    """A step's content with the ``prev`` of its statement."""

    prev: bytes | None
    content: Content


def forms(length: int) -> Iterator[Form]:
    """Yield the forms of a receipt for a chain of ``length`` steps, best first."""
    yield from _WHOLE.get(length, ())
    if length > 2:
        yield from (form for form in _FOLDED if form.clear < length)


def room(origin: str, link: Link) -> int:
    """Return how many bytes, the flag byte included, fit behind a prefix at version 25."""
    bits = _DATA_BITS[-1] - _header_bits(MAX_VERSION) - 8 * len(qrtext.prefix(origin, link))
    # Ten bits hold three digits, seven two, and four one; 17 digits hold seven bytes.
    digits = bits // 10 * 3 + (0, 0, 0, 0, 1, 1, 1, 2, 2, 2)[bits % 10]
    groups, rest = divmod(digits, qrtext.GROUP_DIGITS)
    tail = max(size for size, digits in qrtext.TAIL_DIGITS.items() if digits <= rest)
    return groups * qrtext.GROUP_BYTES + tail


def version_of(text: str) -> int | None:
    """Return the QR version that a link needs at level M, or ``None`` above version 25.

    The text up to and with ``#`` is one byte segment, the digits one numeric segment
    (ISO/IEC 18004:2015 section 7.4).
    """
    head = text.index("#") + 1
    digits = len(text) - head
    payload_bits = 8 * head + 10 * (digits // 3) + _NUMERIC_TAIL_BITS[digits % 3]
    for version, capacity in enumerate(_DATA_BITS, start=1):
        if _header_bits(version) + payload_bits <= capacity:
            return version
    return None


def _header_bits(version: int) -> int:
    # Mode and character count of one byte segment and one numeric segment.
    return (4 + 8) + (4 + 10) if version < 10 else (4 + 16) + (4 + 12)


def fit_receipt(
    *,
    platform: Platform,
    tx: bytes,
    length: int,
    recent: Sequence[Linked[Step]],
    key: SigningKey,
    reason: Reason = Reason.ACCEPTED,
) -> bytes:
    """Return the signed receipt of a chain's head in the best form that fits a QR code.

    A refused step is shown alone, with or without its server's certificate.

    Args:
        platform: Who signs; its origin leads the QR text.
        tx: Transaction id.
        length: Number of steps in the chain, the refused one included.
        recent: The newest steps, up to four, oldest first, each with its certificate.
        key: The platform's receipt key.
        reason: Why the newest step was refused, if it was.

    Raises:
        ProtocolError: ``statement_too_large`` when no form fits.
    """
    for form in forms(length) if reason is Reason.ACCEPTED else _WHOLE[1]:
        steps = recent[len(recent) - form.clear :]
        receipt = Receipt(
            platform=platform,
            tx=tx,
            folded=length - form.clear,
            anchor=steps[0].prev,
            steps=tuple(step.content for step in steps),
            reason=reason,
        ).without_certificates(keep_newest=form.certified)
        signed = receipt.sign(key)
        if _excess(platform.origin, Link.RECEIPT, signed) <= 0:
            return signed
    raise ProtocolError("statement_too_large", "the receipt would not fit a QR code")


def fit_bundle(
    *,
    origin: str,
    statement: bytes,
    pos: int,
    recent: Sequence[Linked[Context]],
    prev: bytes | None,
) -> bytes:
    """Return the challenge bundle with as much context, up to two steps, as fits a QR code.

    Args:
        origin: The platform's origin.
        statement: The statement as COSE_Sign1.
        pos: Its position.
        recent: The newest earlier steps, oldest first.
        prev: The statement's ``prev``.

    Raises:
        ProtocolError: ``statement_too_large`` when even the bare statement does not fit.
    """
    for count in range(min(MAX_CONTEXT, pos), -1, -1):
        context = recent[len(recent) - count :] if count else ()
        anchor = context[0].prev if context else prev
        bundle = Bundle(statement, anchor, tuple(step.content for step in context)).encode()
        if _excess(origin, Link.BUNDLE, bundle) <= 0:
            return bundle
    raise ProtocolError("statement_too_large", "the statement does not fit a QR code")


def require_room(statement: Statement, before: Step | None) -> None:
    """Refuse a statement that would leave a chain of two too long for its receipt.

    That receipt is never folded.  So the first statement must leave room for a short second
    step, and the second must fit beside the first.  From the third on folding makes room.
    Signatures still to come are counted as what they look like: random bytes.

    Args:
        statement: About to be signed by the platform.
        before: The first step, for the statement at position 1.

    Raises:
        ProtocolError: ``statement_too_large``, saying by how many bytes.
    """
    if statement.pos == 0:
        steps = [_as_signed(statement), _SHORT_REPLY]
    elif statement.pos == 1 and before is not None:
        steps = [before, _as_signed(statement)]
    else:
        return
    receipt = Receipt(statement.platform, statement.tx, 0, None, tuple(steps))
    message = cose.assemble(
        typ=receipt.typ,
        kid=_filler("kid", ID_BYTES),
        payload=receipt.without_certificates().payload(),
        signature=_filler("receipt", SIGNATURE_BYTES),
    )
    excess = _excess(statement.platform.origin, Link.RECEIPT, message) + DEFLATE_LEEWAY_BYTES
    if excess > 0:
        detail = f"the texts are {excess} bytes too long for a receipt of two"
        raise ProtocolError("statement_too_large", detail, excess=excess)


def _excess(origin: str, link: Link, content: bytes) -> int:
    return len(qrtext.pack(link, content)) - room(origin, link)


def _filler(label: str, size: int) -> bytes:
    return hashlib.shake_256(label.encode()).digest(size)


def _as_signed(statement: Statement) -> Step:
    return Step.of(
        statement,
        decided=statement.issued + statement.ttl,
        seq=MAX_INT,
        signature=_filler("verdict", SIGNATURE_BYTES),
        by=statement.vk,
    )


# 61 bytes of party and demand, and the longest serial, in letters that do not compress well.
_LETTERS = base64.b64encode(_filler("reply", 51)).decode()
_SHORT_REPLY = Step(
    party=Party(account=_LETTERS[:12], remark=_LETTERS[12:52]),
    demand=Demand(Kind.APPROVAL),
    serial=_LETTERS[52:],
    sight=Sight.SHOWN,
    nonce=_filler("nonce", NONCE_BYTES),
    issued=2**32,
    ttl=DEFAULT_TTL_SECONDS,
    decided=2**32 + DEFAULT_TTL_SECONDS,
    seq=MAX_INT,
    signature=_filler("verdict of the reply", SIGNATURE_BYTES),
    by=_filler("vk", ID_BYTES),
)
