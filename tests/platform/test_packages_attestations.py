"""What makers vouch for is taken in once; whatever is wrong with it holds the terminal to HIGH."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.test import override_settings

from audit.models import AuditRow
from billing.packages.errors import AttestationRefusedError, NonceReusedError
from billing.packages.models import Attestation, FraudSignal, Nonce, Package, Terminal
from billing.packages.services.attestation import verify
from billing.packages.services.attestation.base import Evidence, Identity, identity_of
from billing.packages.services.attestation.play_integrity import play_integrity
from billing.packages.services.attestation.verify import verify_attestation
from billing.packages.services.terminals import issue_nonces, register_terminal
from protocol.attestation import challenge_digest
from tests.platform.attesting import (
    APP,
    NOON,
    SAID,
    ApplePhone,
    AppStore,
    Authority,
    Google,
    google,
    verdict,
)
from tests.platform.gadgets import Gadget
from tests.platform.ruling import ITEM, application, terminal_of
from tests.platform.world import Person, now

pytestmark = pytest.mark.django_db

APPLE = Authority()


@pytest.fixture
def package(dora: Person, settings: Any) -> Package:
    """An application that Apple and Google know, too."""
    made = application(dora)
    settings.ATTESTATION_APPS = {made.public_id: SAID}
    settings.APP_ATTEST_ROOT = APPLE.pem
    return made


@pytest.fixture
def terminal(dora: Person) -> Terminal:
    return terminal_of(dora)


@pytest.fixture
def phone() -> ApplePhone:
    return ApplePhone(APPLE)


def challenge(terminal: Terminal, package: Package) -> tuple[bytes, bytes]:
    """Draw a nonce; return it and the digest that is bound to it."""
    (nonce,) = issue_nonces(terminal, 1, NOON)
    terminal_id = bytes(terminal.device.uid)
    return nonce, challenge_digest(package=bytes(package.uid), terminal=terminal_id, nonce=nonce)


def show(
    terminal: Terminal,
    package: Package,
    nonce: bytes,
    evidence: Evidence,
    provider: str = "app_attest",
    **more: Any,
) -> Attestation:
    return verify_attestation(
        terminal=terminal,
        package=package,
        provider=provider,
        evidence=evidence,
        nonce=nonce,
        **{"now": NOON, **more},
    )


def attest(terminal: Terminal, package: Package, phone: ApplePhone) -> Attestation:
    nonce, digest = challenge(terminal, package)
    return show(terminal, package, nonce, phone.attest(digest))


def refused(terminal: Terminal) -> str:
    """Check what a refusal leaves behind; return the reason in the audit trail."""
    terminal.refresh_from_db()
    assert (terminal.raised, terminal.raised_at) == ("attestation", NOON)
    assert FraudSignal.objects.get(terminal=terminal).reason == "attestation_refused"
    subject = terminal.device.public_id
    return AuditRow.objects.get(action="attestation.refused", subject=subject).code


def test_attested_key_is_kept_for_its_terminal_and_package(
    terminal: Terminal, package: Package, phone: ApplePhone
) -> None:
    row = attest(terminal, package, phone)
    assert (row.terminal, row.package, row.counter) == (terminal, package, 0)
    assert not FraudSignal.objects.exists()
    assert AuditRow.objects.filter(action="attestation.taken", code="app_attest").exists()


def test_key_is_attested_once(terminal: Terminal, package: Package, phone: ApplePhone) -> None:
    attest(terminal, package, phone)
    with pytest.raises(AttestationRefusedError):
        attest(terminal, package, phone)
    assert refused(terminal) == "seen_before"
    assert Attestation.objects.count() == 1


def test_counter_of_a_known_key_rises_and_never_repeats(
    terminal: Terminal, package: Package, phone: ApplePhone
) -> None:
    attest(terminal, package, phone)
    for counter in (1, 7):
        nonce, digest = challenge(terminal, package)
        row = show(terminal, package, nonce, phone.sign(digest, counter=counter))
        assert row.counter == counter
    nonce, digest = challenge(terminal, package)
    with pytest.raises(AttestationRefusedError):
        show(terminal, package, nonce, phone.sign(digest, counter=7))
    assert refused(terminal) == "counter"


def test_counter_that_another_request_raised_meanwhile_is_not_taken(
    terminal: Terminal, package: Package, phone: ApplePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = attest(terminal, package, phone)
    ask = verify._ask

    def slowly(*arguments: Any) -> Any:
        found = ask(*arguments)
        Attestation.objects.filter(pk=row.pk).update(counter=5)
        return found

    monkeypatch.setattr(verify, "_ask", slowly)
    nonce, digest = challenge(terminal, package)
    with pytest.raises(AttestationRefusedError):
        show(terminal, package, nonce, phone.sign(digest, counter=5))
    assert refused(terminal) == "seen_before"


def test_key_of_another_terminal_is_unknown(
    dora: Person, terminal: Terminal, package: Package, phone: ApplePhone
) -> None:
    attest(terminal, package, phone)
    other = terminal_of(dora, "Other")
    nonce, digest = challenge(other, package)
    with pytest.raises(AttestationRefusedError):
        show(other, package, nonce, phone.sign(digest))
    assert refused(other) == "key_unknown"


def test_evidence_for_another_package_is_refused(
    dora: Person, terminal: Terminal, package: Package, phone: ApplePhone, settings: Any
) -> None:
    other = application(dora, "Draughts")
    settings.ATTESTATION_APPS = {**settings.ATTESTATION_APPS, other.public_id: SAID}
    nonce, digest = challenge(terminal, package)
    with pytest.raises(AttestationRefusedError):
        show(terminal, other, nonce, phone.attest(digest))
    assert refused(terminal) == "nonce"


def test_nonce_counts_once(terminal: Terminal, package: Package, phone: ApplePhone) -> None:
    nonce, digest = challenge(terminal, package)
    show(terminal, package, nonce, phone.attest(digest))
    with pytest.raises(NonceReusedError):
        show(terminal, package, nonce, phone.sign(digest))
    assert Attestation.objects.get().counter == 0


def test_nonce_of_another_terminal_or_another_month_is_refused(
    dora: Person, terminal: Terminal, package: Package, phone: ApplePhone
) -> None:
    other = terminal_of(dora, "Other")
    nonce, digest = challenge(other, package)
    with pytest.raises(NonceReusedError):
        show(terminal, package, nonce, phone.attest(digest))
    nonce, digest = challenge(terminal, package)
    with pytest.raises(NonceReusedError):
        show(terminal, package, nonce, phone.attest(digest), now=NOON + timedelta(days=31))
    assert not Attestation.objects.exists()


def test_refused_evidence_uses_its_nonce_up(
    terminal: Terminal, package: Package, phone: ApplePhone
) -> None:
    nonce, digest = challenge(terminal, package)
    with pytest.raises(AttestationRefusedError):
        show(terminal, package, nonce, phone.attest(digest, counter=1))
    with pytest.raises(NonceReusedError):
        show(terminal, package, nonce, phone.attest(digest))


def test_purchase_is_taken_once_whoever_shows_it(
    dora: Person, terminal: Terminal, package: Package, settings: Any
) -> None:
    store = AppStore()
    settings.STOREKIT_ROOTS, settings.STOREKIT_ONLINE_CHECKS = store.apple.pem, False
    nonce, digest = challenge(terminal, package)
    row = show(terminal, package, nonce, store.sell(digest), "storekit", item=ITEM)
    assert row.key is None
    other = terminal_of(dora, "Other")
    nonce, digest = challenge(other, package)
    with pytest.raises(AttestationRefusedError):
        show(other, package, nonce, store.sell(digest), "storekit", item=ITEM)
    assert refused(other) == "seen_before"


def test_price_of_a_purchase_is_that_of_the_build(
    terminal: Terminal, package: Package, settings: Any
) -> None:
    store = AppStore()
    settings.STOREKIT_ROOTS, settings.STOREKIT_ONLINE_CHECKS = store.apple.pem, False
    nonce, digest = challenge(terminal, package)
    with pytest.raises(AttestationRefusedError):
        show(terminal, package, nonce, store.sell(digest, price=10), "storekit", item=ITEM)
    assert refused(terminal) == "price"


@pytest.mark.django_db(transaction=True)
def test_maker_is_asked_outside_any_transaction(
    terminal: Terminal, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def ask(*_: Any) -> tuple[None, str]:
        seen.append(connection.in_atomic_block)
        return None, "form"

    monkeypatch.setattr(verify, "_ask", ask)
    nonce, _ = challenge(terminal, package)
    with pytest.raises(AttestationRefusedError):
        show(terminal, package, nonce, Evidence("x"))
    assert seen == [False]


# Over the API.


@pytest.fixture
def gadget(phone_keys: None, dora: Person) -> Gadget:
    made = Gadget.of(dora)
    register_terminal(made.row, now())
    return made


@pytest.fixture
def play(settings: Any, package: Package) -> Iterator[None]:
    with google() as stand_in:
        settings.PLAY_INTEGRITY_URL = f"{stand_in.url}/v1"
        settings.PLAY_INTEGRITY_ACCOUNT = stand_in.account
        yield
        play_integrity()._pool.clear()


def body(gadget: Gadget, package: Package) -> dict[str, Any]:
    """A request with a good verdict of Google's, made for a nonce of just now."""
    terminal = Terminal.objects.get(device=gadget.row)
    (nonce,) = issue_nonces(terminal, 1, now())
    uid = bytes(gadget.row.uid)
    digest = challenge_digest(package=bytes(package.uid), terminal=uid, nonce=nonce)
    Google.verdict = verdict(digest, at=now())
    return {
        "provider": "play_integrity",
        "package": package.public_id,
        "nonce": nonce.hex(),
        "evidence": "a.token",
    }


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.usefixtures("play")
def test_terminal_shows_what_google_vouches_for(gadget: Gadget, package: Package) -> None:
    sent = body(gadget, package)
    answer = gadget.call("POST", "/billing/attestations", sent)
    assert answer.status == 201, answer
    assert answer.body["provider"] == "play_integrity"
    assert answer.body["package"] == package.public_id
    again = gadget.call("POST", "/billing/attestations", sent)
    assert (again.status, again.body["code"]) == (409, "nonce_reused")


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.usefixtures("play")
def test_refusal_says_nothing_of_its_reason_and_raises_the_terminal(
    gadget: Gadget, package: Package
) -> None:
    sent = body(gadget, package)
    Google.verdict = {**Google.verdict, "deviceIntegrity": {}}
    answer = gadget.call("POST", "/billing/attestations", sent)
    assert (answer.status, answer.body["code"]) == (403, "attestation_refused")
    assert "device" not in str(answer.body["detail"]).replace("device's maker", "")
    terminal = Terminal.objects.get(device=gadget.row)
    assert terminal.raised == "attestation"
    assert FraudSignal.objects.filter(terminal=terminal, package=package).count() == 1


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.usefixtures("play")
def test_outage_of_the_maker_costs_nothing(gadget: Gadget, package: Package) -> None:
    sent = body(gadget, package)
    Google.statuses["/token"] = 500
    answer = gadget.call("POST", "/billing/attestations", sent)
    assert (answer.status, answer.body["code"]) == (503, "attestation_unavailable")
    assert not FraudSignal.objects.exists()
    Google.statuses.clear()
    assert gadget.call("POST", "/billing/attestations", sent).status == 201


