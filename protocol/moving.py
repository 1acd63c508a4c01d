"""How a paired server goes from one host to another: offer, move, package (section 14)."""

import hashlib
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol import cbor, cose, hpke
from protocol.cose import Sign1, Typ
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    MAX_TIME,
    VERSION,
    check_bytes,
    check_uint,
    versioned,
)
from protocol.keys import KeyCertificate, Purpose, open_certificate
from protocol.text import check_ascii, check_origin

# Room for 20,000 verdicts with all that belongs to them; more than that no host takes in.
MAX_PACKAGE_BYTES = 12 * 1024 * 1024
SHARE_BYTES = 32
_DOMAIN = b"countersign/move/1"


def transfer_key(host_key: SigningKey) -> X25519PrivateKey:
    """Return the key by which packages for a host are opened.

    It is derived from the host key, so there is no further secret to keep, and a package opens as
    long as the host has the key it was sealed to, retired or not.
    """
    derived = HKDF(SHA256(), SHARE_BYTES, salt=None, info=_DOMAIN).derive(host_key.to_bytes())
    return X25519PrivateKey.from_private_bytes(derived)


@dataclass(frozen=True, slots=True)
class Offer:
    """A host's word that it will take a server: ``[1, host, platform, vk, number, share, until]``.

    Attributes:
        host: Its origin.
        platform: Id of the platform whose server it is.
        vk: The server, 8 bytes.
        number: How often the server has moved, as far as the host knows.
        share: Public half of its :func:`transfer_key`, 32 bytes.
        until: Unix seconds; the server must have left its host by then.
    """

    host: str
    platform: str
    vk: bytes
    number: int
    share: bytes
    until: int

    def __post_init__(self) -> None:
        check_origin("host", self.host)
        check_ascii("platform id", self.platform, 16)
        check_bytes("vk", self.vk, ID_BYTES)
        check_uint("number", self.number)
        check_bytes("share", self.share, SHARE_BYTES)
        check_uint("until", self.until, high=MAX_TIME)

    def sign(self, host_key: SigningKey) -> bytes:
        """Return the offer as COSE_Sign1, typ cs-offer."""
        fields = [self.host, self.platform, self.vk, self.number, self.share, self.until]
        return cose.sign(host_key, Typ.OFFER, cbor.encode([VERSION, *fields]))

    @classmethod
    def from_signed(cls, signed: Sign1) -> Self:
        """Read an offer whose signature is still to be checked.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        cose.require_typ(signed, Typ.OFFER)
        return cls(*versioned("offer", cbor.decode(signed.payload), 7))


@dataclass(frozen=True, slots=True)
class Move:
    """Which server goes from where to where; sealed content is bound to every part of it.

    Attributes:
        source: Origin of the host that gives the server away.
        target: Origin of the host that takes it.
        platform: Id of the platform whose server it is.
        vk: The server, 8 bytes.
        number: How often the server has moved, this time included; it never falls.
        share: The target's key it is sealed to, 32 bytes.
        at: When, Unix seconds.
    """

    source: str
    target: str
    platform: str
    vk: bytes
    number: int
    share: bytes
    at: int

    def __post_init__(self) -> None:
        check_origin("source", self.source)
        check_origin("target", self.target)
        check_ascii("platform id", self.platform, 16)
        check_bytes("vk", self.vk, ID_BYTES)
        check_uint("number", self.number, low=1)
        check_bytes("share", self.share, SHARE_BYTES)
        check_uint("at", self.at, high=MAX_TIME)

    def pack(self, content: bytes, *, host_key: SigningKey, certificate: bytes) -> bytes:
        """Return the package: content sealed to the target, and signed by the source.

        Args:
            content: The secret to carry.
            host_key: The source's.
            certificate: COSE cs-key of that key.

        Raises:
            ProtocolError: ``key_invalid`` for a share that is no key; ``too_large``.

        Source:
            RFC 9180, base mode, X25519, HKDF-SHA-256, AES-256-GCM; docs/protocol.md section 14.
        """
        sealed = hpke.seal(content, self.share, self._context())
        digest = hashlib.sha256(sealed).digest()
        signed = cose.sign(host_key, Typ.MOVE, cbor.encode([VERSION, *self._fields(), digest]))
        package = cbor.encode([VERSION, signed, certificate, sealed])
        cbor.check_size(package, MAX_PACKAGE_BYTES)
        return package

    def open(self, sealed: bytes, key: X25519PrivateKey) -> bytes:
        """Return the content.

        Raises:
            ProtocolError: ``sealed_invalid`` when it was sealed to another key, or for another
                move than this.
        """
        return hpke.unseal(sealed, key, self._context())

    def _context(self) -> bytes:
        # Whoever put a signature of its own on a sealed content of another would change this.
        return _DOMAIN + b"\x00" + cbor.encode(self._fields())

    def _fields(self) -> list[object]:
        return [
            *(self.source, self.target, self.platform, self.vk),
            *(self.number, self.share, self.at),
        ]


@dataclass(frozen=True, slots=True, repr=False)
class Package:
    """A server on its way: ``[1, cs-move message, cs-key certificate, sealed]``.

    Attributes:
        move: What the source says of it; nothing is proved before :meth:`check`.
        sealed: The content, for the target alone.
    """

    move: Move
    sealed: bytes
    _signed: Sign1
    _certificate: bytes
    _digest: bytes

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Take a package apart.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        message, certificate, sealed = versioned(
            "package", cbor.decode(data, max_bytes=MAX_PACKAGE_BYTES), 4
        )
        if not all(type(part) is bytes for part in (message, certificate, sealed)):
            raise ProtocolError("type_wrong", "a package holds two messages and sealed bytes")
        signed = cose.parse(message)
        cose.require_typ(signed, Typ.MOVE)
        *fields, digest = versioned("move", cbor.decode(signed.payload), 9)
        check_bytes("digest", digest, DIGEST_BYTES)
        return cls(Move(*fields), sealed, signed, certificate, digest)

    def check(self, root: bytes) -> None:
        """Make sure that a host key of this root signed the package, and just these bytes.

        Raises:
            ProtocolError: ``signature_invalid``, or as :func:`host_key`.
        """
        key = host_key(self._certificate, root, self.move.at)
        is_whole = hashlib.sha256(self.sealed).digest() == self._digest
        if not is_whole or not self._signed.is_signed_by(key.key):
            raise ProtocolError("signature_invalid", "the package is not the source's")


def host_key(certificate: bytes, root: bytes, at: int) -> KeyCertificate:
    """Return the host key that a certificate of this root names, if it was valid then.

    Raises:
        ProtocolError: ``certificate_wrong``, or as :meth:`KeyCertificate.open`.
    """
    opened = open_certificate(certificate, root)
    if opened.purpose is not Purpose.HOST or not opened.covers(at):
        raise ProtocolError("certificate_wrong", "it is no certificate of a host key of that day")
    return opened
