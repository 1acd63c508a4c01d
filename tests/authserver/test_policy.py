"""GET, PUT /v1/policy: a platform may be stricter than its host, never laxer."""

import time
from datetime import UTC, datetime

import pytest
import time_machine

from authserver.models import MAX_LOCK_SECONDS, Platform
from tests.authserver.conftest import admitted
from tests.authserver.world import Answer, Bank, LocalHost, Paired

HOSTS_OWN = {"max_failures": 5, "locks": [60, 300, 1800, 86_400], "budget": 30}
STRICT = {"max_failures": 2, "locks": [120, 600, 3600, 86_400], "budget": 5}


def put(paired: Paired, **changes: object) -> Answer:
    return paired.host.call("PUT", "/v1/policy", HOSTS_OWN | changes, paired.bank.key)


def test_the_hosts_own_limits_hold_where_nothing_was_set(active: Paired) -> None:
    assert active.host.call("GET", "/v1/policy", key=active.bank.key).body == HOSTS_OWN


def test_a_stricter_policy_locks_sooner_and_longer(
    active: Paired, clock: time_machine.Traveller
) -> None:
    assert put(active, **STRICT).body == STRICT
    assert active.host.call("GET", "/v1/policy", key=active.bank.key).body == STRICT
    status = active.status()
    assert (status["tries_left"], status["max_failures"], status["budget"]) == (2, 2, 5)
    for number, seconds in enumerate((120, 600)):
        last = active.fail(active.statement(number=number), 2)
        assert last.body["reason"] == "attempts_exhausted"
        assert last.body["locked_until"] == int(time.time()) + seconds
        clock.move_to(last.body["locked_until"])
    assert active.status()["tries_left"] == 1
    blocked = active.fail(active.statement(number=9), 1)
    assert (blocked.body["reason"], active.status()["is_blocked"]) == ("attempts_exhausted", True)


def test_the_first_wrong_response_may_lock(active: Paired) -> None:
    put(active, max_failures=1)
    assert active.fail(active.statement(), 1).body["reason"] == "attempts_exhausted"


def test_a_policy_made_stricter_holds_from_the_next_wrong_response_on(active: Paired) -> None:
    active.fail(active.statement(), 4)
    put(active, max_failures=2)
    assert active.status()["tries_left"] == 1
    statement = active.statement(number=1)
    assert active.fail(statement, 1).body["reason"] == "attempts_exhausted"


def test_a_laxer_policy_gives_no_try_back(active: Paired) -> None:
    put(active, max_failures=3)
    active.fail(active.statement(), 2)
    put(active, max_failures=5)
    assert active.status()["tries_left"] == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"max_failures": 0},
        {"max_failures": 6},
        {"budget": 0},
        {"budget": 31},
        {"locks": []},
        {"locks": [60, 300, 1800]},
        {"locks": [60, 300, 1800, 86_400, 86_400]},
        {"locks": [59, 300, 1800, 86_400]},
        {"locks": [60, 300, 1800, 86_399]},
        {"locks": [600, 300, 1800, 86_400]},
        {"locks": [60, 300, 1800, MAX_LOCK_SECONDS + 1]},
        {"locks": [60, 300, 1800, 1.5]},
        {"locks": [60, 300, 1800, "86400"]},
        {"locks": [60, 300, 1800, True]},
        {"locks": "60"},
        {"max_failures": True},
        {"budget": None},
    ],
)
def test_a_laxer_or_a_malformed_policy_is_refused(
    active: Paired, changes: dict[str, object]
) -> None:
    refused = put(active, **changes)
    assert (refused.status, refused.code) == (422, "input_invalid")
    assert Platform.objects.get().locks == HOSTS_OWN["locks"]


def test_a_policy_is_its_platforms_alone(active: Paired, host: LocalHost) -> None:
    shop = admitted(Bank.make("shop", datetime.now(UTC)))
    put(active, **STRICT)
    assert host.call("GET", "/v1/policy", key=shop.key).body == HOSTS_OWN
