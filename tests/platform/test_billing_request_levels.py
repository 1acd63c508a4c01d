"""What each security level asks for, and what a terminal that lies earns."""

from typing import Any

import pytest

from audit.models import AuditRow
from billing.packages.models import BillingRequest as Row
from billing.packages.models import Terminal
from tests.platform.applications import Application, Biller, rule
from tests.platform.world import Person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone_keys")]

REFUSED = (403, "integrity_refused")
# Key result, signature result: does it pass?
HIGH = {(True, True): True, (True, False): False, (False, True): False, (False, False): False}
LOW = {
    "SIGNATURE": HIGH | {(False, True): True},
    "ANY_ONE": HIGH | {(False, True): True, (True, False): True},
}


def passes(biller: Biller, dragons: Application, results: tuple[bool, bool]) -> bool:
    """Bill with evidence that backs what is said."""
    key_matches, files_match = results
    answer = biller.bill(dragons, key_matches=key_matches, files_match=files_match)
    assert answer.status == 202 or answer.refusal == REFUSED
    return answer.status == 202


@pytest.mark.parametrize("results", HIGH)
def test_high_asks_for_both(
    dragons: Application, biller: Biller, results: tuple[bool, bool]
) -> None:
    assert passes(biller, dragons, results) is HIGH[results]


@pytest.mark.parametrize("low_rule", LOW)
@pytest.mark.parametrize("results", HIGH)
def test_low_asks_for_the_files_or_for_either_of_the_two(
    dragons: Application,
    biller: Biller,
    settings: Any,
    low_rule: str,
    results: tuple[bool, bool],
) -> None:
    settings.LOW_RULE = low_rule
    rule("level", "low", terminal=biller.row)
    assert passes(biller, dragons, results) is LOW[low_rule][results]


def test_of_two_phones_that_ask_the_same_the_one_of_high_is_refused(
    dragons: Application, payer: Person
) -> None:
    phone_a, phone_b = Biller.of(payer), Biller.of(payer)
    rule("level", "high", terminal=phone_a.row)
    rule("level", "low", terminal=phone_b.row)
    assert not passes(phone_a, dragons, (False, True))
    assert passes(phone_b, dragons, (False, True))


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ((False, True), "key_mismatch"),
        ((True, False), "sig_mismatch"),
        ((False, False), "key_mismatch"),
    ],
)
def test_outside_all_refusals_are_alike_and_the_audit_has_the_reason(
    dragons: Application, biller: Biller, results: tuple[bool, bool], reason: str
) -> None:
    assert not passes(biller, dragons, results)
    row = Row.objects.get()
    assert (row.state, row.reason) == ("rejected", reason)
    inside = AuditRow.objects.get(action="charge.rejected")
    assert (inside.code, inside.subject) == (reason, row.public_id)
    assert AuditRow.objects.get(action="request.refused").code == "integrity_refused"


@pytest.mark.parametrize("seen", ["seen_key", "seen_root", "seen_sample"])
def test_a_client_that_claims_what_its_evidence_does_not_show_is_refused_and_raised(
    dragons: Application, biller: Biller, seen: str
) -> None:
    rule("level", "low", terminal=biller.row)
    answer = biller.bill(dragons, **{seen: bytes(32)})
    assert answer.refusal == REFUSED
    assert Row.objects.get().reason == "evidence_mismatch"
    assert biller.signals == ["evidence_mismatch"]
    assert biller.row.raised == Terminal.Raised.EVIDENCE
    # From now on HIGH, whatever the rule for this terminal says.
    assert not passes(biller, dragons, (False, True))
    assert passes(biller, dragons, (True, True))


def test_evidence_of_another_request_backs_nothing(dragons: Application, biller: Biller) -> None:
    earlier = biller.asks(dragons)
    answer = biller.bill(dragons, evidence=earlier.evidence)
    assert answer.refusal == REFUSED
    assert biller.signals == ["evidence_mismatch"]


def test_evidence_of_another_terminal_backs_nothing(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    biller.key = Biller.of(payer).key
    assert biller.bill(dragons).refusal == REFUSED
    assert biller.row.raised


def test_a_no_that_lets_pass_is_signalled_nevertheless(
    dragons: Application, biller: Biller
) -> None:
    rule("level", "low", terminal=biller.row)
    assert passes(biller, dragons, (False, True))
    assert biller.signals == ["key_mismatch"]
    assert not biller.row.raised


def test_nobody_is_raised_for_saying_no(dragons: Application, biller: Biller) -> None:
    answer = biller.bill(dragons, key_matches=False, files_match=False, evidence=bytes(16))
    assert answer.refusal == REFUSED
    assert biller.signals == ["key_mismatch", "sig_mismatch"]
    assert not biller.row.raised
