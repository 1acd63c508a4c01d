"""Both services as processes, once for the whole run on each database."""

from collections.abc import Iterator

import pytest

from tests.e2e.live import Live
from tests.postgres import create_database


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Both services, each on an SQLite file of its own."""
    with Live(tmp_path_factory.mktemp("sqlite")).up() as live:
        yield live


@pytest.fixture(scope="session")
def on_postgres(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Both services, each on a PostgreSQL database of its own."""
    live = Live(
        tmp_path_factory.mktemp("postgres"),
        database_url=create_database(postgres, "platform"),
        authserver_database_url=create_database(postgres, "authserver"),
    )
    with live.up():
        yield live


@pytest.fixture(params=["sqlite", "postgres"])
def services(request: pytest.FixtureRequest) -> Live:
    """Both services, on one database after the other."""
    live: Live = request.getfixturevalue(f"on_{request.param}")
    return live
