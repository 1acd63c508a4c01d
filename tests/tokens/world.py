"""A small platform and host, made of protocol objects, for the tests of the token simulator."""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

import qrcode
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import cose, qrtext
from protocol.bundle import Bundle, Context
from protocol.cose import Typ
from protocol.digests import link_digest
from protocol.ed25519 import SigningKey
from protocol.enrolment import Invitation, Secrets, Transcript, Vouchers, derive
from protocol.keys import Directory, KeyCertificate, Purpose, ServerCertificate, day_of
from protocol.provisioning import Provision
from protocol.qrtext import Link
from protocol.statement import Demand, Kind, Party, Platform, Sight, Statement
from tokens.enrolment import Enrolment, HostAnswer
from tokens.simulator import SimulatedToken
from tokens.suites import parse_suite

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
TODAY = day_of(SECONDS)
DEFAULT_SUITE = "OCRA-1:HOTP-SHA256-8:QH64-T1M"
COUNTER_SUITE = "OCRA-1:HOTP-SHA256-8:C-QH64"
TICKET = b"\x07" * 16
V = b"\x05" * 32

PARTY = Party(account="A-1", remark="for the garden", name="Ada")
PAYMENT = Demand(
    kind=Kind.PAYMENT, amount=1250, currency="EUR", payee_account="DE89370400440532013000"
)


def certificate(key: SigningKey, root: SigningKey, purpose: Purpose, subject: str) -> bytes:
    """Certify a key from yesterday until tomorrow."""
    return KeyCertificate(key.public, purpose, subject, TODAY - 1, TODAY + 1).sign(root)


class FakePlatform:
    """Signs statements and directories."""

    def __init__(self, origin: str = "https://platform.example") -> None:
        self.info = Platform("cs-demo", "Countersign Demo", origin)
        self.root = SigningKey.generate()
        self.statement_key = SigningKey.generate()
        self.directory_key = SigningKey.generate()

    @property
    def statement_certificate(self) -> bytes:
        """The cs-key message of the statement key."""
        return certificate(self.statement_key, self.root, Purpose.STATEMENT, self.info.id)

    def statement(self, token: SimulatedToken, **changes: Any) -> Statement:
        """A payment addressed to this token, but for the changes."""
        fields: dict[str, Any] = {
            "platform": self.info,
            "tx": b"\x01" * 8,
            "pos": 0,
            "prev": None,
            "party": PARTY,
            "demand": PAYMENT,
            "serial": token.serial,
            "vk": token.vk,
            "sight": token.sight,
            "nonce": b"\x02" * 12,
            "issued": SECONDS,
            "ttl": 180,
        }
        return Statement(**{**fields, **changes})

    def challenge(
        self,
        statement: Statement,
        context: Iterable[Statement] = (),
        anchor: bytes | None = None,
        key: SigningKey | None = None,
    ) -> str:
        """The text of the challenge QR."""
        message = cose.sign(key or self.statement_key, Typ.STATEMENT, statement.payload())
        steps = tuple(Context.of(step, V) for step in context)
        content = Bundle(message, anchor, steps).encode()
        return qrtext.encode(self.info.origin, Link.BUNDLE, content)

    def chain(self, token: SimulatedToken, length: int, **changes: Any) -> list[Statement]:
        """Statements linked one to the next, all for this token."""
        steps: list[Statement] = []
        for pos in range(length):
            prev = link_digest(steps[-1].digest, V) if steps else None
            party = replace(PARTY, remark=f"remark {pos + 1}")
            steps.append(self.statement(token, pos=pos, prev=prev, party=party, **changes))
        return steps

    def directory(self, issued: int = SECONDS, *, id: str = "", **changes: Any) -> bytes:  # noqa: A002
        """The signed directory of keys, without hosts."""
        info = replace(self.info, id=id) if id else self.info
        keys = {Purpose.STATEMENT: self.statement_key, Purpose.DIRECTORY: self.directory_key}
        fields: dict[str, Any] = {
            "platform": info,
            "number": issued,
            "issued": issued,
            "root": self.root.public,
            "certificates": tuple(
                certificate(key, self.root, purpose, info.id) for purpose, key in keys.items()
            ),
            "ended": (),
            "hosts": (),
        }
        return Directory(**{**fields, **changes}).sign(self.directory_key)


@dataclass
class Pairing:
    """What the host knows of one token."""

    answer: HostAnswer
    secrets: Secrets


class FakeHost:
    """Enrols tokens for one platform."""

    def __init__(
        self, platform: FakePlatform, origin: str = "https://host.example", serial: str = "T-0001"
    ) -> None:
        self.platform = platform
        self.origin = origin
        self.serial = serial
        self.suite = DEFAULT_SUITE
        self.root = SigningKey.generate()
        self.key = SigningKey.generate()
        self.server = SigningKey.generate()
        self.share = X25519PrivateKey.generate()

    @property
    def invitation(self) -> Invitation:
        """What the enrolment QR holds."""
        fingerprint = hashlib.sha256(self.root.public).digest()[:16]
        return Invitation(self.origin, fingerprint, TICKET)

    def transcript(self, share: bytes, **changes: Any) -> Transcript:
        """The transcript for a token's share, but for the changes."""
        fields: dict[str, Any] = {
            "platform_root": hashlib.sha256(self.platform.root.public).digest(),
            "platform_id": self.platform.info.id,
            "platform_origin": self.platform.info.origin,
            "vk": self.server.kid,
            "serial": self.serial,
            "suite": self.suite,
            "sight": Sight(parse_suite(self.suite).sight),
            "token_share": share,
            "host_share": self.share.public_key().public_bytes_raw(),
            "ticket_hash": hashlib.sha256(TICKET).digest(),
        }
        return Transcript(**{**fields, **changes})

    def pair(self, share: bytes, **changes: Any) -> Pairing:
        """Answer a token's share; changes are to the transcript."""
        payload = self.transcript(share, **changes).payload()
        secrets = derive(private=self.share, peer=share, ticket=TICKET, transcript=payload)
        certified = ServerCertificate(self.server.public, self.serial, TODAY, TODAY + 365)
        answer = HostAnswer(
            enrol=cose.sign(self.key, Typ.ENROL, payload),
            host_root=self.root.public,
            host_certificate=certificate(self.key, self.root, Purpose.HOST, "host"),
            platform_root=self.platform.root.public,
            platform_certificate=self.platform.statement_certificate,
            server_certificate=certified.sign(self.key),
            confirmation=secrets.confirmation,
        )
        return Pairing(answer, secrets)

    def provision(self, **changes: Any) -> Provision:
        """What the host shows to a token without a network; changes are to the transcript."""
        private = X25519PrivateKey.generate()
        answer = self.pair(private.public_key().public_bytes_raw(), **changes).answer
        vouchers = {field.name: getattr(answer, field.name) for field in fields(Vouchers)}
        return Provision(self.origin, private.private_bytes_raw(), TICKET, Vouchers(**vouchers))

    def enrol(self, suite: str = DEFAULT_SUITE) -> SimulatedToken:
        """Enrol a token from beginning to end."""
        self.suite = suite
        enrolment = Enrolment.begin(self.invitation, NOW)
        token, _ = enrolment.finish(self.pair(enrolment.share).answer, NOW)
        return token


def picture(text: str) -> bytes:
    """Draw a text as a QR code in PNG."""
    out = io.BytesIO()
    qrcode.make(text, error_correction=qrcode.ERROR_CORRECT_M).save(out, "PNG")
    return out.getvalue()
