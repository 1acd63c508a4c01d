"""Apple App Attest: a key's attestation, and what the key signs afterwards."""

import base64
import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from billing.packages.errors import AttestationUnsupportedError
from billing.packages.services.attestation.app_attest import AppAttest, app_attest
from billing.packages.services.attestation.base import (
    Attested,
    Evidence,
    Expected,
    Identity,
    KnownKey,
    NotVouchedError,
)
from protocol.jwk import to_base64
from tests.platform.attesting import APP, DIGEST, NOON, ApplePhone, Authority

GUIDE = Path(__file__).parents[1] / "vectors" / "app_attest_apple_guide.json"
EXPECTED = Expected(DIGEST, APP)


@pytest.fixture(scope="module")
def phone() -> ApplePhone:
    return ApplePhone()


@pytest.fixture(scope="module")
def service(phone: ApplePhone) -> AppAttest:
    return AppAttest(phone.apple.pem)


def refusal(service: AppAttest, evidence: Evidence, expected: Expected = EXPECTED) -> str:
    with pytest.raises(NotVouchedError) as caught:
        service.verify(evidence, expected=expected, now=NOON)
    return caught.value.reason


def known(service: AppAttest, phone: ApplePhone) -> Expected:
    """Attest the key; return what is expected of its assertions."""
    attested = service.verify(phone.attest(), expected=EXPECTED, now=NOON)
    assert attested.key is not None
    return replace(EXPECTED, key=KnownKey(attested.key, 5))


def test_sample_of_apple_s_own_guide_is_vouched_for() -> None:
    guide = json.loads(GUIDE.read_text("ascii"))
    digest, both = (
        base64.b64decode(guide[name])
        for name in ("client_data_hash", "auth_data_and_client_data_hash")
    )
    chain = [base64.b64decode(guide[name]) for name in ("leaf", "intermediate")]
    whole = {
        "fmt": "apple-appattest",
        "attStmt": {"x5c": chain},
        "authData": both.removesuffix(digest),
    }
    evidence = Evidence(to_base64(cbor2.dumps(whole)), guide["key_id"])
    expected = Expected(digest, Identity(apple_app_id=guide["app_id"]))
    at = datetime.fromisoformat(guide["at"])
    attested = AppAttest(guide["root"]).verify(evidence, expected=expected, now=at)
    assert attested.subject == base64.b64decode(guide["key_id"])


def test_attested_key_is_returned_with_its_id(service: AppAttest, phone: ApplePhone) -> None:
    attested = service.verify(phone.attest(), expected=EXPECTED, now=NOON)
    assert attested.subject == phone.key_id
    assert attested.key is not None
    assert attested.counter is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fmt": "apple"}, "format"),
        ({"x5c": None}, "chain"),
        ({"x5c": []}, "chain"),
        ({"x5c": ["text"]}, "chain"),
        ({"x5c": [b"no certificate"]}, "chain"),
        ({"days": 9}, "chain"),
        ({"digest": bytes(32)}, "nonce"),
        ({"extensions": {}}, "nonce"),
        ({"extensions": {"1.2.840.113635.100.8.2": b"\x04\x00"}}, "nonce"),
        ({"key_id": bytes(32)}, "key_id"),
        ({"app": "ABCDE12345.com.example.other"}, "app"),
        ({"counter": 1}, "counter"),
        ({"aaguid": b"appattestdevelop"}, "environment"),
        ({"aaguid": bytes(16)}, "environment"),
        ({"credential": bytes(32)}, "credential"),
        ({"category": 2}, "category"),
        ({"category": 3}, "category"),
        ({"category": 5}, "category"),
        ({"category": b"\x04"}, "form"),
        ({"data": bytes(37)}, "form"),
        ({"after": b"\x00"}, "form"),
    ],
)
def test_attestation_is_refused_for_each_fault(
    service: AppAttest, phone: ApplePhone, changes: dict[str, Any], reason: str
) -> None:
    assert refusal(service, phone.attest(**changes)) == reason


def test_chain_to_another_root_is_refused(service: AppAttest, phone: ApplePhone) -> None:
    stranger = ApplePhone(Authority(), phone.key)
    assert refusal(service, stranger.attest()) == "chain"


def test_leaf_without_the_authority_between_is_refused(
    service: AppAttest, phone: ApplePhone
) -> None:
    only = phone.apple.chain(phone.key, {})[:1]
    assert refusal(service, phone.attest(x5c=only)) == "chain"


