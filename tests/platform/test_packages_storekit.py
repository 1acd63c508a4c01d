"""StoreKit 2: a purchase is what the App Store signed, of this product, by this terminal."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import requests
from django.core.exceptions import ImproperlyConfigured

from billing.packages.errors import AttestationUnavailableError, AttestationUnsupportedError
from billing.packages.services.attestation.base import (
    Attested,
    Evidence,
    Expected,
    NotVouchedError,
    Purchase,
)
from billing.packages.services.attestation.storekit import StoreKit
from billing.packages.services.attestation.verify import ATTESTERS
from tests.platform.attesting import APP, DIGEST, NOON, AppStore, Authority

EXPECTED = Expected(DIGEST, APP, purchase=Purchase("coins.100", 500, "EUR"))


@pytest.fixture(scope="module")
def store() -> AppStore:
    return AppStore()


@pytest.fixture(scope="module")
def service(store: AppStore) -> StoreKit:
    return StoreKit(store.apple.pem, is_online=False)


def refusal(service: StoreKit, evidence: Evidence, expected: Expected = EXPECTED) -> str:
    with pytest.raises(NotVouchedError) as caught:
        service.verify(evidence, expected=expected, now=NOON)
    return caught.value.reason


def test_purchase_is_named_by_its_transaction(service: StoreKit, store: AppStore) -> None:
    attested = service.verify(store.sell(), expected=EXPECTED, now=NOON)
    assert attested == Attested(b"2000000123456789")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bundleId": "com.example.other"}, "invalid_app_identifier"),
        ({"environment": "Sandbox"}, "invalid_environment"),
        ({"environment": "Xcode"}, "invalid_environment"),
        ({"environment": "LocalTesting"}, "invalid_environment"),
        ({"environment": None}, "invalid_environment"),
        ({"appAccountToken": str(UUID(int=1))}, "nonce"),
        ({"appAccountToken": "é"}, "nonce"),
        ({"appAccountToken": None}, "nonce"),
        ({"productId": "coins.1000"}, "product"),
        ({"price": 500}, "price"),
        ({"price": None}, "price"),
        ({"currency": "USD"}, "price"),
        ({"quantity": 2}, "quantity"),
        ({"revocationDate": 1763800000000}, "revoked"),
        ({"inAppOwnershipType": "FAMILY_SHARED"}, "owner"),
        ({"transactionId": None}, "form"),
        ({"transactionId": ["x"], "price": {}}, "form"),
    ],
)
def test_purchase_is_refused_for_each_fault(
    service: StoreKit, store: AppStore, changes: dict[str, Any], reason: str
) -> None:
    assert refusal(service, store.sell(**changes)) == reason


@pytest.mark.parametrize(
    ("amount", "currency", "price"), [(500, "EUR", 5000), (500, "JPY", 500000), (500, "KWD", 500)]
)
def test_price_is_compared_in_thousandths_of_the_currency(
    service: StoreKit, store: AppStore, amount: int, currency: str, price: int
) -> None:
    expected = replace(EXPECTED, purchase=Purchase("coins.100", amount, currency))
    evidence = store.sell(price=price, currency=currency)
    service.verify(evidence, expected=expected, now=NOON)
    assert refusal(service, store.sell(price=price + 1, currency=currency), expected) == "price"


def test_signature_of_another_root_is_refused(service: StoreKit, store: AppStore) -> None:
    stranger = AppStore(Authority("1.2.840.113635.100.6.2.1"), store.key)
    assert refusal(service, stranger.sell()) == "verification_failure"


def test_authority_without_the_store_s_mark_is_refused(store: AppStore) -> None:
    unmarked = AppStore(Authority(), store.key)
    service = StoreKit(unmarked.apple.pem, is_online=False)
    assert refusal(service, unmarked.sell()) == "verification_failure"


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_signed_transaction_is_refused(service: StoreKit, text: str) -> None:
    assert refusal(service, Evidence(text)) == "verification_failure"


def test_payload_changed_after_signing_is_refused(service: StoreKit, store: AppStore) -> None:
    head, _, signature = store.sell().text.split(".")
    other = store.sell(price=1).text.split(".")[1]
    assert refusal(service, Evidence(f"{head}.{other}.{signature}")) == "verification_failure"


def test_sandbox_counts_only_where_the_settings_say_so(
    service: StoreKit, store: AppStore, settings: Any
) -> None:
    settings.ATTESTATION_TEST_ENVIRONMENTS = True
    sandbox = store.sell(environment="Sandbox")
    service.verify(sandbox, expected=EXPECTED, now=NOON)
    # Nobody signs these: whoever writes them could say anything.
    for environment in ("Xcode", "LocalTesting"):
        assert refusal(service, store.sell(environment=environment)) == "invalid_environment"


def test_purchase_without_an_item_to_compare_is_not_taken(
    service: StoreKit, store: AppStore
) -> None:
    with pytest.raises(AttestationUnsupportedError):
        service.verify(store.sell(), expected=Expected(DIGEST, APP), now=NOON)


def test_apple_that_cannot_be_asked_about_revocation_is_an_outage(
    store: AppStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "post", down)
    service = StoreKit(store.apple.pem, is_online=True)
    with pytest.raises(AttestationUnavailableError):
        service.verify(store.sell(), expected=EXPECTED, now=NOON)


def test_without_roots_no_purchase_is_taken(settings: Any) -> None:
    settings.STOREKIT_ROOTS = ""
    with pytest.raises(AttestationUnsupportedError):
        ATTESTERS["storekit"]()


def test_roots_that_are_no_certificates_are_no_setting() -> None:
    with pytest.raises(ImproperlyConfigured):
        StoreKit("nothing", is_online=False)
