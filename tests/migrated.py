"""Databases with their tables: the migrations run once, and whoever needs tables takes a copy."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import environ

from tests.postgres import find_postgres

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "var" / "migrated"
COMMANDS = {"platform": ["manage.py"], "authserver": ["-m", "authserver"]}


def migrated(service: str) -> Path:
    """Return an SQLite file with a service's tables, made anew when its migrations changed."""
    with _kept(service, "sqlite3") as made:
        if not made.exists():
            unfinished = made.with_stem(f"{service}-unfinished")
            _migrate(service, f"sqlite:///{unfinished}")
            unfinished.rename(made)
    return made


def fill(url: str, service: str) -> None:
    """Give an empty database a service's tables."""
    if url.startswith("sqlite:///"):
        shutil.copyfile(migrated(service), url.removeprefix("sqlite:///"))
        return
    with _kept(service, "sql") as made:
        if not made.exists():
            _migrate(service, url)
            unfinished = made.with_stem(f"{service}-unfinished")
            _postgres("pg_dump", "--no-owner", f"--file={unfinished}", url)
            unfinished.rename(made)
            return
    options = ("--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1")
    _postgres("psql", *options, f"--file={made}", url)


@contextmanager
def _kept(service: str, ending: str) -> Iterator[Path]:
    """Say where the tables are kept, or are to be; nobody else makes them meanwhile."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = FOLDER / f"{service}-{_digest(service)}.{ending}"
    # The runs of tests/run.py ask at the same moment.
    with (FOLDER / f"{service}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in FOLDER.glob(f"{service}-*.{ending}"):
                old.unlink()
        yield made


def _digest(service: str) -> str:
    """Tell what the tables are made of: our migrations, and the versions of everybody else's."""
    sources = [*ROOT.glob(f"{service}/**/migrations/*.py"), ROOT / "requirements.txt"]
    content = b"".join(path.read_bytes() for path in sorted(sources))
    return hashlib.sha256(content).hexdigest()[:16]


def _migrate(service: str, url: str) -> None:
    environ.Env.read_env(ROOT / "tests" / "test.env")
    urls = dict.fromkeys(["DATABASE_URL", "AUTHSERVER_DATABASE_URL"], url)
    subprocess.run(
        [sys.executable, *COMMANDS[service], "migrate", "--verbosity=0"],
        cwd=ROOT,
        env={**os.environ, **urls, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"},
        check=True,
    )


def _postgres(program: str, *arguments: str) -> None:
    subprocess.run([find_postgres() / program, *arguments], check=True, stdout=subprocess.DEVNULL)
