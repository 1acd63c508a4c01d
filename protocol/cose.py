"""COSE_Sign1 (RFC 9052 section 4.2) with Ed25519, the only signature format of the project."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import cbor2

from protocol import cbor, ed25519
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError

# Ed25519 as its own algorithm (RFC 9864 section 2.2).
ALG_ED25519 = -19
_ALG, _KID, _TYP = 1, 4, 16
_TAG_18 = b"\xd2"


class Typ(StrEnum):
    """What a signed message is; one can never pass for another (RFC 9596)."""

    STATEMENT = "cs-statement"
    VERDICT = "cs-verdict"
    RECEIPT = "cs-receipt"
    REFUSAL = "cs-refusal"
    SERVER = "cs-server"
    KEY = "cs-key"
    DIRECTORY = "cs-directory"
    ENROL = "cs-enrol"
    OFFER = "cs-offer"
    MOVE = "cs-move"
    BILLING_VERDICT = "cs-billing-verdict"
    PERMIT = "cs-permit"
    CHIP_PROOF = "cs-chip-proof"
    MESSAGE = "cs-message"
    PACKAGE = "cs-package"
    CHARGE = "cs-charge"
    OFFLINE_APPLICATION = "cs-offline-application"
    OFFLINE_TBS = "cs-offline-tbs"
    OFFLINE_COUNTERSIGN = "cs-offline-countersign"
    OFFLINE_RESULT = "cs-offline-result"
    OFFLINE_CODE = "cs-offline-code"
    CHECKPOINT = "cs-checkpoint"
    COSIGNATURE = "cs-cosignature"


@dataclass(frozen=True, slots=True)
class Sign1:
    """A parsed message whose signature has **not** been checked."""

    typ: str
    kid: bytes
    payload: bytes
    signature: bytes

    def is_signed_by(self, public_key: bytes) -> bool:
        """Check the signature, and that ``kid`` names this key."""
        protected = _protected(self.typ, self.kid)
        return ed25519.key_id(public_key) == self.kid and ed25519.is_valid_signature(
            public_key, self.signature, to_be_signed(protected, self.payload)
        )


def to_be_signed(protected: bytes, payload: bytes, external_aad: bytes = b"") -> bytes:
    """Return the Sig_structure that a signature covers (RFC 9052 section 4.4)."""
    return cbor2.dumps(["Signature1", protected, external_aad, payload])


def sign(key: SigningKey, typ: Typ, payload: bytes, *, max_bytes: int = cbor.MAX_BYTES) -> bytes:
    """Return a tagged COSE_Sign1 message.

    Layout: tag 18, then an array of four: protected header as a byte string, holding
    ``{1: -19, 4: kid (8 bytes), 16: typ (text)}``; empty map; payload; signature (64 bytes).

    Raises:
        ProtocolError: ``too_large`` for what no reader would take.
    """
    signature = key.sign(to_be_signed(_protected(typ, key.kid), payload))
    message = assemble(typ=typ, kid=key.kid, payload=payload, signature=signature)
    cbor.check_size(message, max_bytes)
    return message


def assemble(*, typ: str, kid: bytes, payload: bytes, signature: bytes) -> bytes:
    """Put a message together again from its parts, byte for byte."""
    return _TAG_18 + cbor.encode([_protected(typ, kid), {}, payload, signature])


# A message is looked at several times on its way; what it holds never changes.
@lru_cache(maxsize=64)
def parse(message: bytes, *, max_bytes: int = cbor.MAX_BYTES) -> Sign1:
    """Take a message apart, strictly.  The signature is not checked here.

    Raises:
        ProtocolError: ``too_large``, ``encoding_invalid``, ``header_wrong``, ``alg_wrong``, or
            ``signature_invalid`` when it has not 64 bytes.
    """
    cbor.check_size(message, max_bytes)
    if message[:1] != _TAG_18:
        raise ProtocolError("encoding_invalid", "not a tagged COSE_Sign1 message")
    match cbor.decode(message[1:], max_bytes=max_bytes):
        case [bytes(protected), dict(unprotected), bytes(payload), bytes(signature)]:
            pass
        case _:
            raise ProtocolError("encoding_invalid", "not a COSE_Sign1 message")
    if unprotected:
        raise ProtocolError("header_wrong", "the unprotected header must be empty")
    match cbor.decode(protected):
        case {1: int(alg), 4: bytes(kid), 16: str(typ), **rest} if not rest:
            pass
        case _:
            raise ProtocolError("header_wrong", "the protected header must hold alg, kid and typ")
    if alg != ALG_ED25519:
        raise ProtocolError("alg_wrong", f"algorithm {alg} is not accepted")
    if len(kid) != ed25519.KID_BYTES:
        raise ProtocolError("header_wrong", "kid must have 8 bytes")
    if len(signature) != ed25519.SIGNATURE_BYTES:
        raise ProtocolError("signature_invalid", "a signature has 64 bytes")
    return Sign1(typ=typ, kid=kid, payload=payload, signature=signature)


def open_signed(message: bytes, *, typ: Typ, key: bytes, max_bytes: int = cbor.MAX_BYTES) -> bytes:
    """Return the payload of a message of this type that this key signed.

    Raises:
        ProtocolError: as :func:`parse`, ``typ_wrong``, or ``signature_invalid``.
    """
    signed = parse(message, max_bytes=max_bytes)
    require_typ(signed, typ)
    if not signed.is_signed_by(key):
        raise ProtocolError("signature_invalid", f"the signature on this {typ} is not valid")
    return signed.payload


def require_typ(signed: Sign1, *typs: Typ) -> None:
    """Refuse a message of another kind.

    Raises:
        ProtocolError: ``typ_wrong``.
    """
    if signed.typ not in typs:
        raise ProtocolError("typ_wrong", f"a {' or '.join(typs)} is due here")


def _protected(typ: str, kid: bytes) -> bytes:
    return cbor.encode({_ALG: ALG_ED25519, _KID: kid, _TYP: str(typ)})
