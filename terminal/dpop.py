"""Proof that a request comes from who holds a key (RFC 9449), its body included."""

import hashlib
import secrets
from datetime import datetime

import jwt

from protocol.ed25519 import SigningKey
from protocol.jwk import to_base64, to_jwk

HEADER = "DPoP"
_TYP = "dpop+jwt"
_JTI_BYTES = 16


def make_proof(key: SigningKey, method: str, url: str, body: bytes, *, now: datetime) -> str:
    """Return a proof for one request: a JWT to be sent as the header ``DPoP``.

    Args:
        key: Who asks; its public half travels in the proof.
        method: Of the request, in capitals.
        url: Its address; a query is left out.
        body: Its body as it is sent, empty when there is none.
        now: Current time, timezone-aware.

    Source:
        RFC 9449 section 4.2, without an access token; ``bdh``, the SHA-256 of the body, is ours.
    """
    claims = {
        "jti": to_base64(secrets.token_bytes(_JTI_BYTES)),
        "htm": method,
        "htu": url.partition("?")[0],
        "iat": int(now.timestamp()),
        "bdh": to_base64(hashlib.sha256(body).digest()),
    }
    headers = {"typ": _TYP, "jwk": to_jwk(key.public)}
    return jwt.encode(claims, key.private, algorithm="EdDSA", headers=headers)
