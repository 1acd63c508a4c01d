"""Proof that a request comes from who holds a key (RFC 9449), its body included."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from binding.errors import DeviceProofInvalidError
from protocol.errors import ProtocolError
from protocol.jwk import from_jwk, thumbprint, to_base64

HEADER = "DPoP"
LEEWAY = timedelta(seconds=60)
_TYP = "dpop+jwt"
_ALG = "EdDSA"
_MAX_CHARACTERS = 2000
# 16 random bytes in base64url; more than that is nobody's need.
_MIN_JTI, _MAX_JTI = 22, 100
_CLAIMS = ["jti", "htm", "htu", "iat", "bdh"]


@dataclass(frozen=True, slots=True)
class Proof:
    """Who made a request, proved; whether it was made before is for the database to say.

    Attributes:
        key: Ed25519, 32 bytes.
        jti: SHA-256 of the proof's id.
    """

    key: bytes
    jti: bytes

    @property
    def thumbprint(self) -> bytes:
        """RFC 7638, of the key: 32 bytes."""
        return thumbprint(self.key)


def open_proof(token: str, *, method: str, url: str, body: bytes, now: datetime) -> Proof:
    """Check a proof against the request that came with it.

    Args:
        token: The header ``DPoP``: a JWT with its key in its own header.
        method: Of the request.
        url: Its address, without a query.
        body: As it came.
        now: Timezone-aware; a proof lives from a minute before to a minute after its ``iat``.

    Raises:
        DeviceProofInvalidError: whatever is wrong with it.

    Source:
        RFC 9449 section 4.3, without an access token and without a nonce of the server's.
        ``bdh``, the SHA-256 of the body, is ours: the RFC leaves the body out.
    """
    # Each number is that of the RFC's check.
    if not token.isascii() or len(token) > _MAX_CHARACTERS:
        raise DeviceProofInvalidError
    try:
        key = _key(jwt.get_unverified_header(token))  # 2, 4, 5, 7
        claims = jwt.decode(  # 3, 6
            token,
            Ed25519PublicKey.from_public_bytes(key),
            algorithms=[_ALG],
            options={"require": _CLAIMS, "verify_iat": False, "verify_exp": False},
        )
    except (jwt.PyJWTError, ProtocolError, ValueError, RecursionError) as error:
        raise DeviceProofInvalidError from error
    expected = {  # 8, 9
        "htm": method,
        "htu": url,
        "bdh": to_base64(hashlib.sha256(body).digest()),
    }
    are_equal = [_are_equal(claims[name], value) for name, value in expected.items()]
    if not all(are_equal) or not _is_fresh(claims["iat"], now):  # 11
        raise DeviceProofInvalidError
    return Proof(key, _id(claims["jti"]))


def _key(header: dict[str, Any]) -> bytes:
    if header.keys() != {"typ", "alg", "jwk"} or header["typ"] != _TYP or header["alg"] != _ALG:
        raise DeviceProofInvalidError
    return from_jwk(header["jwk"])


def _are_equal(claim: object, value: str) -> bool:
    return isinstance(claim, str) and hmac.compare_digest(
        claim.encode(errors="surrogatepass"), value.encode()
    )


def _is_fresh(iat: object, now: datetime) -> bool:
    return type(iat) is int and abs(now.timestamp() - iat) <= LEEWAY.total_seconds()


def _id(jti: object) -> bytes:
    if not isinstance(jti, str) or not _MIN_JTI <= len(jti) <= _MAX_JTI:
        raise DeviceProofInvalidError
    return hashlib.sha256(jti.encode(errors="surrogatepass")).digest()
