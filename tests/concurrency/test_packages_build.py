"""Several builds of one application at once: each has a number of its own, and none is lost."""

import pytest

from tests.concurrency.conftest import Race
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

RACES = "tests.concurrency.building"
BUILDS = 6


def test_builds_at_once_get_a_number_each(racing: Race, services: Live) -> None:
    outcome = racing(services, "build")

    # Some packed under a number that another one took first: what they packed is gone.
    assert outcome.pop("lost") > 0
    assert outcome == {
        "ended": {"done": BUILDS},
        "numbers": list(range(1, BUILDS + 1)),
        "items": BUILDS,
        "files": BUILDS,
    }
