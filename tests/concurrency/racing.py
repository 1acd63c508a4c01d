"""Races with the services themselves, on the site's database.

Only a process with the site's settings reaches it, so the races of modules such as
``tests.concurrency.spending`` are run by a program, this one: it reads the names of a module and
of a race, a line each, and writes how it ended, as a line of JSON.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Barrier
from typing import Any

import django
from django.db import connection

from tests.e2e.live import Live

ROOT = Path(__file__).resolve().parents[2]
# Seconds: a control waits until all have looked, since a starved machine would not race them.
PATIENCE = 60


@contextmanager
def program(services: Live) -> Iterator[Callable[[str, str], Any]]:
    """Run the program for a while; yield what runs a race, by the names of module and race."""
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            env={
                **services.environment("platform"),
                "DJANGO_SETTINGS_MODULE": "countersign.settings",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as running,
    ):
        assert running.stdin is not None
        assert running.stdout is not None
        asked, told = running.stdin, running.stdout

        def race(module: str, name: str) -> Any:
            print(module, name, file=asked, flush=True)
            line = told.readline()
            log.seek(0)
            assert line, log.read()
            return json.loads(line)

        yield race
        asked.close()


def serve() -> None:
    """Be the program."""
    django.setup()
    for line in sys.stdin:
        module, name = line.split()
        outcome = import_module(module).RACES[name]()
        # A database that is started anew meanwhile must not be missed.
        connection.close()
        print(json.dumps(outcome), flush=True)  # noqa: T201  # what the test reads


def at_once(do: Callable[[int], Any], many: int) -> dict[str, int]:
    """Do something in many threads at one moment; return how often each end came."""
    barrier = Barrier(many)

    def one(number: int) -> str:
        # To connect takes longer than what is raced: who comes first would be alone.
        connection.ensure_connection()
        barrier.wait()
        try:
            do(number)
        except Exception as error:  # noqa: BLE001  # whatever it is, the test looks at it
            return str(getattr(error, "code", type(error).__name__))
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(many) as pool:
        return dict(Counter(pool.map(one, range(many))))


if __name__ == "__main__":
    serve()