@pytest.mark.parametrize("provider", ["play_integrity", "app_attest", "storekit"])
def test_application_that_a_maker_does_not_know_is_unsupported(
    gadget: Gadget, package: Package, settings: Any, provider: str
) -> None:
    settings.ATTESTATION_APPS = {}
    answer = gadget.call(
        "POST", "/billing/attestations", body(gadget, package) | {"provider": provider}
    )
    assert (answer.status, answer.body["code"]) == (422, "attestation_unsupported")
    assert not FraudSignal.objects.exists()
    assert Nonce.objects.get().used_at is None


@pytest.mark.parametrize(
    "changes",
    [
        {"provider": "safetynet"},
        {"nonce": "zz"},
        {"package": "0"},
        {"evidence": ""},
        {"evidence": "x" * 40_001},
        {"item": -1},
        {"level": "low"},
    ],
)
def test_malformed_request_is_refused(
    gadget: Gadget, package: Package, changes: dict[str, Any]
) -> None:
    answer = gadget.call("POST", "/billing/attestations", body(gadget, package) | changes)
    assert (answer.status, answer.body["code"]) == (422, "input_invalid")


@pytest.mark.usefixtures("phone_keys")
def test_device_that_is_no_terminal_attests_nothing(dora: Person, package: Package) -> None:
    stranger = Gadget.of(dora)
    sent = {
        "provider": "app_attest",
        "package": package.public_id,
        "nonce": bytes(8).hex(),
        "evidence": "x",
    }
    answer = stranger.call("POST", "/billing/attestations", sent)
    assert (answer.status, answer.body["code"]) == (403, "terminal_unknown")


