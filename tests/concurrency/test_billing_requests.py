"""Billing requests that are sent, proved and paid back many times at once: each counts once."""

import pytest

from tests.concurrency.conftest import Race
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

RACES = "tests.concurrency.billing"
PRICE = 250
CAP = 4 * PRICE


def test_sixteen_replays_over_both_channels_are_charged_once(racing: Race, services: Live) -> None:
    found = racing(services, "replay")
    assert found == {"states": {"captured": 1}, "paid": -PRICE, "spent": [PRICE]}


def test_a_counter_that_comes_sixteen_times_is_taken_once(racing: Race, services: Live) -> None:
    found = racing(services, "count")
    assert found["ended"] == {"done": 1, "nonce_reused": 15}
    assert found["states"] == {"awaiting_paypass": 1}


def test_a_terminal_never_has_more_than_twenty_nonces(racing: Race, services: Live) -> None:
    assert racing(services, "draw") == 20


def test_a_terminal_that_registers_eight_times_at_once_agrees_on_one_key(
    racing: Race, services: Live
) -> None:
    assert racing(services, "register") == {"ended": {"done": 8}, "shares": 1}


def test_of_sixteen_proofs_of_one_request_one_charges(racing: Race, services: Live) -> None:
    found = racing(services, "prove")
    assert found.pop("ended") == {"done": 1, "request_closed": 15}
    assert found == {"states": {"captured": 1}, "paid": -PRICE, "spent": [PRICE]}


def test_charges_at_once_never_pass_the_limit(racing: Race, services: Live) -> None:
    found = racing(services, "charge_to_the_cap")
    assert found["ended"] == {"done": 4, "cap_exceeded": 8}
    assert (found["paid"], found["spent"]) == (-CAP, [CAP])


def test_a_limit_that_is_only_looked_at_would_be_passed(racing: Race, on_postgres: Live) -> None:
    assert racing(on_postgres, "charge_unguarded")["paid"] < -CAP


def test_of_eight_who_pay_one_charge_back_one_does(racing: Race, services: Live) -> None:
    found = racing(services, "pay_back")
    assert found["ended"] == {"done": 1, "charge_not_captured": 7}
    assert found["states"] == {"refunded": 1, "captured": 1}
    assert found["paid"] == -PRICE


def test_a_charge_is_disputed_once_and_answered_once(racing: Race, services: Live) -> None:
    found = racing(services, "dispute")
    assert found["opened"] == {"done": 1, "dispute_known": 7}
    assert found["answered"] == {"done": 1, "dispute_closed": 7}
    assert (found["states"], found["paid"]) in (({"refunded": 1}, 0), ({"captured": 1}, -PRICE))


def test_a_request_is_charged_or_ended_and_never_both(racing: Race, services: Live) -> None:
    found = racing(services, "charge_or_cancel")
    charged = found["states"].get("captured", 0)
    assert sum(found["states"].values()) == 6
    assert set(found["states"]) <= {"captured", "cancelled", "expired"}
    assert found["paid"] == -PRICE * charged
