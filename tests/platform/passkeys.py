"""A passkey in software, for tests without a browser: ES256, "none" attestation."""

import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from tests.platform.world import Person

_Flag = AuthenticatorData.FLAG


@dataclass
class Passkey:
    """One that is added to a person's account."""

    person: Person
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    @classmethod
    def of(cls, person: Person) -> "Passkey":
        """Make one and add it."""
        passkey = cls(person)
        public = ES256.from_cryptography_key(  # type: ignore[no-untyped-call]  # of the library
            passkey.key.public_key()
        )
        known = AttestedCredentialData.create(bytes(16), passkey.id, public)
        shown = AuthenticatorData.create(_rp_hash(), _Flag.UP | _Flag.UV | _Flag.AT, 0, known)
        attestation = AttestationObject.create("none", shown, {})
        data = CollectedClientData.create(
            "webauthn.create", b"x" * 32, settings.COUNTERSIGN_ORIGIN
        )
        credential = {
            "id": websafe_encode(passkey.id),
            "rawId": websafe_encode(passkey.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": websafe_encode(data),
                "attestationObject": websafe_encode(attestation),
            },
            "clientExtensionResults": {"credProps": {"rk": True}},
        }
        Authenticator.objects.create(
            user=person.holder.user,
            type=Authenticator.Type.WEBAUTHN,
            data={"name": "Key", "credential": credential},
        )
        return passkey

    def sign(
        self,
        challenge: str,
        *,
        origin: str = "",
        flags: int = _Flag.UP | _Flag.UV,
        kind: str = "webauthn.get",
    ) -> dict[str, Any]:
        """What a browser says when this passkey was shown; the challenge is base64url."""
        shown = AuthenticatorData.create(_rp_hash(), _Flag(flags), 1)
        data = CollectedClientData.create(kind, challenge, origin or settings.COUNTERSIGN_ORIGIN)
        signature = self.key.sign(shown + data.hash, ec.ECDSA(SHA256()))
        return {
            "id": websafe_encode(self.id),
            "rawId": websafe_encode(self.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": websafe_encode(data),
                "authenticatorData": websafe_encode(shown),
                "signature": websafe_encode(signature),
            },
            "clientExtensionResults": {},
        }


def _rp_hash() -> bytes:
    return sha256((urlsplit(settings.COUNTERSIGN_ORIGIN).hostname or "").encode()).digest()
