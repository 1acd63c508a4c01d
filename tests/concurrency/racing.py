"""Races with the services themselves, on the site's database.

Only a process with the site's settings reaches it, so the races of a module such as
``tests.concurrency.spending`` are run by a program, ``python -m MODULE``: it reads their names,
a line each, and writes how each ended, as a line of JSON.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

from django.db import connection

from tests.e2e.live import Live

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def program(services: Live, module: str) -> Iterator[Callable[[str], Any]]:
    """Run the program of a module for a while; yield what runs a race by its name."""
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            [sys.executable, "-m", module],
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

        def race(name: str) -> Any:
            print(name, file=asked, flush=True)
            line = told.readline()
            log.seek(0)
            assert line, log.read()
            return json.loads(line)

        yield race
        asked.close()


def serve(races: Mapping[str, Callable[[], Any]]) -> None:
    """Be such a program."""
    for line in sys.stdin:
        print(json.dumps(races[line.strip()]()), flush=True)  # noqa: T201  # what the test reads


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
