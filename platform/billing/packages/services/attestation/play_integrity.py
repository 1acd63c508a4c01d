"""Google Play Integrity: the token is decoded and judged by Google, and read by us.

Source: https://developer.android.com/google/play/integrity/verdicts (the verdict's members) and
https://developer.android.com/google/play/integrity/classic#decrypt-verify-google-servers (the
call).  Access tokens: RFC 7523, as https://developers.google.com/identity/protocols/oauth2
/service-account describes it.
"""

import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import jwt
import urllib3
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.packages.errors import AttestationUnavailableError, AttestationUnsupportedError
from billing.packages.services.attestation.base import (
    Attested,
    Evidence,
    Expected,
    NotVouchedError,
    takes_tests,
)
from protocol.jwk import to_base64

# Google says to compare the time with the request's; a token is made when it is needed.
_FRESH, _AHEAD = timedelta(minutes=10), timedelta(minutes=1)
_SCOPE = "https://www.googleapis.com/auth/playintegrity"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_ANSWER_BYTES = 100_000


@dataclass(slots=True, repr=False)
class _Account:
    """A service account of Google's, which may call the API; it keeps its access token."""

    email: str
    key_id: str
    key: RSAPrivateKey
    token_uri: str
    token: str = ""
    ends_at: datetime = field(default=datetime.min.replace(tzinfo=UTC))

    @classmethod
    def read(cls, text: str) -> "_Account":
        """Read the file that Google hands out with the account.

        Raises:
            ImproperlyConfigured: it is none.
        """
        try:
            said = json.loads(text)
            key = load_pem_private_key(said["private_key"].encode(), None)
            account = cls(said["client_email"], said["private_key_id"], key, said["token_uri"])  # type: ignore[arg-type]  # looked at below
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Not what it says: it holds a key.
            raise ImproperlyConfigured("PLAY_INTEGRITY_ACCOUNT is no service account") from error
        if not isinstance(key, RSAPrivateKey):
            raise ImproperlyConfigured("PLAY_INTEGRITY_ACCOUNT has no RSA key")
        _check_address(account.token_uri)
        return account

    def access_token(self, pool: urllib3.PoolManager, now: datetime) -> str:
        """Return a token that is good for another minute at least."""
        if self.ends_at <= now:
            self._renew(pool, now)
        return self.token

    def _renew(self, pool: urllib3.PoolManager, now: datetime) -> None:
        claims = {
            "iss": self.email,
            "scope": _SCOPE,
            "aud": self.token_uri,
            "iat": now,
            "exp": now + timedelta(hours=1),
        }
        assertion = jwt.encode(claims, self.key, "RS256", headers={"kid": self.key_id})
        fields = {"grant_type": _GRANT, "assertion": assertion}
        status, said = _post(pool, self.token_uri, fields=fields, encode_multipart=False)
        token, seconds = said.get("access_token"), said.get("expires_in")
        if status != 200 or not isinstance(token, str) or type(seconds) is not int:
            raise AttestationUnavailableError
        # A minute early: it has to last until Google has read it.
        self.token, self.ends_at = token, now + timedelta(seconds=seconds - 60)


