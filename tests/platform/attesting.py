"""Makers of these tests' own, whose services answer in the form of the real ones."""

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs
from uuid import UUID

import cbor2
import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from billing.packages.services.attestation.base import Evidence, Identity
from protocol.jwk import to_base64

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DIGEST = hashlib.sha256(b"what the evidence is bound to").digest()
ANDROID, CERTIFICATE = "com.example.chess", to_base64(hashlib.sha256(b"certificate").digest())
BUNDLE, TEAM, NUMBER = "com.example.chess", "ABCDE12345", 123456789
APP = Identity(
    android_package=ANDROID,
    android_certificates=frozenset({CERTIFICATE}),
    apple_app_id=f"{TEAM}.{BUNDLE}",
    apple_number=NUMBER,
    products={7: "coins.100"},
)
# The same as a setting.
SAID = {
    "android_package": ANDROID,
    "android_certificates": [CERTIFICATE],
    "apple_app_id": f"{TEAM}.{BUNDLE}",
    "apple_number": NUMBER,
    "products": {"7": "coins.100"},
}

Extensions = dict[str, bytes]


@dataclass
class Authority:
    """A root, an authority under it, and the certificates that it makes."""

    marker: str = ""
    root_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP384R1())
    )
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP384R1())
    )

    def __post_init__(self) -> None:
        self.root = self._sign(self.root_key, "Root", {}, is_authority=True, by=self.root_key)
        marks = {self.marker: b"\x05\x00"} if self.marker else {}
        self.middle = self._sign(self.key, "CA 1", marks, is_authority=True, by=self.root_key)

    @property
    def pem(self) -> str:
        return self.root.public_bytes(Encoding.PEM).decode()

    def chain(
        self, key: ec.EllipticCurvePrivateKey, extensions: Extensions, *, days: int = 3650
    ) -> list[bytes]:
        """Certify a key; return its certificate and that of the authority."""
        leaf = self._sign(key, "Leaf", extensions, by=self.key, days=days)
        return [certificate.public_bytes(Encoding.DER) for certificate in (leaf, self.middle)]

    def _sign(
        self,
        key: ec.EllipticCurvePrivateKey,
        name: str,
        extensions: Extensions,
        *,
        by: ec.EllipticCurvePrivateKey,
        is_authority: bool = False,
        days: int = 3650,
    ) -> x509.Certificate:
        is_root = by is key
        issuer = "CA 1" if by is self.key and not is_root else "Root"
        start = NOON - timedelta(days=10)
        usage = dict.fromkeys(_USAGES, False) | (
            {"key_cert_sign": True, "crl_sign": True}
            if is_authority
            else {"digital_signature": True}
        )
        depth = None if is_root or not is_authority else 0
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
            .add_extension(x509.BasicConstraints(is_authority, depth), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(own, critical=False)
        )
        if not is_root:
            issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
            builder = builder.add_extension(issued_by, critical=False)
            builder = builder.add_extension(_OCSP, critical=False)
        for oid, value in extensions.items():
            unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
            builder = builder.add_extension(unknown, critical=False)
        return builder.sign(by, SHA256())


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


