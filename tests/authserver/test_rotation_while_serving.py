"""``rotate_kek`` while tokens answer, pair and enrol: no request fails, nothing restarts."""

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString

import psycopg
import pytest

from tests.authserver.served import ROOT, ServedHost, admitted, run, serving
from tests.authserver.softhsm import new_token
from tests.authserver.world import Answer, Bank, Paired, new_key
from tests.migrated import fill
from tests.postgres import create_database

pytestmark = pytest.mark.enable_socket

# Servers besides those that answer, so that a rotation takes some batches.
CROWD = 120
ROTATIONS = 1
TOKENS = 3

PREPARED = """
import sys, django
django.setup()
from django.utils import timezone
from authserver import services
from authserver.models import DataKey, Platform, Server
from authserver.services import seals
"""
MAKE_CROWD = """
caller = Platform.objects.get().key_hash
suite, certificate = "OCRA-1:HOTP-SHA256-8:QH64", bytes.fromhex(sys.argv[1])
for _ in range(int(sys.argv[2])):
    services.pair_server(
        caller=caller, suite=suite, certificate=certificate, label="", now=timezone.now()
    )
"""
OPEN_ALL = """
DataKey.objects.get()
print(sum(bool(seals.server_key(server)) for server in Server.objects.all()))
"""


@pytest.fixture(autouse=True)
def clock() -> None:
    """Leave the clock alone: the served host has the real time."""


@pytest.fixture(scope="module", params=["sqlite_hsm", "postgresql_file"])
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Settings of a host, migrated and set up: on each database, and with each key provider."""
    folder = tmp_path_factory.mktemp("host")
    environment = {name: value for name, value in os.environ.items() if name != "AUTHSERVER_KEK"}
    environment |= {
        "AUTHSERVER_ROOT_KEY_FILE": str(folder / "root.key"),
        "AUTHSERVER_LOG_LEVEL": "ERROR",
        "AUTHSERVER_ENV_FILE": "none",
    }
    if request.param == "sqlite_hsm":
        with new_token(folder) as softhsm:
            environment |= softhsm.environment(folder / "pin", label="kek")
            environment["AUTHSERVER_DATABASE_URL"] = f"sqlite:///{folder / 'db.sqlite3'}"
            yield set_up(environment)
    else:
        (folder / "kek").write_text(new_key())
        environment["AUTHSERVER_KEK_FILE"] = str(folder / "kek")
        server_url = request.getfixturevalue("postgres")
        environment["AUTHSERVER_DATABASE_URL"] = create_database(server_url, "rotation")
        yield set_up(environment)


def set_up(environment: dict[str, str]) -> dict[str, str]:
    fill(environment["AUTHSERVER_DATABASE_URL"], "authserver")
    run(environment, "init")
    return environment


@pytest.fixture(scope="module")
def served(environment: dict[str, str]) -> Iterator[ServedHost]:
    with serving(environment, "authserver", "serve") as host:
        yield host


@pytest.fixture(scope="module")
def bank(environment: dict[str, str]) -> Bank:
    return admitted(environment, "bank")


def python(environment: dict[str, str], code: str, *arguments: str) -> str:
    """Run code in a process of its own, as a command of the host would run."""
    done = subprocess.run(
        [sys.executable, "-c", PREPARED + code, *arguments],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "authserver.settings"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def answering(paired: Paired) -> Callable[[], Answer]:
    """Return a call that answers the next statement of a token."""
    numbers = itertools.count()
    return lambda: paired.answer(paired.statement(number=next(numbers)))


def coming(served: ServedHost, bank: Bank) -> Callable[[], Answer]:
    """Return a call that pairs and enrols another token, whose digits its holder compares."""

    def come() -> Answer:
        paired = Paired.make(served, bank)
        enrolled = paired.enrol()
        return paired.confirm() if enrolled.status == 200 else enrolled

    return come


def under_load(calls: list[Callable[[], Answer]], work: Callable[[], object]) -> list[Answer]:
    """Do some work while calls are made without a pause, each from a thread of its own."""
    answers: list[Answer] = []
    is_over = threading.Event()

    def go_on(call: Callable[[], Answer]) -> None:
        while not is_over.is_set():
            answers.append(call())

    with ThreadPoolExecutor(len(calls)) as threads:
        running = [threads.submit(go_on, call) for call in calls]
        try:
            work()
        finally:
            is_over.set()
        for thread in running:
            thread.result()
    return answers


def test_no_request_fails_while_keys_are_rotated(
    environment: dict[str, str], served: ServedHost, bank: Bank
) -> None:
    tokens = [Paired.make(served, bank) for _ in range(TOKENS)]
    for token in tokens:
        token.activate()
    python(environment, MAKE_CROWD, bank.certificate.hex(), str(CROWD))
    said: list[str] = []

    def rotate() -> None:
        said.extend(run(environment, "rotate_kek") for _ in range(ROTATIONS))

    calls = [*map(answering, tokens), coming(served, bank)]
    answers = under_load(calls, rotate)
    assert {answer.status for answer in answers} == {200}
    assert {answer.body.get("accepted", True) for answer in answers} == {True}
    assert len(answers) > ROTATIONS * TOKENS
    for line in said:
        assert int(line.split()[1]) > CROWD
    # Another process: with the keys that are left, all opens, and there is one data key.
    assert int(python(environment, OPEN_ALL)) > CROWD + TOKENS


@pytest.mark.parametrize("environment", ["postgresql_file"], indirect=True)
def test_an_old_key_waits_for_whoever_took_it_for_a_new_row(
    environment: dict[str, str],
) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    url = environment["AUTHSERVER_DATABASE_URL"]
    with (
        psycopg.connect(url) as writer,
        psycopg.connect(url, autocommit=True) as watcher,
        ThreadPoolExecutor(1) as thread,
    ):
        # As authserver.services.datakeys.current does.
        writer.execute("SELECT id FROM authserver_datakey WHERE is_current FOR KEY SHARE")
        rotation = thread.submit(run, environment, "rotate_kek")
        try:
            while not found(watcher, waiting):
                assert not rotation.done(), rotation.exception()
            assert found(watcher, "SELECT count(*) FROM authserver_datakey") == 2
            assert not found(watcher, "SELECT count(*) FROM authserver_datakey WHERE wrapped = ''")
        finally:
            writer.commit()
        rotation.result()
        assert found(watcher, "SELECT count(*) FROM authserver_datakey") == 1


def found(connection: psycopg.Connection[Any], query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
