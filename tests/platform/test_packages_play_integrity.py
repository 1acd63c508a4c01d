"""Google Play Integrity: what Google says of request, app and device, asked over HTTP."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.core.exceptions import ImproperlyConfigured

from billing.packages.errors import AttestationUnavailableError, AttestationUnsupportedError
from billing.packages.services.attestation.base import (
    Attested,
    Evidence,
    Expected,
    Identity,
    NotVouchedError,
)
from billing.packages.services.attestation.play_integrity import PlayIntegrity, play_integrity
from protocol.jwk import to_base64
from tests.platform.attesting import (
    ANDROID,
    APP,
    CERTIFICATE,
    DIGEST,
    NOON,
    Google,
    GoogleStandIn,
    google,
    service_key,
    verdict,
)

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

EXPECTED = Expected(DIGEST, APP)
TOKEN = Evidence("a.token.of.google.s")
PATH = f"/v1/{ANDROID}:decodeIntegrityToken"


@pytest.fixture(scope="module")
def stand_in() -> Iterator[GoogleStandIn]:
    with google() as found:
        yield found


@pytest.fixture
def service(stand_in: GoogleStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayIntegrity]:
    monkeypatch.setattr(Google, "asked", [])
    monkeypatch.setattr(Google, "verdict", verdict())
    made = PlayIntegrity(f"{stand_in.url}/v1", stand_in.account)
    yield made
    made._pool.clear()


def refusal(service: PlayIntegrity) -> str:
    with pytest.raises(NotVouchedError) as caught:
        service.verify(TOKEN, expected=EXPECTED, now=NOON)
    return caught.value.reason


def changed(part: str, members: dict[str, Any]) -> dict[str, Any]:
    """A good verdict, but for members of one part."""
    good = verdict()
    return {**good, part: {**good.get(part, {}), **members}}


def test_google_is_asked_as_its_reference_says(service: PlayIntegrity) -> None:
    assert service.verify(TOKEN, expected=EXPECTED, now=NOON) == Attested(DIGEST)
    (_, _, grant), (path, authorization, asked) = Google.asked
    assert (path, authorization) == (PATH, "Bearer a-token")
    assert asked == {"integrityToken": TOKEN.text}
    assert grant["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(
        grant["assertion"],
        service_key().public_key(),
        ["RS256"],
        audience=service._account.token_uri,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["scope"] == "https://www.googleapis.com/auth/playintegrity"
    assert claims["exp"] - claims["iat"] == 3600


def test_access_token_is_kept_until_it_ends(service: PlayIntegrity) -> None:
    for minutes in (0, 1, 9):
        service.verify(TOKEN, expected=EXPECTED, now=NOON + timedelta(minutes=minutes))
    paths = [path for path, *_ in Google.asked]
    assert paths.count("/token") == 1
    with pytest.raises(NotVouchedError, match="timestamp"):
        service.verify(TOKEN, expected=EXPECTED, now=NOON + timedelta(minutes=60))
    assert [path for path, *_ in Google.asked].count("/token") == 2


def test_standard_request_is_bound_by_its_hash(
    service: PlayIntegrity, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = {"nonce": None, "requestHash": to_base64(DIGEST) + "="}
    monkeypatch.setattr(Google, "verdict", changed("requestDetails", details))
    assert service.verify(TOKEN, expected=EXPECTED, now=NOON) == Attested(DIGEST)


@pytest.mark.parametrize(
    ("part", "members", "reason"),
    [
        ("requestDetails", {"requestPackageName": "com.example.other"}, "request_package"),
        ("requestDetails", {"nonce": to_base64(bytes(32))}, "nonce"),
        ("requestDetails", {"nonce": None}, "nonce"),
        ("requestDetails", {"nonce": "é"}, "nonce"),
        ("requestDetails", {"nonce": 5}, "nonce"),
        ("requestDetails", {"timestampMillis": None}, "timestamp"),
        ("requestDetails", {"timestampMillis": "soon"}, "timestamp"),
        ("requestDetails", {"timestampMillis": "9" * 40}, "timestamp"),
        ("appIntegrity", {"appRecognitionVerdict": "UNRECOGNIZED_VERSION"}, "app"),
        ("appIntegrity", {"appRecognitionVerdict": "UNEVALUATED"}, "app"),
        ("appIntegrity", {"packageName": "com.example.other"}, "package"),
        ("appIntegrity", {"certificateSha256Digest": [to_base64(bytes(32))]}, "certificate"),
        (
            "appIntegrity",
            {"certificateSha256Digest": [CERTIFICATE, to_base64(bytes(32))]},
            "certificate",
        ),
        ("appIntegrity", {"certificateSha256Digest": []}, "certificate"),
        ("appIntegrity", {"certificateSha256Digest": CERTIFICATE}, "certificate"),
        ("deviceIntegrity", {"deviceRecognitionVerdict": ["MEETS_BASIC_INTEGRITY"]}, "device"),
        ("deviceIntegrity", {"deviceRecognitionVerdict": []}, "device"),
        ("deviceIntegrity", {"deviceRecognitionVerdict": "MEETS_DEVICE_INTEGRITY"}, "device"),
        ("accountDetails", {"appLicensingVerdict": "UNLICENSED"}, "licence"),
        ("accountDetails", {"appLicensingVerdict": "UNEVALUATED"}, "licence"),
        ("testingDetails", {"isTestingResponse": True}, "test"),
    ],
)
def test_verdict_is_refused_for_each_fault(
    service: PlayIntegrity,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    members: dict[str, Any],
    reason: str,
) -> None:
    monkeypatch.setattr(Google, "verdict", changed(part, members))
    assert refusal(service) == reason


@pytest.mark.parametrize("minutes", [-10.1, 1.1])
def test_verdict_of_another_time_is_refused(
    service: PlayIntegrity, monkeypatch: pytest.MonkeyPatch, minutes: float
) -> None:
    monkeypatch.setattr(Google, "verdict", verdict(at=NOON + timedelta(minutes=minutes)))
    assert refusal(service) == "timestamp"


@pytest.mark.parametrize("said", [{}, {"requestDetails": []}, {"requestDetails": {}}])
def test_verdict_without_its_parts_is_refused(
    service: PlayIntegrity, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    monkeypatch.setattr(Google, "verdict", said)
    assert refusal(service) in ("form", "request_package")


@pytest.mark.parametrize(
    ("part", "members"),
    [
        ("accountDetails", {"appLicensingVerdict": "UNLICENSED"}),
        ("testingDetails", {"isTestingResponse": True}),
    ],
)
def test_testers_count_only_where_the_settings_say_so(
    service: PlayIntegrity,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    part: str,
    members: dict[str, Any],
) -> None:
    settings.ATTESTATION_TEST_ENVIRONMENTS = True
    monkeypatch.setattr(Google, "verdict", changed(part, members))
    assert service.verify(TOKEN, expected=EXPECTED, now=NOON) == Attested(DIGEST)


def test_token_that_google_cannot_open_is_refused(
    service: PlayIntegrity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Google, "statuses", {PATH: 400})
    assert refusal(service) == "token"


@pytest.mark.parametrize("path", ["/token", PATH])
@pytest.mark.parametrize("status", [401, 403, 429, 500, 302])
def test_google_s_trouble_and_ours_with_it_are_an_outage(
    service: PlayIntegrity, monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    monkeypatch.setattr(Google, "statuses", {path: status})
    with pytest.raises(AttestationUnavailableError):
        service.verify(TOKEN, expected=EXPECTED, now=NOON)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"[" * 9000])
def test_answer_that_says_nothing_is_an_outage(
    service: PlayIntegrity, monkeypatch: pytest.MonkeyPatch, raw: bytes
) -> None:
    monkeypatch.setattr(Google, "raw", raw)
    with pytest.raises(AttestationUnavailableError):
        service.verify(TOKEN, expected=EXPECTED, now=NOON)


def test_google_that_cannot_be_reached_is_an_outage(stand_in: GoogleStandIn) -> None:
    account = json.loads(stand_in.account) | {"token_uri": "http://127.0.0.1:1/token"}
    service = PlayIntegrity("http://127.0.0.1:1/v1", json.dumps(account))
    with pytest.raises(AttestationUnavailableError):
        service.verify(TOKEN, expected=EXPECTED, now=NOON)


@pytest.mark.parametrize(
    "app", [Identity(), Identity(android_package=ANDROID), Identity(apple_app_id="X")]
)
def test_app_that_is_not_in_google_play_is_not_attested(
    service: PlayIntegrity, app: Identity
) -> None:
    with pytest.raises(AttestationUnsupportedError):
        service.verify(TOKEN, expected=Expected(DIGEST, app), now=NOON)
    assert Google.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"private_key": "none"},
        {"private_key": 5},
        {"client_email": None, "private_key": None},
        {"token_uri": "http://oauth.example.com/token"},
    ],
)
def test_account_that_is_none_is_no_setting(
    stand_in: GoogleStandIn, changes: dict[str, Any]
) -> None:
    account = json.dumps(json.loads(stand_in.account) | changes)
    with pytest.raises(ImproperlyConfigured) as caught:
        PlayIntegrity("https://playintegrity.googleapis.com/v1", account)
    assert "PRIVATE KEY" not in str(caught.value)


def test_token_is_never_sent_in_the_open(stand_in: GoogleStandIn) -> None:
    with pytest.raises(ImproperlyConfigured, match="https"):
        PlayIntegrity("http://playintegrity.googleapis.com/v1", stand_in.account)


def test_without_an_account_google_is_not_asked(settings: Any) -> None:
    settings.PLAY_INTEGRITY_ACCOUNT = ""
    with pytest.raises(AttestationUnsupportedError):
        play_integrity()
