"""A charge for which the terminal itself has to come on-line, and to show what it runs."""

from datetime import timedelta

import pytest
from time_machine import Traveller

from billing.packages.models import Nonce
from tests.platform.applications import CASTLE, SWORD, Application, Biller
from tests.platform.proving import Waiting, assert_charged, is_uncharged, want
from tests.platform.shopping import PASSPHRASE, buyer

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def waiting() -> Waiting:
    """Dora's sword, which is parked."""
    return Waiting.on(Application.make(), Biller.of(buyer()), "online")


def test_a_fresh_look_by_the_terminal_charges(waiting: Waiting) -> None:
    assert waiting.row.expires_at - waiting.row.created_at == timedelta(hours=24)
    assert_charged(waiting, waiting.post("online", waiting.fresh()))


def test_a_request_by_sms_is_parked_and_goes_on_by_the_network() -> None:
    application, biller = Application.make(), Biller.bound(buyer())
    want("online", application.package)
    row = biller.bill_by_sms(application)
    waiting = Waiting(application, biller, row.public_id)
    assert waiting.state == "awaiting_online"
    # Another SMS is another request, which is parked beside the first.
    assert biller.bill_by_sms(application).pk != row.pk
    assert waiting.state == "awaiting_online"
    assert is_uncharged(biller.person)
    assert_charged(waiting, waiting.post("online", waiting.fresh()))


def test_a_nonce_that_was_fetched_before_proves_nothing(clock: Traveller) -> None:
    biller = Biller.of(buyer())
    old = biller.nonce()
    clock.shift(1)
    waiting = Waiting.on(Application.make(), biller, "online")
    assert waiting.post("online", waiting.fresh(nonce=old)).refusal == (409, "nonce_reused")
    assert is_uncharged(waiting.biller.person)


def test_a_fresh_look_is_good_once(waiting: Waiting) -> None:
    body = waiting.fresh()
    Nonce.objects.update(used_at=waiting.row.created_at)
    assert waiting.post("online", body).refusal == (409, "nonce_reused")


def test_a_counter_is_no_fresh_nonce(waiting: Waiting) -> None:
    counted = waiting.fresh(is_counted=True, nonce=(7).to_bytes(8))
    assert waiting.post("online", counted).refusal == (409, "nonce_reused")


def test_a_fresh_look_at_something_else_proves_nothing(waiting: Waiting) -> None:
    castle = waiting.fresh(item=CASTLE, amount=9_900)
    assert waiting.post("online", castle).refusal == (403, "online_required")
    cheaper = waiting.fresh(item=SWORD, amount=1)
    assert waiting.post("online", cheaper).refusal == (403, "online_required")
    assert is_uncharged(waiting.biller.person)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"key_matches": False}, "key_mismatch"),
        ({"files_match": False}, "sig_mismatch"),
        ({"seen_root": bytes(32)}, "evidence_mismatch"),
    ],
)
def test_an_application_that_changed_meanwhile_is_rejected_for_good(
    waiting: Waiting, seen: dict[str, object], reason: str
) -> None:
    answer = waiting.post("online", waiting.fresh(**seen))
    assert answer.refusal == (403, "integrity_refused")
    # Outside nobody is told which of them it was.
    assert reason.encode() not in answer.raw
    assert (waiting.state, waiting.row.reason) == ("rejected", reason)
    assert waiting.biller.signals == [reason]
    assert waiting.post("online", waiting.fresh()).refusal == (409, "request_closed")
    assert is_uncharged(waiting.biller.person)


def test_nobody_but_the_terminal_can_show_it(waiting: Waiting) -> None:
    body = waiting.fresh()
    assert waiting.post("online", body, by=waiting.biller.person).status == 401
    other = Biller.of(waiting.biller.person)
    assert waiting.post("online", body, by=other.gadget).refusal == (404, "not_found")


def test_a_password_does_not_stand_in_for_it(waiting: Waiting) -> None:
    answer = waiting.post("payment-password", {"payment_password": PASSPHRASE})
    assert answer.refusal == (403, "online_required")


@pytest.mark.parametrize("sealed", ["", "!", "AAAA", "A" * 1024])
def test_what_does_not_open_is_refused(waiting: Waiting, sealed: str) -> None:
    assert waiting.post("online", {"sealed": sealed}).refusal[0] in (400, 422)
    assert waiting.state == "awaiting_online"