def test_attestation_is_refused_before_and_after_the_days_of_its_certificate(
    service: AppAttest, phone: ApplePhone
) -> None:
    for days in (-11, 3650):
        with pytest.raises(NotVouchedError, match="chain"):
            service.verify(phone.attest(), expected=EXPECTED, now=NOON + timedelta(days=days))


def test_key_of_another_curve_is_refused(phone: ApplePhone) -> None:
    other = ApplePhone(phone.apple, ec.generate_private_key(ec.SECP384R1()))
    assert refusal(AppAttest(phone.apple.pem), other.attest()) == "key"


def test_app_of_the_app_store_may_say_so(service: AppAttest, phone: ApplePhone) -> None:
    assert service.verify(phone.attest(category=4), expected=EXPECTED, now=NOON).key


@pytest.mark.parametrize("changes", [{"aaguid": b"appattestdevelop"}, {"category": 2}])
def test_development_counts_only_where_the_settings_say_so(
    service: AppAttest, phone: ApplePhone, changes: dict[str, Any], settings: Any
) -> None:
    settings.ATTESTATION_TEST_ENVIRONMENTS = True
    assert service.verify(phone.attest(**changes), expected=EXPECTED, now=NOON).key
    settings.ATTESTATION_TEST_ENVIRONMENTS = False
    refusal(service, phone.attest(**changes))


def test_assertion_of_a_known_key_tells_its_counter(service: AppAttest, phone: ApplePhone) -> None:
    expected = known(service, phone)
    attested = service.verify(phone.sign(counter=6), expected=expected, now=NOON)
    assert attested == Attested(phone.key_id, counter=6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"digest": bytes(32)}, "signature"),
        ({"key": ec.generate_private_key(ec.SECP256R1())}, "signature"),
        ({"app": "ABCDE12345.com.example.other"}, "app"),
        ({"counter": 5}, "counter"),
        ({"counter": 4}, "counter"),
        ({"category": 3}, "category"),
    ],
)
def test_assertion_is_refused_for_each_fault(
    service: AppAttest, phone: ApplePhone, changes: dict[str, Any], reason: str
) -> None:
    evidence = phone.sign(**{"counter": 6, **changes})
    assert refusal(service, evidence, known(service, phone)) == reason


def test_assertion_of_a_key_that_nobody_attested_is_refused(
    service: AppAttest, phone: ApplePhone
) -> None:
    assert refusal(service, phone.sign()) == "key_unknown"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        cbor2.dumps([]),
        cbor2.dumps({"fmt": "apple-appattest"}),
        cbor2.dumps({"signature": "text", "authenticatorData": b""}),
        # A shared reference to itself; tags have no place here.
        bytes.fromhex("a1636b6579d81c81d81d00"),
        # A map of indefinite length.
        bytes.fromhex("bfff"),
    ],
)
def test_what_is_not_apple_s_form_is_refused(
    service: AppAttest, phone: ApplePhone, raw: bytes
) -> None:
    assert refusal(service, phone.evidence(raw)) == "form"


@pytest.mark.parametrize("evidence", [Evidence("=", ""), Evidence("oA", "é"), Evidence("x" * 9)])
def test_what_is_no_base64_is_refused(service: AppAttest, evidence: Evidence) -> None:
    assert refusal(service, evidence) == "form"


# The library tells of a serial number below zero; the chain is refused all the same.
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@hypothesis_settings(max_examples=60)
@given(cut=st.integers(0, 300), changed=st.binary(min_size=1, max_size=8))
def test_no_change_of_the_object_raises_anything_but_a_refusal(
    service: AppAttest, phone: ApplePhone, cut: int, changed: bytes
) -> None:
    raw = bytearray(base64.urlsafe_b64decode(phone.attest().text + "==="))
    raw[cut : cut + len(changed)] = changed
    with suppress(NotVouchedError):
        service.verify(phone.evidence(bytes(raw)), expected=EXPECTED, now=NOON)


def test_app_without_an_id_of_apple_s_is_not_attested(service: AppAttest) -> None:
    with pytest.raises(AttestationUnsupportedError):
        service.verify(Evidence(""), expected=Expected(DIGEST, Identity()), now=NOON)


def test_without_a_root_nobody_is_vouched_for(settings: Any) -> None:
    settings.APP_ATTEST_ROOT = ""
    with pytest.raises(AttestationUnsupportedError):
        app_attest()


def test_root_that_is_no_certificate_is_no_setting() -> None:
    with pytest.raises(ImproperlyConfigured):
        AppAttest("-----BEGIN CERTIFICATE-----")