# Settings.


def faults(**changes: Any) -> list[str]:
    with override_settings(**changes):
        return [found.id or "" for found in run_checks(include_deployment_checks=True)]


def test_test_environments_stop_a_release() -> None:
    assert "countersign.E012" in faults(ATTESTATION_TEST_ENVIRONMENTS=True)
    assert "countersign.E012" not in faults()


@pytest.mark.parametrize(
    "changes",
    [
        {"ATTESTATION_APPS": []},
        {"ATTESTATION_APPS": {"0a0b0c0d": []}},
        {"ATTESTATION_APPS": {"0a0b0c0d": {"android": "x"}}},
        {"ATTESTATION_APPS": {"0a0b0c0d": {**SAID, "android_package": "../x"}}},
        {"ATTESTATION_APPS": {"0a0b0c0d": {**SAID, "apple_app_id": "com.example.chess"}}},
        {"ATTESTATION_APPS": {"0a0b0c0d": {**SAID, "products": {"one": "x"}}}},
        {"APP_ATTEST_ROOT": "none"},
        {"STOREKIT_ROOTS": "none"},
        {"PLAY_INTEGRITY_ACCOUNT": "{}"},
    ],
)
def test_nonsense_about_makers_stops_a_release(changes: dict[str, Any]) -> None:
    assert "countersign.E011" in faults(**changes)


def test_what_is_said_about_an_application_is_read(package: Package) -> None:
    assert "countersign.E011" not in faults()
    identity = identity_of(package.public_id)
    assert identity == APP
    assert identity.bundle_id == "com.example.chess"
    assert identity_of("00000000") == Identity(products={})
