"""A throw-away PostgreSQL server for tests and the bench, its commits as durable as real ones."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

DEBIAN_FOLDER = Path("/usr/lib/postgresql")
OWNER = "postgres"
# Below the range from which Linux takes the ports of outgoing connections, and below that from
# which tests/ports.py takes those of services.
PORTS = range(18_000, 20_000)
START_TRIES = 5
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "''",
    "fsync": "on",
    "max_connections": "200",
}


class PostgresMissingError(Exception):
    """PostgreSQL's server programs are not on this machine."""


@contextmanager
def throwaway_postgres() -> Iterator[str]:
    """Run a PostgreSQL server of our own in a temporary folder, and remove it at the end.

    It listens on the loopback address alone, on a port of its own, and asks for a password.

    Yields:
        The URL of its ``postgres`` database; ``create_database`` makes more.

    Raises:
        PostgresMissingError: the server programs are not installed.
        RuntimeError: they are, but the server does not start.
    """
    binaries = find_postgres()
    folder = Path(tempfile.mkdtemp(prefix="countersign-postgres-"))
    cluster = folder / "cluster"
    password = secrets.token_hex(16)
    try:
        _make_cluster(binaries, cluster, password)
        port = _start(binaries, cluster)
        try:
            yield f"postgres://{OWNER}:{password}@127.0.0.1:{port}/postgres"
        finally:
            # Immediate: nobody will read these files again.
            _run(binaries / "pg_ctl", "stop", "--pgdata", cluster, "--mode", "immediate")
    finally:
        shutil.rmtree(folder)


def create_database(server_url: str, name: str) -> str:
    """Make a further database on a throw-away server and return its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return f"{server_url.rpartition('/')[0]}/{name}"


def restart(server_url: str) -> None:
    """Restart a throw-away server, cutting all connections, and wait until it serves again.

    Raises:
        RuntimeError: it does not come back.
    """
    with psycopg.connect(server_url) as connection:
        found = connection.execute("SHOW data_directory").fetchone()
    if found is None:
        raise RuntimeError("PostgreSQL does not say where it keeps its data")
    cluster = Path(found[0])
    # With a log of its own, it does not hold on to our pipe.
    restarted = _run(
        find_postgres() / "pg_ctl",
        *("restart", "--wait", "--pgdata", cluster, "--mode", "fast"),
        *("--log", cluster.with_name("log")),
    )
    if restarted.returncode != 0:
        raise RuntimeError(f"PostgreSQL does not restart: {restarted.stderr}")


def find_postgres() -> Path:
    """Return the folder of the newest ``initdb`` and ``pg_ctl``: Debian keeps them off the PATH.

    Raises:
        PostgresMissingError: there is none.
    """
    folders = sorted(
        (path.parent for path in DEBIAN_FOLDER.glob("*/bin/initdb")),
        key=lambda folder: int(folder.parent.name),
    )
    if folders:
        return folders[-1]
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    raise PostgresMissingError("PostgreSQL is not installed (apt install postgresql)")


def _make_cluster(binaries: Path, cluster: Path, password: str) -> None:
    password_file = cluster.with_name("password")
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if os.geteuid() == 0:
        shutil.chown(cluster.parent, OWNER)
        shutil.chown(password_file, OWNER)
    made = _run(
        binaries / "initdb",
        *("--pgdata", cluster, "--username", OWNER, "--pwfile", password_file),
        *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"),
    )
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed: {made.stderr}")


def _start(binaries: Path, cluster: Path) -> int:
    log = cluster.with_name("log")
    settings = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    for _ in range(START_TRIES):
        # Just try: a port that was looked up as free may be taken a moment later.
        port = secrets.choice(PORTS)
        started = _run(
            binaries / "pg_ctl",
            *("start", "--wait", "--pgdata", cluster, "--log", log),
            *("--options", f"-p {port} {settings}"),
        )
        if started.returncode == 0:
            return port
    raise RuntimeError(f"PostgreSQL does not start: {log.read_text()}")


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    # PostgreSQL refuses to run as root.
    as_owner = ["runuser", "-u", OWNER, "--"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*as_owner, *command], cwd="/", check=False, capture_output=True, text=True
    )
