"""Billing requests by SMS: from the terminal's own number, answered by SMS, and only once."""

from typing import Any

import pytest

from audit.models import AuditRow
from billing.packages.models import BillingRequest as Row
from billing.packages.models import Build
from billing.packages.services.finish import finish_requests
from billing.packages.sms import take
from binding.models import Binding
from binding.services import remove_device
from notices.models import SmsMessage
from tests.platform.applications import Application, Biller, rule
from tests.platform.ledger import money, rich
from tests.platform.phones import sms_to
from tests.platform.proving import abandon
from tests.platform.world import Person, now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone_keys")]


@pytest.fixture
def biller(payer: Person) -> Biller:
    return Biller.bound(payer)


def number_of(biller: Biller) -> str:
    assert biller.phone is not None
    return biller.phone.sim.number


def replies() -> int:
    return SmsMessage.objects.filter(purpose="charge").count()


def test_an_sms_is_charged_at_once_and_answered_by_sms(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    asked = biller.bill_by_sms(dragons)
    assert (asked.state, asked.strategy) == ("verified", "direct_sms")
    assert finish_requests(now=now()) == 1
    asked.refresh_from_db()
    assert asked.state == "captured"
    assert asked.receipt
    assert money(payer)["wallet"] == 99_750
    assert money(dragons.developer) == {"earnings": 250}
    text = sms_to(number_of(biller))
    assert text.startswith("Paid: 2.50 EUR to Games for Golden sword.")
    assert f"/charges/{asked.public_id}" in text


def test_the_carrier_is_asked_once_the_sms_is_stored(
    dragons: Application, biller: Biller, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        asked = biller.bill_by_sms(dragons)
    asked.refresh_from_db()
    assert asked.state == "captured"


def test_what_is_no_billing_request_is_left_to_others(biller: Biller) -> None:
    for text in ("hello", "CS1.short", ""):
        assert not take(number_of(biller), text, now())
    assert replies() == 0


def test_the_same_request_passes_by_network_and_by_sms(
    dragons: Application, biller: Biller
) -> None:
    rule("strategy", "payment_password")
    network = biller.bill(dragons)
    assert network.status == 202
    by_sms = biller.bill_by_sms(dragons)
    assert (by_sms.state, by_sms.strategy) == ("awaiting_paypass", "payment_password")
    assert f"/charges/{by_sms.public_id}/confirm" in sms_to(number_of(biller))


def test_a_request_by_sms_needs_no_network(
    dragons: Application, biller: Biller, socket_disabled: None
) -> None:
    text = biller.text(dragons)
    assert biller.text_in(text)
    finish_requests(now=now())
    assert Row.objects.get().state == "captured"


def test_an_sms_from_another_number_is_refused_and_nobody_is_answered(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    thief = Biller.bound(rich("Mallory", 1))
    text = biller.text(dragons)
    assert biller.text_in(text, sender=number_of(thief))
    assert biller.signals == ["sender_mismatch"]
    assert AuditRow.objects.filter(code="sender_mismatch", action="request.refused").count() == 1
    assert not Row.objects.exists()
    assert replies() == 0
    # Nor is the nonce used up by whoever copies an SMS.
    assert biller.text_in(text)
    assert Row.objects.count() == 1


def test_a_terminal_without_a_bound_number_bills_nothing_by_sms(
    dragons: Application, biller: Biller
) -> None:
    Binding.objects.update(state="suspended", reason="reported")
    assert biller.text_in(biller.text(dragons))
    assert not Row.objects.exists()
    assert AuditRow.objects.filter(code="sender_mismatch", action="request.refused").count() == 1


@pytest.mark.parametrize(
    ("changes", "code", "signals"),
    [
        ({"amount": 249}, "amount_mismatch", ["amount_mismatch"]),
        ({"is_consented": False}, "consent_missing", []),
        ({"key_matches": False}, "integrity_refused", ["key_mismatch"]),
        ({"files_match": False}, "integrity_refused", ["sig_mismatch"]),
        ({"seen_key": bytes(32)}, "integrity_refused", ["evidence_mismatch"]),
        ({"item": 9}, "item_unknown", []),
        ({"build": 9}, "package_unknown", []),
    ],
)
def test_what_is_refused_by_sms_is_told_by_sms_and_moves_no_money(
    dragons: Application,
    biller: Biller,
    payer: Person,
    changes: dict[str, Any],
    code: str,
    signals: list[str],
) -> None:
    assert biller.text_in(biller.text(dragons, **changes))
    finish_requests(now=now())
    assert not Row.objects.exclude(state="rejected").exists()
    assert money(payer) == {"wallet": 100_000}
    assert biller.signals == signals


def test_whoever_owns_the_number_reads_why(dragons: Application, biller: Biller) -> None:
    biller.bill_by_sms(dragons, amount=1)
    assert sms_to(number_of(biller)).startswith("Not paid. ")


@pytest.mark.parametrize("place", [4, 8, 131])
def test_a_damaged_sms_is_refused_and_nobody_is_answered(
    dragons: Application, biller: Biller, place: int
) -> None:
    text = biller.text(dragons)
    letter = "A" if text[place] != "A" else "B"
    assert biller.text_in(text[:place] + letter + text[place + 1 :])
    assert not Row.objects.exists()
    refused = AuditRow.objects.get(action="request.refused")
    assert refused.code in ("decrypt_failed", "package_unknown")
    assert replies() == 0


def test_a_revoked_build_bills_nothing_by_sms(dragons: Application, biller: Biller) -> None:
    Build.objects.update(revoked_at=now())
    assert biller.text_in(biller.text(dragons))
    assert biller.signals == ["build_revoked"]
    assert not Row.objects.exists()
    assert "revoked" in sms_to(number_of(biller))


def test_whoever_leaves_bills_nothing_by_sms(dragons: Application, biller: Biller) -> None:
    abandon(dragons)
    assert biller.text_in(biller.text(dragons))
    assert not Row.objects.exists()
    assert "no such application" in sms_to(number_of(biller))


def test_an_sms_that_comes_again_charges_nothing(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    text = biller.text(dragons)
    for _ in range(3):
        assert biller.text_in(text)
        finish_requests(now=now())
    assert Row.objects.get().state == "captured"
    assert money(payer) == {"wallet": 99_750}
    assert biller.signals == []


@pytest.mark.parametrize("first", ["network", "sms"])
def test_one_nonce_is_charged_once_across_both_channels(
    dragons: Application, biller: Biller, payer: Person, first: str
) -> None:
    nonce = biller.nonce()
    by_sms = biller.text(dragons, nonce=nonce)
    if first == "sms":
        assert biller.text_in(by_sms)
        finish_requests(now=now())
        assert biller.bill(dragons, nonce=nonce).refusal == (409, "nonce_reused")
    else:
        assert biller.bill(dragons, nonce=nonce).status == 202
        assert biller.text_in(by_sms)
        assert finish_requests(now=now()) == 0
    assert Row.objects.count() == 1
    assert money(payer)["wallet"] in (100_000, 99_750)


def test_without_a_nonce_the_counter_bills_once_each(dragons: Application, biller: Biller) -> None:
    for counter in (1, 1, 2):
        assert biller.text_in(biller.text(dragons, is_counted=True, nonce=counter.to_bytes(8)))
    assert Row.objects.count() == 2


def test_an_sms_of_another_version_is_refused(dragons: Application, biller: Biller) -> None:
    text = biller.text(dragons)
    assert take(number_of(biller), "CS1.Ag" + text[6:], now())
    assert AuditRow.objects.get(action="request.refused").code == "decrypt_failed"


def test_a_terminal_of_a_removed_device_bills_nothing_by_sms(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    text = biller.text(dragons)
    remove_device(holder=payer.holder, uid=bytes(biller.gadget.row.uid), now=now())
    assert biller.text_in(text)
    assert not Row.objects.exists()
    assert AuditRow.objects.get(action="request.refused").code == "terminal_unknown"
