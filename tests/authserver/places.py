"""Several hosts in this process, each with a database and an origin of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connections
from django.test import override_settings

from authserver import services
from authserver.base64url import decode
from authserver.models import Server
from tests.authserver.world import Answer, Bank, LocalHost, Paired

# Tables and indexes as the migrations made them, in that order.
_TABLES = (
    "SELECT sql FROM sqlite_master WHERE sql > '' AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
)


@dataclass
class Place:
    """A host that servers move to and from.

    Attributes:
        origin: Its address.
        connection: To its database.
        root: Its public root key.
        key: The bearer key of the bank there.
    """

    origin: str
    connection: Any
    root: bytes = b""
    key: str = ""
    local: LocalHost = field(default_factory=LocalHost)

    @classmethod
    def made(cls, name: str, folder: Path) -> "Place":
        """Make a host on a database file of its own."""
        connection = connections["default"].copy()
        connection.settings_dict = {**connection.settings_dict, "NAME": folder / f"{name}.sqlite3"}
        with connections["default"].cursor() as migrated, connection.cursor() as empty:
            migrated.execute(_TABLES)
            for (table,) in migrated.fetchall():
                empty.execute(table)
        place = cls(f"https://{name}.example", connection)
        with place.entered():
            host = services.init_host(
                name=name, root_key_file=folder / f"{name}.key", now=datetime.now(UTC)
            )
        place.root = host.root
        return place

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be this host for a while."""
        usual = connections["default"]
        connections["default"] = self.connection
        try:
            with override_settings(AUTHSERVER_ORIGIN=self.origin):
                yield
        finally:
            connections["default"] = usual

    def admit(self, bank: Bank) -> None:
        """Let the bank in."""
        with self.entered():
            self.key = services.add_platform(
                platform_id=bank.information.id,
                origin=bank.information.origin,
                root=bank.root.public,
            )

    def call(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        """Ask this host; the bank's key is the one it has here."""
        with self.entered():
            return self.local.call(method, path, body, None if key is None else self.key)

    def trust(self, other: "Place") -> None:
        """Pin the root of another one."""
        with self.entered():
            services.trust_host(origin=other.origin, root=other.root)


def at(place: Place, paired: Paired) -> Paired:
    """Look for a server at this host; its token is the same."""
    return replace(paired, host=place)


def row(place: Place, paired: Paired) -> Server:
    """Return a server's row at this host."""
    with place.entered():
        return Server.objects.get(vk=paired.vk)


def ask_offer(target: Place, origin: str, paired: Paired, **changes: object) -> Answer:
    """Ask a host whether it would take a server from the host at this address."""
    body = {
        "vk": paired.vk,
        "serial": paired.serial,
        "suite": str(paired.token.suite),
        "source": origin,
    }
    return target.call("POST", "/v1/offers", body | changes, target.key)


def move(source: Place, target: Place, paired: Paired) -> Answer:
    """Have one host give a server away to another."""
    return at(source, paired).call("POST", "/move", ask_offer(target, source.origin, paired).body)


def package(source: Place, paired: Paired) -> bytes:
    """Fetch a server that has left."""
    answer = at(source, paired).call("GET", "/package")
    assert answer.status == 200, answer
    return answer.raw


def bring(target: Place, data: bytes) -> Answer:
    """Have a host take a server in."""
    return target.call("POST", "/v1/servers/import", data, target.key)


def carry(source: Place, target: Place, paired: Paired) -> Paired:
    """Move a server, all of it; return it at its new host."""
    assert move(source, target, paired).status == 200
    answer = bring(target, package(source, paired))
    assert answer.status == 200, answer
    moved = at(target, paired)
    moved.certificate = decode(answer.body["certificate"])
    return moved
