"""Billing requests by the network: taken, judged, and what refuses them."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditRow
from billing.packages.models import BillingRequest as Row
from billing.packages.models import Build, Nonce
from billing.packages.services.caps import set_cap
from billing.packages.services.charging import capture
from protocol import cbor, hpke
from protocol.application import request_digest
from protocol.jwk import from_base64, to_base64
from tests.platform.applications import Application, Biller, build_of
from tests.platform.gadgets import Gadget
from tests.platform.ledger import money, rich
from tests.platform.proving import abandon
from tests.platform.world import Answer, Person, call, now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone_keys")]


def only() -> Row:
    return Row.objects.get()


def reasons(row: Row) -> list[str]:
    """Why a request was rejected, as the audit has it."""
    rows = AuditRow.objects.filter(action="charge.rejected", subject=row.public_id)
    return list(rows.values_list("code", flat=True))


def assert_refused(answer: Answer, status: int, code: str) -> None:
    assert answer.refusal == (status, code)
    assert not Row.objects.filter(state="captured").exists()
    refused = AuditRow.objects.filter(action="request.refused", code=code)
    assert refused.count() == 1


def test_a_request_waits_for_its_strategy_and_says_what_the_payer_agrees_to(
    dragons: Application, biller: Biller
) -> None:
    message = biller.asks(dragons)
    answer = biller.post(dragons, message)
    assert answer.status == 202
    assert answer.body["state"] == "awaiting_paypass"
    assert answer.body["strategy"] == "payment_password"
    assert answer.body["consent"] == "Pay 2.50 EUR to Games for Golden sword?"
    assert answer.body["receipt"] is None
    assert only().level == "high"
    assert bytes(only().digest) == request_digest(message, dragons.developer.account)


def test_what_was_charged_is_told_to_the_terminal_and_to_the_payer_and_to_nobody_else(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    name = biller.bill(dragons).body["request"]
    capture(only().pk, from_state=only().state, now=now())
    path = f"/billing/requests/{name}"
    told = biller.gadget.call("GET", path)
    assert told.body["state"] == "captured"
    assert told.body["receipt"]
    assert payer.get(path) == told.body
    stranger = rich("Mallory", 1)
    assert call("GET", path, key=stranger.key).refusal == (404, "not_found")
    assert Gadget.of(stranger).call("GET", path).refusal == (404, "not_found")
    # Nor to another device of the same payer, which did not ask.
    assert Gadget.of(payer).call("GET", path).refusal == (404, "not_found")
    assert call("GET", path).refusal == (401, "not_authenticated")


def test_a_terminal_is_registered_once_and_its_key_opens_to_nobody_else(biller: Biller) -> None:
    again = biller.gadget.call("POST", "/billing/terminal")
    assert again.body == {
        "terminal": biller.gadget.row.public_id,
        "share": to_base64(bytes(biller.row.share)),
        "thumbprint": to_base64(biller.gadget.keys.thumbprint),
    }
    assert biller.key not in bytes(biller.row.sealed_evidence_key)


def test_what_is_no_terminal_bills_nothing(payer: Person, dragons: Application) -> None:
    gadget = Gadget.of(payer)
    for path, body in (
        ("/billing/nonces", {"count": 1}),
        ("/billing/request", Biller.of(payer).body(dragons, some_request(gadget, dragons))),
    ):
        assert gadget.call("POST", path, body).refusal == (403, "terminal_unknown")


def some_request(gadget: Gadget, dragons: Application) -> Any:
    return replace(Biller.of(Person.make("Ben")).asks(dragons), terminal=bytes(gadget.row.uid))


def test_a_request_in_the_name_of_another_terminal_is_refused(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    other = Biller.of(payer)
    answer = other.post(dragons, biller.asks(dragons))
    assert_refused(answer, 403, "terminal_unknown")
    assert not Row.objects.exists()


def test_a_terminal_has_twenty_nonces_at_most_and_the_oldest_give_way(biller: Biller) -> None:
    first = biller.nonce()
    biller.nonces = []
    biller.nonce()
    held = Nonce.objects.filter(terminal=biller.row, used_at=None)
    assert held.count() == 20
    assert not held.filter(value=first).exists()


def test_no_nonce_is_ever_a_counter(biller: Biller) -> None:
    assert all(nonce[0] & 0x80 for nonce in [biller.nonce(), *biller.nonces])


@pytest.mark.parametrize("count", [0, 21, "3", True, None])
def test_nonces_are_asked_for_in_their_number(biller: Biller, count: object) -> None:
    answer = biller.gadget.call("POST", "/billing/nonces", {"count": count})
    assert answer.refusal == (422, "input_invalid")


def test_a_request_that_another_packages_key_opens_is_refused(
    dragons: Application, biller: Biller
) -> None:
    knights = Application.make(Person.make("Knights"))
    message = biller.asks(dragons)
    body = biller.body(dragons, message) | {"package": knights.package.public_id}
    answer = biller.gadget.call("POST", "/billing/request", body)
    assert_refused(answer, 400, "decrypt_failed")


@pytest.mark.parametrize("sealed", ["AAAA", "A" * 128])
def test_damaged_requests_are_refused(dragons: Application, biller: Biller, sealed: str) -> None:
    body = {"version": 1, "package": dragons.package.public_id, "sealed": sealed}
    assert_refused(biller.gadget.call("POST", "/billing/request", body), 400, "decrypt_failed")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"package": "xyz"},
        {"sealed": "***"},
        {"sealed": "A" * 1025},
        {"level": "low"},
        {"strategy": "direct_sms"},
    ],
)
def test_what_does_not_belong_into_a_request_is_refused(
    dragons: Application, biller: Biller, change: dict[str, Any]
) -> None:
    body = biller.body(dragons, biller.asks(dragons)) | change
    answer = biller.gadget.call("POST", "/billing/request", body)
    assert answer.status == 422
    assert not Row.objects.exists()


def sealed_parts(biller: Biller, dragons: Application, change: Any) -> Answer:
    """Send a request whose sealed array was changed by whoever sealed it."""
    from billing.packages.services.keys import third_private

    body = biller.body(dragons, biller.asks(dragons))
    info = f"cs/billing/v1|{dragons.package.public_id}|network".encode()
    content = hpke.unseal(from_base64(body["sealed"]), third_private(dragons.package), info)
    parts = change(cbor.decode(content))
    sealed = hpke.seal(cbor.encode(parts), bytes(dragons.package.third_key), info)
    body["sealed"] = to_base64(sealed)
    return biller.gadget.call("POST", "/billing/request", body)


@pytest.mark.parametrize("place", [10, 11])
def test_a_request_without_one_of_the_two_results_is_refused(
    dragons: Application, biller: Biller, place: int
) -> None:
    answer = sealed_parts(
        biller, dragons, lambda parts: [*parts[:place], None, *parts[place + 1 :]]
    )
    assert_refused(answer, 400, "request_incomplete")


def test_a_level_inside_a_request_is_refused(dragons: Application, biller: Biller) -> None:
    assert_refused(
        sealed_parts(biller, dragons, lambda parts: [*parts, "low"]), 400, "decrypt_failed"
    )


def test_an_unknown_package_or_build_is_refused(dragons: Application, biller: Biller) -> None:
    message = biller.asks(dragons)
    body = biller.body(dragons, message) | {"package": "00000000"}
    answer = biller.gadget.call("POST", "/billing/request", body)
    assert_refused(answer, 404, "package_unknown")
    assert biller.bill(dragons, build=9).refusal == (404, "package_unknown")
    assert not Row.objects.exists()


def test_whoever_leaves_bills_nothing_any_more(dragons: Application, biller: Biller) -> None:
    abandon(dragons)
    assert_refused(biller.bill(dragons), 404, "package_unknown")
    assert biller.signals == []


def test_a_revoked_build_bills_nothing_and_a_newer_one_does(
    dragons: Application, biller: Biller
) -> None:
    newer = build_of(dragons.package)
    Build.objects.filter(pk=dragons.build.pk).update(revoked_at=now())
    assert_refused(biller.bill(dragons), 410, "build_revoked")
    assert biller.signals == ["build_revoked"]
    assert biller.bill(replace(dragons, build=newer)).status == 202


def test_an_unknown_item_is_refused(dragons: Application, biller: Biller) -> None:
    assert_refused(biller.bill(dragons, item=3), 422, "item_unknown")


@pytest.mark.parametrize("change", [{"amount": 1}, {"amount": 251}, {"currency": "HUF"}])
def test_the_price_is_the_builds_and_never_the_clients(
    dragons: Application, biller: Biller, change: dict[str, Any]
) -> None:
    assert_refused(biller.bill(dragons, **change), 422, "amount_mismatch")
    assert only().state == "rejected"
    assert biller.signals == ["amount_mismatch"]


def test_nothing_is_charged_without_consent(dragons: Application, biller: Biller) -> None:
    assert_refused(biller.bill(dragons, is_consented=False), 403, "consent_missing")
    assert (only().state, only().reason) == ("rejected", "consent_missing")


def test_a_request_above_the_payers_limit_is_refused(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    set_cap(holder=payer.holder, currency="EUR", day=249, month=9_999, now=now())
    assert_refused(biller.bill(dragons), 403, "cap_exceeded")
    assert reasons(only()) == ["cap_exceeded"]


def test_a_request_is_taken_once_and_a_repetition_learns_what_became_of_it(
    dragons: Application, biller: Biller
) -> None:
    message = biller.asks(dragons)
    first = biller.post(dragons, message)
    again = biller.post(dragons, message)
    assert again.refusal == (409, "nonce_reused")
    assert again.body["earlier"] == first.body["request"]
    assert Row.objects.count() == 1
    assert biller.signals == []


def test_a_nonce_serves_one_request_alone(dragons: Application, biller: Biller) -> None:
    nonce = biller.nonce()
    biller.bill(dragons, nonce=nonce)
    other = biller.bill(dragons, nonce=nonce, item=2, amount=9_900)
    assert_refused(other, 409, "nonce_reused")
    assert "earlier" not in other.body
    assert biller.signals == ["nonce_reused"]


def test_a_nonce_that_was_never_given_out_or_to_another_or_is_over_is_refused(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    stale = biller.nonce()
    Nonce.objects.filter(value=stale).update(expires_at=timezone.now() - timedelta(seconds=1))
    for nonce in (secrets.token_bytes(8), Biller.of(payer).nonce(), stale):
        assert biller.bill(dragons, nonce=nonce).refusal == (409, "nonce_reused")
    assert not Row.objects.exists()


def test_the_terminals_own_counter_rises_strictly(dragons: Application, biller: Biller) -> None:
    def counted(counter: int) -> Answer:
        return biller.bill(dragons, is_counted=True, nonce=counter.to_bytes(8))

    assert counted(3).status == 202
    for stale in (3, 2, 0):
        assert counted(stale).refusal == (409, "nonce_reused")
    assert counted(4).status == 202


def test_a_counter_far_ahead_of_the_clock_is_not_taken(
    dragons: Application, biller: Biller
) -> None:
    clock = int(now().timestamp() * 1000)
    for counter in (2**64 - 1, 2**63 - 1, clock + 2 * 86_400_000):
        far = biller.bill(dragons, is_counted=True, nonce=counter.to_bytes(8))
        assert far.refusal == (409, "nonce_reused")
    assert biller.bill(dragons, is_counted=True, nonce=clock.to_bytes(8)).status == 202


def test_a_terminal_that_calls_too_often_waits(
    dragons: Application, biller: Biller, settings: Any
) -> None:
    settings.BILLING_CALLS_PER_MINUTE = 1
    answer = biller.bill(dragons)
    assert answer.refusal == (429, "rate_limited")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert not Row.objects.exists()


def test_a_refused_request_uses_its_nonce_up_and_moves_no_money(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    before = money(payer)
    message = biller.asks(dragons, amount=1)
    assert biller.post(dragons, message).status == 422
    assert biller.post(dragons, message).refusal == (409, "nonce_reused")
    assert money(payer) == before
