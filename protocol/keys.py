"""Certificates, and the directory of keys a verifier holds (docs/protocol.md section 9)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

from protocol import cbor, cose, ed25519
from protocol.cose import Typ
from protocol.ed25519 import KEY_BYTES, SigningKey, key_id
from protocol.ended import Edition, EndedKey
from protocol.errors import ProtocolError
from protocol.fields import (
    ID_BYTES,
    MAX_DAY,
    MAX_TIME,
    VERSION,
    check_bytes,
    check_list,
    check_uint,
    check_word,
    versioned,
)
from protocol.statement import Platform
from protocol.text import check_ascii, check_origin, check_text

SECONDS_PER_DAY = 86400
MAX_DIRECTORY_BYTES = 60_000
# Of the platform in a directory, and of each host.
MAX_CERTIFICATES = 100
DIRECTORY_VERSION = 2


class Purpose(StrEnum):
    """What a certified key may sign, and nothing else."""

    STATEMENT = "statement"
    RECEIPT = "receipt"
    DIRECTORY = "directory"
    HOST = "host"
    BILLING = "billing"
    PERMIT = "permit"
    OFFLINE = "offline"
    LOG = "log"


def day_of(seconds: int) -> int:
    """Return the day a Unix time falls on, counted from 1970-01-01 (UTC)."""
    return seconds // SECONDS_PER_DAY


def begin_of(day: int) -> datetime:
    """Return when a day of certificates begins."""
    return datetime.fromtimestamp(day * SECONDS_PER_DAY, UTC)


@dataclass(frozen=True, slots=True)
class KeyCertificate:
    """A root's word for a key: ``[1, key, purpose, subject, from-day, to-day]``, typ cs-key.

    ``subject`` is the platform id, or the name of a host.
    """

    key: bytes
    purpose: Purpose
    subject: str
    from_day: int
    to_day: int

    def __post_init__(self) -> None:
        _check_key(self.key)
        check_text("subject", self.subject, 20)
        _check_days(self.from_day, self.to_day)

    def covers(self, seconds: int) -> bool:
        """Whether a Unix time lies within the days of this certificate."""
        return self.from_day <= day_of(seconds) <= self.to_day

    def sign(self, root: SigningKey) -> bytes:
        """Return the certificate as COSE_Sign1."""
        return cose.sign(
            root,
            Typ.KEY,
            cbor.encode(
                [VERSION, self.key, str(self.purpose), self.subject, self.from_day, self.to_day]
            ),
        )

    @classmethod
    def open(cls, message: bytes, *, root: bytes) -> Self:
        """Read a certificate signed by this root.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        payload = cose.open_signed(message, typ=Typ.KEY, key=root)
        key, purpose, subject, from_day, to_day = versioned("key", cbor.decode(payload), 6)
        return cls(key, check_word("purpose", purpose, Purpose), subject, from_day, to_day)


