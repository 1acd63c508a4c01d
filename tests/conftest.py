"""What the tests of every part share."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

# Fixtures of e2e, concurrency and faults, which share the running services.
from tests.e2e.fixtures import on_postgres, on_sqlite, services  # noqa: F401
from tests.postgres import PostgresMissingError, throwaway_postgres

# A busy machine is no reason to fail a property.
SLOW = [hypothesis.HealthCheck.too_slow]
# The same examples each time; HYPOTHESIS_PROFILE=explore draws others, at random.
explore = hypothesis.settings(deadline=None, suppress_health_check=SLOW)
hypothesis.settings.register_profile("explore", explore)
hypothesis.settings.register_profile("countersign", explore, derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "countersign"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Give the URL of a throw-away PostgreSQL server; skip where PostgreSQL is not installed."""
    try:
        with throwaway_postgres() as url:
            yield url
    except PostgresMissingError as missing:
        pytest.skip(str(missing))
