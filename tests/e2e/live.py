"""Both services as processes of their own, with wires in front of them and their tables open."""

import os
import secrets
import signal
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import urllib3

from countersign.person import Person
from tests.e2e.party import Party
from tests.e2e.wire import Wire
from tests.local import MigratedServices
from tests.ports import free_port, is_served
from tokens.store import TokenFile

LOOPBACK = ["127.0.0.1", "::1"]
# How long the platform waits for the authserver; it asks twice.  Longer than on a real site: on a
# busy machine an answer may take many seconds.
AUTHSERVER_TIMEOUT_SECONDS = 30


class Live(MigratedServices):
    """A platform and a host of two workers each, everything they say going over two wires.

    Attributes:
        front: The wire in front of the platform, to which its origin leads.
        back: The wire in front of the authserver, for platform and tokens alike.
        accepted: Responses of the token program that were accepted.
        patience: How many seconds the platform waits for the authserver, once it is started.
    """

    def __init__(
        self, folder: Path, *, database_url: str = "", authserver_database_url: str = ""
    ) -> None:
        super().__init__(
            folder,
            platform_port=free_port(),
            authserver_port=free_port(),
            database_url=database_url,
            authserver_database_url=authserver_database_url,
            workers=2,
        )
        self.front = Wire(self.platform_port)
        self.back = Wire(self.authserver_port)
        self.accepted: list[str] = []
        self.patience = AUTHSERVER_TIMEOUT_SECONDS
        self._parties: dict[str, Party] = {}
        self._walkers: list[Person] = []

    @property
    def origin(self) -> str:
        """The platform's address, on the wire."""
        return f"http://localhost:{self.front.port}"

    @property
    def authserver_origin(self) -> str:
        """The host's address, on the wire."""
        return f"http://localhost:{self.back.port}"

    @property
    def is_postgres(self) -> bool:
        """Whether the two keep their rows in PostgreSQL."""
        return bool(self.database_url)

    def environment(self, service: str) -> dict[str, str]:
        """Return a service's environment: the platform lets more in."""
        own = super().environment(service)
        return {
            **own,
            "AUTHSERVER_TIMEOUT_SECONDS": str(self.patience),
            # Tests call faster than any terminal, and one holder's phones pay in all of them.
            "BILLING_CALLS_PER_MINUTE": "10000",
            "OFFLINE_DAY_CAP": "50000",
            "OFFLINE_MONTH_CAP": "50000",
        }

    @contextmanager
    def up(self) -> Iterator["Live"]:
        """Set both up and have them run."""
        try:
            self.prepare()
            self.start("platform")
            yield self
        finally:
            # Nobody will read their files again.
            for service in list(self.processes):
                self.kill(service)
            self.front.close()
            self.back.close()

    def kill(self, service: str) -> None:
        """End a service with all its workers at once, as a power cut would."""
        process = self.processes.pop(service)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # Its workers may live for a moment longer.
        port = self.platform_port if service == "platform" else self.authserver_port
        while is_served(port):
            time.sleep(0.01)

    @contextmanager
    def without(self, *services: str) -> Iterator[None]:
        """Kill services, and start them again at the end."""
        for service in services:
            self.kill(service)
        try:
            yield
        finally:
            for service in services:
                self.start(service)

    @contextmanager
    def waiting(self, seconds: int) -> Iterator[None]:
        """Have the platform wait so long for the authserver; it is started anew for that."""
        usual = self.patience
        with self.without("platform"):
            self.patience = seconds
        try:
            yield
        finally:
            with self.without("platform"):
                self.patience = usual

    def party(self, name: str, kind: type[Party] = Party) -> Party:
        """Return the person of this name, signed up on first use."""
        if name not in self._parties:
            self._parties[name] = kind.sign_up(self.origin, self.folder / "mail", name)
        return self._parties[name]

    def walker(self, name: str) -> Person:
        """Return a new person who has the token program, with a token."""
        folder = self.folder / "devices"
        folder.mkdir(exist_ok=True)
        address = f"{secrets.token_hex(4)}@example.com"
        person = Person(self.origin, address, self.folder / "mail", folder, name)
        person.sign_up()
        person.enrol_token()
        self._walkers.append(person)
        return person

    @property
    def seeds(self) -> list[bytes]:
        """The seed of every token that was enrolled here."""
        files = [
            TokenFile(walker.folder / f"{walker.email}.tokens", partial(str, walker.password))
            for walker in self._walkers
        ]
        tokens = [token for file in files for token in file.load().tokens]
        tokens += [token for party in self._parties.values() for token in party.tokens.values()]
        return [token.seed for token in tokens]

    @property
    def codes(self) -> list[str]:
        """Every response that was accepted here."""
        own = [code for party in self._parties.values() for code in party.accepted]
        return own + self.accepted

    def rows(self, service: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask a service's database; ``?`` stands for a value."""
        with self._connected(service) as connection:
            if self.is_postgres:
                query = query.replace("?", "%s")
            return [tuple(row) for row in connection.execute(query, values)]

    def change(self, service: str, *statements: str) -> None:
        """Change a service's database behind its back."""
        with self._connected(service) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def count(self, service: str, table: str, condition: str, *values: Any) -> int:
        """Count rows; ``?`` stands for a value."""
        # Names come from tests alone.
        query = f"SELECT count(*) FROM {table} WHERE {condition}"  # noqa: S608
        return int(self.rows(service, query, *values)[0][0])

    def tables(self, service: str) -> list[str]:
        """Name all tables of a service."""
        query = (
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            if self.is_postgres
            else "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
        return [str(name) for (name,) in self.rows(service, query)]

    def server(self, vk: bytes) -> dict[str, Any]:
        """Ask the host how a paired server stands; that is never an attempt."""
        key = (self.folder / "host.key").read_text("ascii").strip()
        response = urllib3.request(
            "GET",
            f"{self.authserver_origin}/v1/servers/{vk.hex()}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )
        state: dict[str, Any] = response.json()
        assert response.status == 200, state
        return state

    def _connected(self, service: str) -> Any:
        url = self.database_url if service == "platform" else self.authserver_database_url
        if url:
            return closing(psycopg.connect(url))
        return closing(sqlite3.connect(self.folder / f"{service}.sqlite3", timeout=20))


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """Return how many of some spans of time overlap at most."""
    moments = sorted(moment for began, ended in spans for moment in ((began, 1), (ended, -1)))
    now = most = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most
