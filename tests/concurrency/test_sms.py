"""SMS that several workers send, or that come in several times at once: each goes once."""

import pytest

from tests.concurrency.conftest import Race
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

RACES = "tests.concurrency.texting"
MESSAGES = 10


def test_eight_workers_send_each_sms_once(racing: Race, services: Live) -> None:
    assert racing(services, "deliver") == [1] * MESSAGES


def test_without_claims_they_would_send_some_twice(racing: Race, on_postgres: Live) -> None:
    assert max(racing(on_postgres, "deliver_unguarded")) > 1


def test_an_sms_that_comes_in_eight_times_at_once_is_taken_once(
    racing: Race, services: Live
) -> None:
    assert racing(services, "take") == [1]
