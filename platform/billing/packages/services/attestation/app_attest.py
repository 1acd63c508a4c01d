"""Apple App Attest: a key that Apple vouches for, and what that key signs afterwards.

The steps are Apple's, with its numbers: *Validating apps that connect to your server*,
https://developer.apple.com/documentation/devicecheck/validating-apps-that-connect-to-your-server,
and *Attestation Object Validation Guide*, …/devicecheck/attestation-object-validation-guide.
Authenticator data have the layout of W3C Web Authentication section 6.1.
"""

import base64
import hashlib
import hmac
import io
import struct
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.packages.errors import AttestationUnsupportedError
from billing.packages.services.attestation.base import (
    Attested,
    Evidence,
    Expected,
    KnownKey,
    NotVouchedError,
    takes_tests,
)
from protocol.cbor import NO_TAGS
from protocol.errors import ProtocolError
from protocol.jwk import from_base64

_FORMAT = "apple-appattest"
_NONCE = x509.ObjectIdentifier("1.2.840.113635.100.8.2")
# DER of SEQUENCE { [1] { OCTET STRING of 32 bytes } }, up to the bytes.
_NONCE_HEAD = bytes.fromhex("3024a1220420")
_AAGUID, _TEST_AAGUID = b"appattest" + bytes(7), b"appattestdevelop"
# How the app was signed, from iOS 27 on: 4 is the App Store, 2 TestFlight, 3 development.
_CATEGORY = "apple_validation_category_01"
_APP_STORE, _TESTS = 4, frozenset((2, 3))
# rpIdHash 32, flags 1, counter 4; then, in an attestation, aaguid 16, size 2, id, key.
_HEAD = struct.Struct(">32sBI")
_CREDENTIAL = struct.Struct(">16sH")
_MAX_BYTES = 32_768


@dataclass(frozen=True, slots=True)
class _AuthData:
    """Authenticator data; ``aaguid`` and ``credential`` are those of an attestation."""

    app: bytes
    counter: int
    aaguid: bytes
    credential: bytes
    category: int | None

    @classmethod
    def read(cls, data: bytes, *, is_attestation: bool) -> "_AuthData":
        """Read them; whatever follows the known parts is one map of extensions, or nothing."""
        rest = io.BytesIO(data)
        app, _, counter = _HEAD.unpack(rest.read(_HEAD.size))
        aaguid = credential = b""
        if is_attestation:
            aaguid, size = _CREDENTIAL.unpack(rest.read(_CREDENTIAL.size))
            credential = rest.read(size)
            # The same key as the certificate's, which is what counts.
            _next(rest)
        extensions = _next(rest) if rest.tell() < len(data) else {}
        if rest.tell() != len(data) or not isinstance(extensions, dict):
            raise NotVouchedError("form")
        return cls(app, counter, aaguid, credential, _category(extensions.get(_CATEGORY)))


class AppAttest:
    """Attestations of new keys, and assertions by keys that were attested before.

    Args:
        root: PEM of Apple's App Attestation Root CA.

    Raises:
        ImproperlyConfigured: it is none.
    """

    def __init__(self, root: str) -> None:
        try:
            self._store = Store(x509.load_pem_x509_certificates(root.encode()))
        except ValueError as error:
            raise ImproperlyConfigured("APP_ATTEST_ROOT is no certificate") from error

    def verify(self, evidence: Evidence, *, expected: Expected, now: datetime) -> Attested:
        """Check an attestation, or an assertion by the key that is known."""
        if not expected.app.apple_app_id:
            raise AttestationUnsupportedError
        try:
            key_id = base64.b64decode(evidence.key, validate=True)
            match _map(from_base64(evidence.text)):
                case {"fmt": str(form), "attStmt": dict(said), "authData": bytes(data)}:
                    return self._attestation(form, said, data, key_id, expected, now)
                case {"signature": bytes(signature), "authenticatorData": bytes(data)}:
                    return _assertion(signature, data, key_id, expected)
        except (ValueError, ProtocolError, struct.error, cbor2.CBORDecodeError) as error:
            raise NotVouchedError("form") from error
        raise NotVouchedError("form")

    def _attestation(
        self,
        form: str,
        said: dict[Any, Any],
        data: bytes,
        key_id: bytes,
        expected: Expected,
        now: datetime,
    ) -> Attested:
        if form != _FORMAT:
            raise NotVouchedError("format")
        # 1: the chain, to the one root.
        certificate = self._verified(said.get("x5c"), now)
        # 2 to 4: the nonce, which binds the data to our challenge.
        nonce = hashlib.sha256(data + expected.digest).digest()
        if not hmac.compare_digest(_nonce_of(certificate), nonce):
            raise NotVouchedError("nonce")
        # 5: the key's id is the hash of the key.
        key = _p256(certificate.public_key())
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        if hashlib.sha256(point).digest() != key_id:
            raise NotVouchedError("key_id")
        # 6 to 9: what the authenticator says.
        auth = _AuthData.read(data, is_attestation=True)
        _check_app(auth, expected)
        if auth.counter != 0:
            raise NotVouchedError("counter")
        if auth.aaguid != _AAGUID and not (takes_tests() and auth.aaguid == _TEST_AAGUID):
            raise NotVouchedError("environment")
        if auth.credential != key_id:
            raise NotVouchedError("credential")
        return Attested(
            key_id, key=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )

    def _verified(self, chain: object, now: datetime) -> x509.Certificate:
        """Return the first certificate of a chain that leads to the root."""
        if not isinstance(chain, list) or not chain or not all(type(c) is bytes for c in chain):
            raise NotVouchedError("chain")
        verifier = (
            PolicyBuilder()
            .store(self._store)
            .time(now)
            # Leaf, intermediate, root.
            .max_chain_depth(1)
            # Theirs are no certificates of web servers: they name nobody.
            .extension_policies(
                ca_policy=ExtensionPolicy.webpki_defaults_ca(),
                ee_policy=ExtensionPolicy.permit_all(),
            )
            .build_client_verifier()
        )
        try:
            leaf, *others = [x509.load_der_x509_certificate(der) for der in chain]
            verifier.verify(leaf, others)
        except (ValueError, VerificationError) as error:
            raise NotVouchedError("chain") from error
        return leaf


