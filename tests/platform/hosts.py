"""A second authentication server, for tests of several hosts; both trust each other."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from enrolment.models import AuthserverHost
from enrolment.services import add_host
from tests.local import MigratedServices
from tests.platform.world import Authserver, now
from tests.ports import free_port


@contextmanager
def second_authserver(first: Authserver, folder: Path) -> Iterator[Authserver]:
    """Run another one that serves the same platform."""
    services = MigratedServices(folder, authserver_port=free_port())
    key_file = folder / "key"
    fingerprint = services.prepare_authserver(
        platform_root=first.platform_root.public.hex(), key_file=key_file, name="Second host"
    )
    second = Authserver(
        services, first.platform_root, key_file.read_text("ascii").strip(), fingerprint
    )
    with services.running("authserver"):
        trust(first, second)
        trust(second, first)
        yield second


@contextmanager
def rolled_back(authserver: Authserver) -> Iterator[None]:
    """Afterwards, bring the host's database back to what it was before."""
    services = authserver.services
    database, backup = services.folder / "authserver.sqlite3", services.folder / "backup"
    copy(database, backup)
    yield
    services.stop("authserver")
    for behind in ("-wal", "-shm"):
        Path(f"{database}{behind}").unlink(missing_ok=True)
    backup.replace(database)
    services.start("authserver")


def copy(database: Path, backup: Path) -> None:
    """Copy an SQLite database that is in use."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)


def trust(one: Authserver, other: Authserver) -> None:
    """Have a host trust another one."""
    root = other.services.authserver("keys").split("root")[1].split("\n")[0].split()[-1]
    one.services.authserver("trust_host", other.origin, "--root", root)


def registered(authserver: Authserver) -> AuthserverHost:
    """Register a host with the platform."""
    return add_host(
        origin=authserver.origin,
        key=authserver.key,
        fingerprint=authserver.fingerprint,
        now=now(),
    )
