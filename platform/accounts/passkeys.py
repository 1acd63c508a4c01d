"""A passkey that signs a challenge of our own, bound to the very thing that it agrees to."""

import json
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import (
    get_authenticator_by_credential_id,
    get_credentials,
)
from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings
from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import PublicKeyCredentialRpEntity, UserVerificationRequirement

from accounts.errors import PasskeyWrongError

if TYPE_CHECKING:
    from accounts.models import User

# A thing in the pocket alone is not enough: it asks for the finger, the face or its PIN.
_VERIFICATION = UserVerificationRequirement.REQUIRED
# More is no credential, and must not be work.
_MAX_LENGTH = 16_384
# What a stranger sends may be of any shape, and the library says so in many ways.
NONSENSE = (
    *(ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RuntimeError),
    *(struct.error, UnsupportedAlgorithm),
)


def has_passkey(user: "User") -> bool:
    """Tell whether somebody can show a passkey."""
    keys = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    return "webauthn" in settings.MFA_SUPPORTED_TYPES and keys.exists()


def passkey_options(user: "User", challenge: bytes) -> dict[str, Any]:
    """Return what the browser needs to ask for one of somebody's passkeys.

    Args:
        user: Whose.
        challenge: What it signs: 32 bytes that nobody can foresee.

    Source:
        Web Authentication Level 2, section 5.5.
    """
    options, _ = _server().authenticate_begin(get_credentials(user), _VERIFICATION, challenge)
    return dict(options)


def read_credential(text: str) -> dict[str, Any]:
    """Read what a browser says of a passkey, so that there are texts where bytes are looked for.

    Of a number the library would make that many bytes.

    Raises:
        NONSENSE: it is none, or longer than any.
    """
    if len(text) > _MAX_LENGTH:
        raise ValueError("too long")
    read: dict[str, Any] = json.loads(text, parse_int=str)
    told = json.loads(websafe_decode(read["response"]["clientDataJSON"]).decode())
    if not isinstance(told["challenge"], str):
        raise TypeError("the challenge is no text")
    return read


def check_passkey(user: "User", credential: str, challenge: bytes) -> None:
    """Judge what a browser got from a passkey.

    Args:
        user: Whose it has to be.
        credential: JSON, as the browser says it.
        challenge: As :func:`passkey_options` was given it.

    Raises:
        PasskeyWrongError: it is another's, signed something else, or did not ask the person.

    Source:
        Web Authentication Level 2, section 7.2.
    """
    server, keys = _server(), get_credentials(user)
    _, state = server.authenticate_begin(keys, _VERIFICATION, challenge)
    try:
        used = server.authenticate_complete(state, keys, read_credential(credential))
    except NONSENSE as error:
        raise PasskeyWrongError from error
    found = get_authenticator_by_credential_id(user, used.credential_id)
    if found is None:
        raise PasskeyWrongError
    found.record_usage()


def _server() -> Fido2Server:
    rp = PublicKeyCredentialRpEntity(
        id=urlsplit(settings.COUNTERSIGN_ORIGIN).hostname or "",
        name=settings.COUNTERSIGN_PLATFORM_NAME,
    )
    return Fido2Server(rp, verify_origin=lambda origin: origin == settings.COUNTERSIGN_ORIGIN)