@lru_cache(maxsize=1024)
def open_certificate(message: bytes, root: bytes) -> KeyCertificate:
    """Do as :meth:`KeyCertificate.open`, once per certificate: they never change."""
    return KeyCertificate.open(message, root=root)


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A host's word for a paired server's key, typ cs-server."""

    key: bytes
    serial: str
    from_day: int
    to_day: int

    def __post_init__(self) -> None:
        _check_key(self.key)
        check_ascii("serial", self.serial, 16)
        _check_days(self.from_day, self.to_day)

    @property
    def vk(self) -> bytes:
        """The server id, 8 bytes."""
        return key_id(self.key)

    def payload(self) -> bytes:
        """Return the bytes the host signs: ``[1, vk, key, serial, from-day, to-day]``."""
        return cbor.encode([VERSION, self.vk, self.key, self.serial, self.from_day, self.to_day])

    def sign(self, host_key: SigningKey) -> bytes:
        """Return the certificate as COSE_Sign1."""
        return cose.sign(host_key, Typ.SERVER, self.payload())

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Read the payload; its ``vk`` must belong to its key.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        vk, *fields = versioned("server certificate", cbor.decode(payload), 6)
        check_bytes("vk", vk, ID_BYTES)
        certificate = cls(*fields)
        if certificate.vk != vk:
            raise ProtocolError("value_out_of_range", "vk does not belong to the key", "vk")
        return certificate


@dataclass(frozen=True, slots=True)
class Host:
    """One host as the directory lists it, its certificates already checked.

    Attributes:
        number: What receipts call it.
        name: At most 20 bytes.
        origin: Its address.
        root: Its root key, 32 bytes.
        certificates: ``cs-key`` messages for its host keys, signed by ``root``.
    """

    number: int
    name: str
    origin: str
    root: bytes
    certificates: tuple[bytes, ...]

    def __post_init__(self) -> None:
        check_uint("host number", self.number)
        check_text("host name", self.name, 20)
        check_origin("host origin", self.origin)
        _check_key(self.root)

    def host_keys(self) -> list[KeyCertificate]:
        """Return the host keys; errors as :meth:`KeyCertificate.open`."""
        return [
            certificate
            for message in self.certificates
            if (certificate := open_certificate(message, self.root)).purpose is Purpose.HOST
            and certificate.subject == self.name
        ]

    def to_cbor(self) -> list[Any]:
        """Return the array that stands in the directory."""
        return [self.number, self.name, self.origin, self.root, list(self.certificates)]


@dataclass(frozen=True, slots=True)
class Directory:
    """The keys a verifier holds, typ cs-directory.

    ``[2, platform, number, issued, root, [* cs-key], [* ended], [* host]]``.  Only platform and
    host keys; a paired server's key comes with its certificate.

    Attributes:
        number: Rises with each that the platform signs, and is never given twice.
        issued: Unix seconds.
        root: The platform's, 32 bytes.
        certificates: ``cs-key`` messages for the platform's keys, signed by ``root``.
        ended: Keys of the platform and of hosts that ended before their last day, by kid.
        signed_by: The kid of the key that signed it, of one that was read.
    """

    platform: Platform
    number: int
    issued: int
    root: bytes
    certificates: tuple[bytes, ...]
    ended: tuple[EndedKey, ...]
    hosts: tuple[Host, ...]
    signed_by: bytes = field(default=b"", compare=False)

    def __post_init__(self) -> None:
        check_uint("number", self.number)
        check_uint("issued", self.issued, high=MAX_TIME)
        _check_key(self.root)
        kids = [key.kid for key in self.ended]
        if kids != sorted(set(kids)):
            raise ProtocolError("value_out_of_range", "ended keys are not in order", "ended")
        if len({host.number for host in self.hosts}) != len(self.hosts):
            raise ProtocolError("value_out_of_range", "two hosts have one number", "hosts")

    @property
    def edition(self) -> Edition:
        """What a reader without room for all of it remembers."""
        return Edition(self.number, self.issued, self.ended)

    def keys(self, purpose: Purpose) -> list[KeyCertificate]:
        """Return the platform's keys of one purpose."""
        return [
            certificate
            for message in self.certificates
            if (certificate := open_certificate(message, self.root)).purpose is purpose
            and certificate.subject == self.platform.id
        ]

    def end_of(self, key: bytes) -> EndedKey | None:
        """Return how a key ended, or ``None`` when it did not before its last day."""
        kid = key_id(key)
        return next((ended for ended in self.ended if ended.kid == kid), None)

    def host(self, number: int) -> Host | None:
        """Return the host of that number, if listed."""
        return next((host for host in self.hosts if host.number == number), None)

    def check_successor(self, newer: "Directory") -> None:
        """Refuse another directory in the place of this one, unless it is the very same.

        Raises:
            ProtocolError: as :meth:`Edition.check_successor`; ``signature_invalid`` when it is
                of another platform or root.
        """
        if (newer.root, newer.platform.id) != (self.root, self.platform.id):
            raise ProtocolError("signature_invalid", "the directory has another root key")
        if newer == self:
            return
        if newer.number == self.number:
            raise ProtocolError("value_out_of_range", "two directories have one number")
        self.edition.check_successor(newer.edition, newer.signed_by)

    def payload(self) -> bytes:
        """Return the bytes the platform signs."""
        return cbor.encode(
            [
                DIRECTORY_VERSION,
                self.platform.to_cbor(),
                self.number,
                self.issued,
                self.root,
                list(self.certificates),
                [ended.to_cbor() for ended in self.ended],
                [host.to_cbor() for host in self.hosts],
            ]
        )

    def sign(self, key: SigningKey) -> bytes:
        """Return the directory as COSE_Sign1, typ cs-directory; ``too_large`` above 60 KB."""
        return cose.sign(key, Typ.DIRECTORY, self.payload(), max_bytes=MAX_DIRECTORY_BYTES)

    @classmethod
    def open(cls, message: bytes, *, root: bytes | None = None) -> Self:
        """Read a directory and check every certificate in it.

        Args:
            message: The COSE_Sign1 bytes, below 60 KB.
            root: The platform root the reader already trusts; ``None`` trusts the one inside,
                which is right only for a file obtained from someone the reader trusts.

        Raises:
            ProtocolError: whatever rule it breaks; ``signature_invalid`` when no directory key
                of this root signed it, or one that had ended.
        """
        signed = cose.parse(message, max_bytes=MAX_DIRECTORY_BYTES)
        cose.require_typ(signed, Typ.DIRECTORY)
        directory = cls._from_payload(signed.payload)
        if root is not None and directory.root != root:
            raise ProtocolError("signature_invalid", "the directory has another root key")
        current = [key for key in directory.keys(Purpose.DIRECTORY) if directory._may_sign(key)]
        signer = find_signer(signed, current)
        if signer is None:
            raise ProtocolError("signature_invalid", "the directory's signature is not valid")
        for host in directory.hosts:
            host.host_keys()
        return replace(directory, signed_by=key_id(signer.key))

    @classmethod
    def _from_payload(cls, payload: bytes) -> Self:
        platform, number, issued, root, certificates, ended, hosts = versioned(
            "directory",
            cbor.decode(payload, max_bytes=MAX_DIRECTORY_BYTES),
            8,
            version=DIRECTORY_VERSION,
        )
        return cls(
            Platform.from_cbor(platform),
            number,
            issued,
            root,
            _messages("certificates", certificates),
            tuple(map(EndedKey.from_cbor, check_list("ended", ended, 0, 1000))),
            tuple(_host(value) for value in check_list("hosts", hosts, 0, 1000)),
        )

    def _may_sign(self, key: KeyCertificate) -> bool:
        """Whether a directory key may have signed this; one that got out never may."""
        end = self.end_of(key.key)
        return key.covers(self.issued) and (
            end is None or (end.compromised_at is None and not end.is_retired(self.issued))
        )