def app_attest() -> AppAttest:
    """Return the service as the settings have it.

    Raises:
        AttestationUnsupportedError: they name no root.
    """
    if not settings.APP_ATTEST_ROOT:
        raise AttestationUnsupportedError
    return _app_attest(settings.APP_ATTEST_ROOT)


@cache
def _app_attest(root: str) -> AppAttest:
    return AppAttest(root)


def _assertion(signature: bytes, data: bytes, key_id: bytes, expected: Expected) -> Attested:
    known = expected.key
    if known is None:
        raise NotVouchedError("key_unknown")
    # 1 to 3: the signature over the nonce.
    nonce = hashlib.sha256(data + expected.digest).digest()
    _check_signature(known, signature, nonce)
    # 4, 5: the app, and a counter that rises; 6, the challenge, is in the nonce.
    auth = _AuthData.read(data, is_attestation=False)
    _check_app(auth, expected)
    if auth.counter <= known.counter:
        raise NotVouchedError("counter")
    return Attested(key_id, counter=auth.counter)


def _check_signature(known: KnownKey, signature: bytes, nonce: bytes) -> None:
    key = _p256(load_der_public_key(known.public))
    try:
        key.verify(signature, nonce, ECDSA(SHA256()))
    except InvalidSignature as error:
        raise NotVouchedError("signature") from error


def _check_app(auth: _AuthData, expected: Expected) -> None:
    due = hashlib.sha256(expected.app.apple_app_id.encode()).digest()
    if not hmac.compare_digest(auth.app, due):
        raise NotVouchedError("app")
    # Older systems do not say how the app was signed.
    if auth.category in (None, _APP_STORE) or (takes_tests() and auth.category in _TESTS):
        return
    raise NotVouchedError("category")


def _category(said: object) -> int | None:
    if said is None:
        return None
    if not isinstance(said, bytes) or len(said) != 4:
        raise NotVouchedError("form")
    return int.from_bytes(said, "little")


def _nonce_of(certificate: x509.Certificate) -> bytes:
    try:
        value = certificate.extensions.get_extension_for_oid(_NONCE).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError) as error:
        raise NotVouchedError("nonce") from error
    raw = value.value if isinstance(value, x509.UnrecognizedExtension) else b""
    return raw.removeprefix(_NONCE_HEAD)


def _p256(key: object) -> EllipticCurvePublicKey:
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise NotVouchedError("key")
    return key


def _map(data: bytes) -> dict[Any, Any]:
    rest = io.BytesIO(data)
    # One value, and nothing after it that nobody looks at.
    if len(data) > _MAX_BYTES or not isinstance(value := _next(rest), dict):
        raise NotVouchedError("form")
    if rest.tell() != len(data):
        raise NotVouchedError("form")
    return value


def _next(rest: io.BytesIO) -> Any:
    """Read one value; :mod:`protocol.cbor` does not, since Apple's CBOR is not deterministic."""
    return cbor2.CBORDecoder(
        rest,
        max_depth=4,
        allow_indefinite=False,
        allow_duplicate_keys=False,
        semantic_decoders=NO_TAGS,
        # No more than is needed, so that the place after it is known.
        read_size=1,
    ).decode()
