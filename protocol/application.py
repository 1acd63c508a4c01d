"""Billing requests of applications: sealed for the network and for one SMS, and what backs them.

docs/protocol.md section 17.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import cbor, hpke
from protocol.currency import EXPONENTS, format_amount
from protocol.errors import ProtocolError
from protocol.fields import (
    ID_BYTES,
    VERSION,
    check_bytes,
    check_uint,
    check_word,
    versioned,
)
from protocol.jwk import from_base64, to_base64
from protocol.text import check_ascii

PACKAGE_BYTES = 4
NONCE_BYTES = 8
EVIDENCE_BYTES = 16
MAX_BUILD = 2**16 - 1
MAX_UINT32 = 2**32 - 1
SMS_PREFIX = "CS1."

# 5 bytes in clear, 43 of content and 48 of HPKE: 96, which base64url writes in 128 letters.
_SMS = re.compile(r"\s*CS1\.([A-Za-z0-9_-]{128})\s*", re.ASCII)
_SMS_BYTES = 43
_REQUEST_DOMAIN = "cs/billing/request/v1"
_COUNTED, _CONSENTED = 1 << 4, 1 << 5
# Two bits for each result; both unset, or both set, is none.
_RESULTS = {1: False, 2: True}


class Channel(StrEnum):
    """How a request travels; one that was made for one does not open on the other."""

    NETWORK = "network"
    SMS = "sms"


@dataclass(frozen=True, slots=True)
class BillingRequest:
    """What a terminal asks to be charged for.

    Attributes:
        package: Public id of the application, 4 bytes.
        build: Number of its build, from 1; 16 bits.
        terminal: Public id of the device, 8 bytes.
        item: Number of what is bought; 32 bits.
        amount: Its price, minor units; 32 bits.
        currency: ISO 4217; an SMS leaves it to the build.
        nonce: 8 bytes, of the platform; or a counter, when none was left.
        is_counted: Whether the nonce is the terminal's own counter, big-endian.
        is_consented: Whether the payer was asked, and agreed.
        key_matches: The key comparison: the package's first key is the stored one.
        files_match: The signature comparison: the files are those that were signed.
        evidence: What backs both, 16 bytes; :func:`protocol.evidence.evidence`.
        channel: How it travels.
    """

    package: bytes
    build: int
    terminal: bytes
    item: int
    amount: int
    currency: str
    nonce: bytes
    is_counted: bool
    is_consented: bool
    key_matches: bool
    files_match: bool
    channel: Channel
    evidence: bytes = bytes(EVIDENCE_BYTES)

    def __post_init__(self) -> None:
        check_bytes("package", self.package, PACKAGE_BYTES)
        check_uint("build", self.build, low=1, high=MAX_BUILD)
        check_bytes("terminal", self.terminal, ID_BYTES)
        check_uint("item", self.item, high=MAX_UINT32)
        check_uint("amount", self.amount, low=1, high=MAX_UINT32)
        check_ascii("currency", self.currency, 3)
        if self.currency not in EXPONENTS:
            raise ProtocolError("value_out_of_range", "currency is unknown", "currency")
        check_bytes("nonce", self.nonce, NONCE_BYTES)
        for field in ("is_counted", "is_consented", "key_matches", "files_match"):
            if type(getattr(self, field)) is not bool:
                raise ProtocolError("field_missing", f"{field} is neither yes nor no", field)
        check_bytes("evidence", self.evidence, EVIDENCE_BYTES)
        channel = check_word("channel", self.channel, Channel)
        object.__setattr__(self, "channel", channel)

    @property
    def counter(self) -> int:
        """The nonce of a counted request as a number."""
        return int.from_bytes(self.nonce)

    @property
    def fields(self) -> list[object]:
        """What is sealed, and backed by the evidence, in the order of the wire."""
        return [
            VERSION,
            self.package,
            self.build,
            self.terminal,
            self.item,
            self.amount,
            self.currency,
            self.nonce,
            int(self.is_counted),
            int(self.is_consented),
            int(self.key_matches),
            int(self.files_match),
            self.channel.value,
        ]


@dataclass(frozen=True, slots=True)
class SmsEnvelope:
    """What an SMS shows before it is opened: whose key opens it."""

    package: bytes
    sealed: bytes


def seal(request: BillingRequest, third_key: bytes) -> bytes:
    """Seal a request for the network.

    Content is the deterministic CBOR array [1, package, build, terminal, item, amount, currency,
    nonce, counted, consented, key result, signature result, channel, evidence]; each of the four
    answers is 0 or 1.

    Args:
        request: Of the channel ``network``.
        third_key: X25519, of the package.

    Raises:
        ProtocolError: ``key_invalid``, or ``value_out_of_range`` for another channel.
    """
    info = _info(request.package, _require(request, Channel.NETWORK))
    return hpke.seal(cbor.encode([*request.fields, request.evidence]), third_key, info)


def open_network(sealed: bytes, key: X25519PrivateKey, package: bytes) -> BillingRequest:
    """Open what :func:`seal` sealed to a package's third key.

    Raises:
        ProtocolError: ``sealed_invalid``, ``field_missing`` when an answer is missing, and the
            codes of the fields.
    """
    content = hpke.unseal(sealed, key, _info(package, Channel.NETWORK))
    parts = versioned("billing request", cbor.decode(content), _PARTS)
    answers = [_answer(value) for value in parts[7:11]]
    request = BillingRequest(*parts[:7], *answers, *parts[11:])
    _require(request, Channel.NETWORK)
    return _of_package(request, package)


def seal_sms(request: BillingRequest, third_key: bytes) -> str:
    """Seal a request into the 132 characters of one SMS, all of the GSM 7-bit alphabet.

    ``CS1.``, then base64url of:

    | offset | bytes | |
    |---|---|---|
    | 0 | 1 | version, 1 |
    | 1 | 4 | package |
    | 5 | 91 | HPKE of the content |

    | offset | bytes | content, integers big-endian |
    |---|---|---|
    | 0 | 2 | build |
    | 2 | 8 | terminal |
    | 10 | 4 | item |
    | 14 | 4 | amount |
    | 18 | 8 | nonce |
    | 26 | 1 | bits 0-1 key result, 2-3 signature result (1 no, 2 yes); 4 counted; 5 consented |
    | 27 | 16 | evidence |

    Raises:
        ProtocolError: ``key_invalid``, or ``value_out_of_range`` for another channel.
    """
    info = _info(request.package, _require(request, Channel.SMS))
    content = b"".join(
        (
            request.build.to_bytes(2),
            request.terminal,
            request.item.to_bytes(4),
            request.amount.to_bytes(4),
            request.nonce,
            bytes([_flags(request)]),
            request.evidence,
        )
    )
    sealed = hpke.seal(content, third_key, info)
    return SMS_PREFIX + to_base64(bytes([VERSION]) + request.package + sealed)


def read_sms(text: str) -> SmsEnvelope | None:
    """Tell whose key opens an SMS; ``None`` when it is no billing request at all.

    Raises:
        ProtocolError: ``version_unknown``.
    """
    found = _SMS.fullmatch(text)
    if found is None:
        return None
    content = from_base64(found[1])
    if content[0] != VERSION:
        raise ProtocolError("version_unknown", "this billing request has an unknown version")
    return SmsEnvelope(package=content[1:5], sealed=content[5:])


def open_sms(envelope: SmsEnvelope, key: X25519PrivateKey, currency: str) -> BillingRequest:
    """Open what :func:`seal_sms` sealed to a package's third key.

    Args:
        envelope: Of :func:`read_sms`.
        key: The package's third key.
        currency: The package's.

    Raises:
        ProtocolError: ``sealed_invalid``, ``field_missing`` when a result is missing, and the
            codes of the fields.
    """
    info = _info(envelope.package, Channel.SMS)
    content = hpke.unseal(envelope.sealed, key, info)
    check_bytes("content", content, _SMS_BYTES)
    flags = content[26]
    if flags >> 6:
        raise ProtocolError("value_out_of_range", "flags are unknown", "flags")
    return BillingRequest(
        package=envelope.package,
        build=int.from_bytes(content[:2]),
        terminal=content[2:10],
        item=int.from_bytes(content[10:14]),
        amount=int.from_bytes(content[14:18]),
        currency=currency,
        nonce=content[18:26],
        is_counted=bool(flags & _COUNTED),
        is_consented=bool(flags & _CONSENTED),
        key_matches=_result(flags),
        files_match=_result(flags >> 2),
        channel=Channel.SMS,
        evidence=content[27:],
    )


def consent(*, title: str, amount: int, currency: str, payee: str) -> str:
    """Return the sentence that a payer agrees to.

    >>> consent(title="Golden sword", amount=250, currency="EUR", payee="Ann's games")
    "Pay 2.50 EUR to Ann's games for Golden sword?"
    """
    return f"Pay {format_amount(amount, currency)} to {payee} for {title}?"


def request_digest(request: BillingRequest, payee: str) -> bytes:
    """Return what every proof of a request is bound to: what is bought, for how much, of whom.

    Args:
        request: Any channel; the same request has one digest on both.
        payee: Account of who is paid.

    Source:
        Commission Delegated Regulation (EU) 2018/389, article 5 (dynamic linking).
    """
    return hashlib.sha256(
        cbor.encode(
            [
                _REQUEST_DOMAIN,
                request.package,
                request.build,
                request.item,
                request.amount,
                request.currency,
                payee,
                request.terminal,
                request.nonce,
            ]
        )
    ).digest()


# Of the message on the network, the version and the evidence included.
_PARTS = 14


def _info(package: bytes, channel: Channel) -> bytes:
    return f"cs/billing/v1|{package.hex()}|{channel}".encode()


def _require(request: BillingRequest, channel: Channel) -> Channel:
    if request.channel is not channel:
        raise ProtocolError("value_out_of_range", "the request is for the other channel")
    return channel


def _of_package(request: BillingRequest, package: bytes) -> BillingRequest:
    if request.package != package:
        raise ProtocolError("value_out_of_range", "the request names another package", "package")
    return request


def _answer(value: object) -> bool:
    if value is None:
        raise ProtocolError("field_missing", "an answer is missing")
    check_uint("answer", value, high=1)
    return value == 1


def _flags(request: BillingRequest) -> int:
    results = (1 + request.key_matches) | (1 + request.files_match) << 2
    return results | _COUNTED * request.is_counted | _CONSENTED * request.is_consented


def _result(bits: int) -> bool:
    found = _RESULTS.get(bits & 3)
    if found is None:
        raise ProtocolError("field_missing", "a result is missing")
    return found