def find_signer(
    signed: cose.Sign1, certificates: Iterable[KeyCertificate]
) -> KeyCertificate | None:
    """Return the certificate whose key made this signature, or ``None``."""
    return next((known for known in certificates if signed.is_signed_by(known.key)), None)


def root_fingerprint(root: bytes) -> str:
    """Return a root key's fingerprint for people: SHA-256 as groups of four hex digits."""
    digest = hashlib.sha256(root).hexdigest()
    return " ".join(digest[start : start + 4] for start in range(0, 32, 4))


def _check_key(key: object) -> None:
    check_bytes("key", key, KEY_BYTES)
    if not ed25519.is_usable_key(key):  # type: ignore[arg-type]  # checked above
        raise ProtocolError("key_invalid", "the key is of small order", "key")


def _check_days(from_day: object, to_day: object) -> None:
    check_uint("from_day", from_day, high=MAX_DAY)
    check_uint("to_day", to_day, high=MAX_DAY)
    if from_day > to_day:  # type: ignore[operator]  # both are integers by now
        raise ProtocolError("value_out_of_range", "the last day is before the first", "to_day")


def _messages(field: str, value: object) -> tuple[bytes, ...]:
    messages = check_list(field, value, 0, MAX_CERTIFICATES)
    if not all(type(message) is bytes for message in messages):
        raise ProtocolError("type_wrong", f"{field} must be signed messages", field)
    return tuple(messages)


def _host(value: object) -> Host:
    number, name, origin, root, certificates = check_list("host", value, 5)
    return Host(number, name, origin, root, _messages("host certificates", certificates))