_OCSP = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP,
            x509.UniformResourceIdentifier("http://ocsp.example.com/"),
        )
    ]
)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass
class ApplePhone:
    """A phone whose key Apple's service attests: what ``DCAppAttestService`` returns."""

    apple: Authority = field(default_factory=Authority)
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    counter: int = 0

    @property
    def key_id(self) -> bytes:
        """SHA-256 of the public key as a point."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return hashlib.sha256(point).digest()

    def attest(self, digest: bytes = DIGEST, **changes: Any) -> Evidence:
        """Attest the key; ``changes`` are faults."""
        data = changes.get("data") or self.auth_data(changes)
        nonce = hashlib.sha256(data + digest).digest()
        extension = bytes.fromhex("3024a1220420") + nonce
        extensions = changes.get("extensions", {"1.2.840.113635.100.8.2": extension})
        chain = self.apple.chain(self.key, extensions, days=changes.get("days", 3650))
        whole = {
            "fmt": changes.get("fmt", "apple-appattest"),
            "attStmt": {"x5c": changes.get("x5c", chain), "receipt": b"0\x80"},
            "authData": data,
        }
        return self.evidence(cbor2.dumps(whole) + changes.get("after", b""), **changes)

    def auth_data(self, changes: dict[str, Any]) -> bytes:
        """Authenticator data of an attestation."""
        numbers, size = self.key.public_key().public_numbers(), self.key.key_size // 8
        cose = {
            1: 2,
            3: -7,
            -1: 1,
            -2: numbers.x.to_bytes(size, "big"),
            -3: numbers.y.to_bytes(size, "big"),
        }
        credential: bytes = changes.get("credential", self.key_id)
        aaguid: bytes = changes.get("aaguid", b"appattest" + bytes(7))
        return (
            self._head(changes, 0x40, changes.get("counter", 0))
            + aaguid
            + struct.pack(">H", len(credential))
            + credential
            + cbor2.dumps(cose)
            + _extensions(changes)
        )

    def sign(self, digest: bytes = DIGEST, **changes: Any) -> Evidence:
        """Assert: sign a nonce, and count."""
        self.counter += 1
        counter = changes.get("counter", self.counter)
        data = self._head(changes, 0, counter) + _extensions(changes)
        nonce = hashlib.sha256(data + digest).digest()
        signature = changes.get("key", self.key).sign(nonce, ec.ECDSA(SHA256()))
        whole = {"signature": signature, "authenticatorData": data}
        return self.evidence(cbor2.dumps(whole), **changes)

    def evidence(self, raw: bytes, **changes: Any) -> Evidence:
        """What the app sends."""
        key_id = changes.get("key_id", self.key_id)
        return Evidence(to_base64(raw), base64.b64encode(key_id).decode())

    @staticmethod
    def _head(changes: dict[str, Any], flags: int, counter: int) -> bytes:
        app = changes.get("app", APP.apple_app_id)
        flags |= 0x80 if "category" in changes else 0
        return hashlib.sha256(app.encode()).digest() + struct.pack(">BI", flags, counter)


def _extensions(changes: dict[str, Any]) -> bytes:
    if "category" not in changes:
        return b""
    category = changes["category"]
    said = category.to_bytes(4, "little") if isinstance(category, int) else category
    return cbor2.dumps({"apple_validation_category_01": said, "apple_bundle_version_01": "1"})


@dataclass
class AppStore:
    """Signs transactions as the App Store does."""

    apple: Authority = field(default_factory=lambda: Authority("1.2.840.113635.100.6.2.1"))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def sell(self, digest: bytes = DIGEST, **changes: Any) -> Evidence:
        """Sign a transaction; what is ``None`` is left out."""
        said = {
            "transactionId": "2000000123456789",
            "originalTransactionId": "2000000123456789",
            "bundleId": BUNDLE,
            "productId": "coins.100",
            "purchaseDate": _milliseconds(NOON),
            "originalPurchaseDate": _milliseconds(NOON),
            "quantity": 1,
            "type": "Consumable",
            "appAccountToken": str(UUID(bytes=digest[:16])),
            "inAppOwnershipType": "PURCHASED",
            "signedDate": _milliseconds(NOON),
            "environment": "Production",
            "transactionReason": "PURCHASE",
            "storefront": "DEU",
            "storefrontId": "143443",
            "price": 5000,
            "currency": "EUR",
            **changes,
        }
        claims = {name: value for name, value in said.items() if value is not None}
        return Evidence(self.sign(claims))

    def sign(self, claims: dict[str, Any]) -> str:
        """Sign, with the chain in the header."""
        chain = self.apple.chain(self.key, {"1.2.840.113635.100.6.11.1": b"\x05\x00"})
        x5c = [*chain, self.apple.root.public_bytes(Encoding.DER)]
        header = {"x5c": [base64.b64encode(der).decode() for der in x5c]}
        return jwt.encode(claims, self.key, "ES256", headers=header)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@cache
def service_key() -> rsa.RSAPrivateKey:
    """The key of a service account; one for all tests, since it takes a while to draw."""
    return rsa.generate_private_key(65537, 2048)


class Google(BaseHTTPRequestHandler):
    """Google's token endpoint and Play Integrity, which say what the test wants."""

    verdict: ClassVar[dict[str, Any]] = {}
    statuses: ClassVar[dict[str, int]] = {}
    raw: ClassVar[bytes | None] = None
    asked: ClassVar[list[tuple[str, str | None, Any]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/token":
            said: Any = {name: value for name, (value,) in parse_qs(body).items()}
            answer: Any = {"access_token": "a-token", "expires_in": 3599, "token_type": "Bearer"}
        else:
            said = json.loads(body)
            answer = {"tokenPayloadExternal": self.verdict}
        self.asked.append((self.path, self.headers["Authorization"], said))
        self._answer(self.statuses.get(self.path, 200), json.dumps(answer).encode())

    def _answer(self, status: int, body: bytes) -> None:
        body = body if self.raw is None else self.raw
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@dataclass
class GoogleStandIn:
    """Where the stand-in listens, and who may ask it."""

    url: str

    @property
    def account(self) -> str:
        """As Google hands out a service account."""
        pem = service_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        said = {
            "type": "service_account",
            "client_email": "billing@example.iam.gserviceaccount.com",
            "private_key_id": "1",
            "private_key": pem.decode(),
            "token_uri": f"{self.url}/token",
        }
        return json.dumps(said)


@contextmanager
def google() -> Iterator[GoogleStandIn]:
    """Serve the stand-in."""
    Google.asked.clear()
    Google.statuses.clear()
    Google.raw, Google.verdict = None, verdict()
    with HTTPServer(("127.0.0.1", 0), Google) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield GoogleStandIn(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


def verdict(digest: bytes = DIGEST, *, at: datetime = NOON) -> dict[str, Any]:
    """What Google says of a good device."""
    return {
        "requestDetails": {
            "requestPackageName": ANDROID,
            "timestampMillis": str(_milliseconds(at)),
            "nonce": to_base64(digest),
        },
        "appIntegrity": {
            "appRecognitionVerdict": "PLAY_RECOGNIZED",
            "packageName": ANDROID,
            "certificateSha256Digest": [CERTIFICATE],
            "versionCode": "42",
        },
        "deviceIntegrity": {"deviceRecognitionVerdict": ["MEETS_DEVICE_INTEGRITY"]},
        "accountDetails": {"appLicensingVerdict": "LICENSED"},
    }
