"""A host in processes of its own, and calls to it at once."""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from tests.authserver.world import Answer, Bank
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
# Long: five test runs may be starting services of theirs on two processors.
START_SECONDS = 120


class ServedHost:
    """A host in other processes, over HTTP."""

    def __init__(self, port: int) -> None:
        self.port = port

    def call(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        sent = None if body is None else json.dumps(body)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as calling:
            calling.request(method, path, sent, headers)
            response = calling.getresponse()
            raw = response.read()
        return Answer(response.status, json.loads(raw), raw)

    def post_form(self, path: str, fields: dict[str, str]) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as calling:
            calling.request("POST", path, urlencode(fields), headers)
            response = calling.getresponse()
            return Answer(response.status, {}, response.read())

    def is_ready(self) -> bool:
        try:
            return self.call("GET", "/readyz").status == 200
        except OSError:
            return False


@contextmanager
def serving(environment: dict[str, str], *command: str) -> Iterator[ServedHost]:
    """Run a server in processes of its own for as long as the block lasts."""
    host = ServedHost(free_port())
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--port", str(host.port)], cwd=ROOT, env=environment
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not host.is_ready():
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not get ready"
            time.sleep(0.1)
        yield host
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def run(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "authserver", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def admitted(environment: dict[str, str], name: str) -> Bank:
    bank = Bank.make(name, datetime.now(UTC))
    key = run(
        environment,
        *("add_platform", "--id", name, "--origin", bank.information.origin),
        *("--root", bank.root.public.hex()),
    )
    return replace(bank, key=key)


def at_once(calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Make every call from a thread of its own, all let go together."""
    barrier = threading.Barrier(len(calls))
    answers: dict[int, Answer] = {}

    def work(place: int, call: Callable[[], Answer]) -> None:
        barrier.wait()
        answers[place] = call()

    threads = [
        threading.Thread(target=work, args=(place, call)) for place, call in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[place] for place in range(len(calls))]