class PlayIntegrity:
    """``POST /v1/{package}:decodeIntegrityToken``.

    Args:
        url: Up to and with the version.
        account: JSON of the service account, as Google hands it out.
    """

    def __init__(self, url: str, account: str) -> None:
        _check_address(url)
        self._url = url.rstrip("/")
        self._account = _Account.read(account)
        # One try: the terminal asks again.
        self._pool = urllib3.PoolManager(timeout=5.0, retries=False)

    def verify(self, evidence: Evidence, *, expected: Expected, now: datetime) -> Attested:
        """Have Google open the token, and read what it says of request, app and device."""
        app = expected.app
        if not app.android_package or not app.android_certificates:
            raise AttestationUnsupportedError
        verdict = self._decode(evidence.text, app.android_package, now)
        _check_request(_part(verdict, "requestDetails"), expected, now)
        _check_app(_part(verdict, "appIntegrity"), expected)
        labels = _part(verdict, "deviceIntegrity").get("deviceRecognitionVerdict")
        if not isinstance(labels, list) or "MEETS_DEVICE_INTEGRITY" not in labels:
            raise NotVouchedError("device")
        _check_not_a_test(verdict)
        return Attested(expected.digest)

    def _decode(self, token: str, package: str, now: datetime) -> dict[str, Any]:
        status, said = _post(
            self._pool,
            f"{self._url}/{package}:decodeIntegrityToken",
            json={"integrityToken": token},
            headers={"Authorization": f"Bearer {self._account.access_token(self._pool, now)}"},
        )
        if status == 400:
            # Not one that Google made for this package.
            raise NotVouchedError("token")
        if status != 200:
            raise AttestationUnavailableError
        return _part(said, "tokenPayloadExternal")


def play_integrity() -> PlayIntegrity:
    """Return the service as the settings have it.

    Raises:
        AttestationUnsupportedError: they name no account.
    """
    if not settings.PLAY_INTEGRITY_ACCOUNT:
        raise AttestationUnsupportedError
    return _play_integrity(settings.PLAY_INTEGRITY_URL, settings.PLAY_INTEGRITY_ACCOUNT)


@cache
def _play_integrity(url: str, account: str) -> PlayIntegrity:
    return PlayIntegrity(url, account)


def _check_request(details: dict[str, Any], expected: Expected, now: datetime) -> None:
    if details.get("requestPackageName") != expected.app.android_package:
        raise NotVouchedError("request_package")
    # A classic request has a nonce, a standard one a hash; both are ours to choose.
    shown = details.get("nonce") or details.get("requestHash")
    due = to_base64(expected.digest).encode()
    if not isinstance(shown, str) or not hmac.compare_digest(
        shown.rstrip("=").encode("utf-8", "replace"), due
    ):
        raise NotVouchedError("nonce")
    try:
        made_at = datetime.fromtimestamp(int(details["timestampMillis"]) / 1000, UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise NotVouchedError("timestamp") from error
    if not now - _FRESH <= made_at <= now + _AHEAD:
        raise NotVouchedError("timestamp")


def _check_app(integrity: dict[str, Any], expected: Expected) -> None:
    if integrity.get("appRecognitionVerdict") != "PLAY_RECOGNIZED":
        raise NotVouchedError("app")
    if integrity.get("packageName") != expected.app.android_package:
        raise NotVouchedError("package")
    digests = integrity.get("certificateSha256Digest")
    shown = {str(digest).rstrip("=") for digest in digests} if isinstance(digests, list) else set()
    if not shown or not shown <= expected.app.android_certificates:
        raise NotVouchedError("certificate")


def _check_not_a_test(verdict: dict[str, Any]) -> None:
    if takes_tests():
        return
    if _part(verdict, "accountDetails").get("appLicensingVerdict") != "LICENSED":
        raise NotVouchedError("licence")
    # What the Play Console answers for testers, whatever the device is like.
    if _part(verdict, "testingDetails", {}).get("isTestingResponse"):
        raise NotVouchedError("test")


def _part(whole: dict[str, Any], name: str, default: object = None) -> dict[str, Any]:
    part = whole.get(name, default)
    if not isinstance(part, dict):
        raise NotVouchedError("form")
    return part


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    # The token would be read on its way.
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise ImproperlyConfigured("PLAY_INTEGRITY_URL and the account's token_uri must be https")


def _post(pool: urllib3.PoolManager, url: str, **request: Any) -> tuple[int, dict[str, Any]]:
    try:
        answer = pool.request("POST", url, redirect=False, **request)
        said = json.loads(answer.data[:_MAX_ANSWER_BYTES])
    except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
        raise AttestationUnavailableError from error
    if not isinstance(said, dict):
        raise AttestationUnavailableError
    return answer.status, said
