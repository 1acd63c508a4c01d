"""A second host beside the two services, for tests of moves."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from countersign.local import LocalServices
from tests.e2e.live import Live
from tests.local import MigratedServices
from tests.ports import free_port


class SecondHost(MigratedServices):
    """An authserver of its own, for the platform of the others; they trust each other."""

    def __init__(self, live: Live, folder: Path, *, database_url: str) -> None:
        super().__init__(
            folder,
            authserver_port=free_port(),
            authserver_database_url=database_url,
            workers=2,
        )
        self.live = live

    @property
    def origin(self) -> str:
        """The address of the platform that it serves."""
        return self.live.origin

    @contextmanager
    def up(self) -> Iterator["SecondHost"]:
        """Set it up, have it run, and register it; new tokens go to the first."""
        key_file = self.folder / "host.key"
        fingerprint = self.prepare_authserver(
            platform_root=str(self.live.folder / "platform-root.hex"),
            key_file=key_file,
            name="Second host",
        )
        with self.running("authserver"):
            _trust(self, self.live)
            _trust(self.live, self)
            self.live.manage(
                *("add_host", self.authserver_origin, "--fingerprint", fingerprint),
                *("--key-file", str(key_file)),
            )
            hosts = "UPDATE enrolment_authserverhost SET weight = 0 WHERE number = 2"
            self.live.change("platform", hosts)
            yield self

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask its database."""
        with closing(psycopg.connect(self.authserver_database_url)) as connection:
            return [tuple(row) for row in connection.execute(query)]


def _trust(one: LocalServices, other: LocalServices) -> None:
    root = other.authserver("keys").split("\nroot")[1].split("\n")[0].split()[-1]
    one.authserver("trust_host", other.authserver_origin, "--root", root)
