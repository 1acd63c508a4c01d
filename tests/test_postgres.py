"""The throw-away PostgreSQL server: what the concurrency tests and the bench rely on."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests import postgres as throwaway
from tests.migrated import fill, migrated


def test_commits_are_durable_as_in_production(postgres: str) -> None:
    with psycopg.connect(postgres) as connection:
        settings = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in ("fsync", "synchronous_commit", "full_page_writes")
        }
    assert set(settings.values()) == {("on",)}


def test_server_listens_on_loopback_alone(postgres: str) -> None:
    with psycopg.connect(postgres) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)


def test_a_wrong_password_is_refused(postgres: str) -> None:
    stranger = postgres.replace("postgres://postgres:", "postgres://postgres:x", 1)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(stranger)


def test_a_further_database_starts_empty(postgres: str) -> None:
    url = throwaway.create_database(postgres, "second")
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert connection.info.dbname == "second"
        assert tables.fetchone() == (0,)


def test_a_filled_database_has_the_tables_of_every_migration(postgres: str) -> None:
    url = throwaway.create_database(postgres, "filled")
    fill(url, "authserver")

    names = "SELECT app, name FROM django_migrations ORDER BY app, name"
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    with psycopg.connect(url) as filled, closing(sqlite3.connect(migrated("authserver"))) as file:
        assert filled.execute(names).fetchall() == file.execute(names).fetchall()
        made = file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert {*filled.execute(tables)} == {*made} - {("sqlite_sequence",)}


def test_a_machine_without_postgresql_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(throwaway, "DEBIAN_FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(throwaway.PostgresMissingError, match="apt install postgresql"):
        throwaway.find_postgres()
