"""Phones without a network that many speak for at once: each number, tbs and code counts once."""

import pytest

from tests.concurrency.conftest import Race
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

RACES = "tests.concurrency.offline"
PRICE = 250
FINE = {"failures": 0, "locked": False, "state": "active"}


def test_of_one_application_thirty_two_times_one_is_accepted(racing: Race, services: Live) -> None:
    found = racing(services, "same_serial")
    assert found["ended"] == {"done": 1, "serial_reused": 31}
    assert found["states"] == {"tbs_issued": 1}
    assert found["state"] == "active"


def test_of_many_under_one_counter_one_is_accepted_and_the_phone_is_stopped(
    racing: Race, services: Live
) -> None:
    found = racing(services, "same_counter")
    assert found["ended"].pop("done") == 1
    assert set(found["ended"]) <= {"serial_stale", "unknown_client"}
    assert found["states"] == {"tbs_issued": 1}
    assert found["state"] == "suspended cloned"


def test_numbers_that_are_looked_at_first_would_be_taken_twice(
    racing: Race, on_postgres: Live
) -> None:
    ended = racing(on_postgres, "same_serial_unguarded")["ended"]
    # The constraints still hold: it breaks instead of paying twice.
    assert ended["IntegrityError"] > 0


def test_one_tbs_that_is_countersigned_by_thirty_two_is_paid_once(
    racing: Race, services: Live
) -> None:
    found = racing(services, "one_tbs")
    assert found == {
        "ended": {"done": 32},
        "states": {"approved": 1},
        "paid": PRICE,
        **FINE,
    }


def test_a_tbs_that_is_looked_at_first_would_be_decided_twice(
    racing: Race, on_postgres: Live
) -> None:
    # Of the first payment, and of this one, each once.
    assert racing(on_postgres, "one_tbs_unguarded")["told"] > 2


def test_five_of_thirty_two_wrong_passwords_are_looked_at(racing: Race, services: Live) -> None:
    found = racing(services, "guess")
    assert found["ended"] == {"countersign_invalid": 5, "offline_password_locked": 27}
    assert found["states"] == {"rejected": 32}
    assert (found["failures"], found["locked"], found["paid"]) == (5, True, 0)


def test_passwords_that_are_counted_after_a_look_would_be_tried_more_often(
    racing: Race, on_postgres: Live
) -> None:
    assert racing(on_postgres, "guess_unguarded")["ended"]["countersign_invalid"] > 5


def test_many_right_passwords_at_once_never_lock(racing: Race, services: Live) -> None:
    found = racing(services, "know")
    assert found == {
        "ended": {"done": 8},
        "states": {"approved": 8},
        "paid": 8 * PRICE,
        **FINE,
    }


def test_payments_at_once_never_pass_the_limit(racing: Race, services: Live) -> None:
    found = racing(services, "pay_to_the_cap")
    assert found["ended"] == {"done": 3, "limit_exceeded": 9}
    assert found["states"] == {"approved": 3, "rejected": 9}
    assert found["paid"] == 3 * PRICE


def test_a_limit_that_is_only_looked_at_would_be_passed(racing: Race, on_postgres: Live) -> None:
    assert racing(on_postgres, "pay_unguarded")["paid"] > 3 * PRICE


def test_of_one_code_thirty_two_times_one_is_taken(racing: Race, services: Live) -> None:
    found = racing(services, "same_code")
    # Whoever repeats the request that took it is told so again.
    assert found["ended"] in ({"done": 1, "serial_reused": 31}, {"done": 16, "serial_reused": 16})
    assert (found["states"], found["paid"]) == ({"approved": 1}, PRICE)


def test_each_ends_one_way_whoever_stops_it(racing: Race, services: Live) -> None:
    found = racing(services, "pay_or_stop")
    assert found["ended"] == {"done": 6}
    assert set(found["states"]) <= {"approved", "rejected", "expired"}
    assert sum(found["states"].values()) == 6
    assert found["paid"] == PRICE * found["states"].get("approved", 0)


def test_a_device_stands_at_one_service_and_never_at_one_that_ended(
    racing: Race, services: Live
) -> None:
    found = racing(services, "put_up")
    # The four of one service are told yes each time, those of the other one no.
    assert found["at_two"] == {"done": 4, "relay_elsewhere": 4}
    assert set(found["while_it_ends"]) <= {"done", "service_ended"}
    assert found["standing"] == 1
