"""Enrolment of an app token: the transcript, and what both sides derive (section 11)."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol import cbor, qrtext
from protocol.errors import ProtocolError
from protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    VERSION,
    check_bytes,
    check_enum,
    versioned,
)
from protocol.qrtext import Link
from protocol.statement import Sight
from protocol.text import check_ascii, check_origin

TICKET_BYTES = 16
FINGERPRINT_BYTES = 16
SEED_BYTES = 32
COMPARE_DIGITS = 8


def fingerprint_of(root: bytes) -> bytes:
    """Return the first 16 bytes of SHA-256 of a host's root key."""
    return hashlib.sha256(root).digest()[:FINGERPRINT_BYTES]


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an enrolment QR holds: ``[1, fingerprint, ticket]`` behind the host's origin.

    Attributes:
        origin: The host's origin.
        fingerprint: First 16 bytes of SHA-256 of the host root.
        ticket: 16 random bytes, good once, for ten minutes.
    """

    origin: str
    fingerprint: bytes
    ticket: bytes

    def __post_init__(self) -> None:
        check_origin("host origin", self.origin)
        check_bytes("fingerprint", self.fingerprint, FINGERPRINT_BYTES)
        check_bytes("ticket", self.ticket, TICKET_BYTES)

    def to_link(self) -> str:
        """Return the QR text."""
        content = cbor.encode([VERSION, self.fingerprint, self.ticket])
        return qrtext.encode(self.origin, Link.ENROLMENT, content)

    @classmethod
    def from_link(cls, text: str) -> Self:
        """Read the QR text; errors as :func:`protocol.qrtext.decode` or of the fields."""
        origin, content = qrtext.decode(text, Link.ENROLMENT)
        return cls(origin, *versioned("invitation", cbor.decode(content), 3))

    def __repr__(self) -> str:
        return f"Invitation({self.origin})"


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that both sides must agree on; the payload of ``cs-enrol``.

    Attributes:
        platform_root: SHA-256 of the platform's root key, 32 bytes.
        platform_id: Id of the platform the token will obey.
        platform_origin: Its origin.
        vk: The paired server, 8 bytes.
        serial: The token's serial.
        suite: Its suite, as text.
        sight: What its holder will see.
        token_share: The token's ephemeral X25519 key, 32 bytes.
        host_share: The host's, 32 bytes.
        ticket_hash: SHA-256 of the ticket.
    """

    platform_root: bytes
    platform_id: str
    platform_origin: str
    vk: bytes
    serial: str
    suite: str
    sight: Sight
    token_share: bytes
    host_share: bytes
    ticket_hash: bytes

    def __post_init__(self) -> None:
        check_bytes("platform_root", self.platform_root, DIGEST_BYTES)
        check_ascii("platform id", self.platform_id, 16)
        check_origin("platform origin", self.platform_origin)
        check_bytes("vk", self.vk, ID_BYTES)
        check_ascii("serial", self.serial, 16)
        check_ascii("suite", self.suite, 64)
        object.__setattr__(self, "sight", check_enum("sight", self.sight, Sight))
        for field in ("token_share", "host_share", "ticket_hash"):
            check_bytes(field, getattr(self, field), 32)

    def payload(self) -> bytes:
        """Return the bytes the host signs."""
        return cbor.encode(
            [
                VERSION,
                self.platform_root,
                self.platform_id,
                self.platform_origin,
                self.vk,
                self.serial,
                self.suite,
                int(self.sight),
                self.token_share,
                self.host_share,
                self.ticket_hash,
            ]
        )

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Read the payload, strictly; errors as the constructor."""
        return cls(*versioned("enrolment", cbor.decode(payload), 11))


@dataclass(frozen=True, slots=True, repr=False)
class Vouchers:
    """The messages by which a token knows host, platform and paired server; nothing is checked.

    Attributes:
        enrol: The transcript, signed by the host key (typ cs-enrol).
        host_root: The host's root key.
        host_certificate: ``cs-key`` of the host key, by that root.
        platform_root: The platform's root key.
        platform_certificate: ``cs-key`` of the platform's statement key, by that root.
        server_certificate: ``cs-server`` of the paired server, by the host key.
    """

    enrol: bytes
    host_root: bytes
    host_certificate: bytes
    platform_root: bytes
    platform_certificate: bytes
    server_certificate: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What both sides derive and neither sends.

    Attributes:
        seed: The token's seed, 32 bytes.
        post_key: K_post: the token tags the responses it posts itself, 32 bytes.
        confirmation: MAC by which the host shows that it derived the same, 32 bytes.
        digits: Eight digits the holder compares on both displays.
    """

    seed: bytes
    post_key: bytes
    confirmation: bytes
    digits: str


def derive(*, private: X25519PrivateKey, peer: bytes, ticket: bytes, transcript: bytes) -> Secrets:
    """Derive the seed and its companions.

    seed = HKDF-SHA256(X25519, salt = SHA-256(ticket), info = "countersign/seed/1" ‖
    SHA-256(transcript)); the others with ``post`` and ``confirm`` in place of ``seed``.

    Raises:
        ProtocolError: ``key_invalid`` when the shared secret is all zero (RFC 7748 section 6.1).
    """
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(peer))
    except ValueError as error:
        raise ProtocolError("key_invalid", "the other side's key is of small order") from error

    def output(name: str) -> bytes:
        info = f"countersign/{name}/1".encode() + hashlib.sha256(transcript).digest()
        salt = hashlib.sha256(ticket).digest()
        return HKDF(SHA256(), SEED_BYTES, salt=salt, info=info).derive(shared)

    confirm_key = output("confirm")
    number = int.from_bytes(hashlib.sha256(transcript + confirm_key).digest())
    return Secrets(
        seed=output("seed"),
        post_key=output("post"),
        confirmation=hmac.digest(confirm_key, b"host" + transcript, "sha256"),
        digits=str(number % 10**COMPARE_DIGITS).zfill(COMPARE_DIGITS),
    )


def post_tag(post_key: bytes, s: bytes, answer: str) -> bytes:
    """Return the tag with which a token posts an answer itself: HMAC-SHA-256(K_post, S ‖ answer).

    ``answer`` is the response's digits, or ``decline`` and the reason: digits never begin so.
    """
    # A lone surrogate, which has no UTF-8, gets a tag that fits nothing a token sends.
    return hmac.digest(post_key, s + answer.encode(errors="surrogatepass"), "sha256")
