"""The floor as a running service."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from bench.visitors import Device
from countersign.local import ROOT
from tests.ports import free_port

START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Floor:
    """The running service, and the devices whose codes it checks."""

    port: int
    pid: int
    devices: list[Device]


@contextmanager
def running_floor(
    *, database_url: str, log_path: Path, workers: int, devices: int
) -> Iterator[Floor]:
    """Run the floor on a fresh database, served exactly as the platform is.

    Args:
        database_url: PostgreSQL.
        log_path: What it prints goes here.
        workers: Processes.
        devices: How many users with a device to make.

    Raises:
        RuntimeError: it does not start; the log's end is shown.
    """
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "FLOOR_SECRET_KEY": secrets.token_urlsafe(48),
        "FLOOR_DATABASE_URL": database_url,
    }
    made = subprocess.run(
        [sys.executable, "-m", "bench.floor", str(devices)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"),
        *("--port", str(port), "--workers", str(workers), "--blocking-threads", "4"),
        *("--no-ws", "--log-level", "warning", "bench.floor.wsgi:application"),
    ]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _await(process, port, log_path)
        yield Floor(port, process.pid, [Device(**fields) for fields in json.loads(made.stdout)])
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _await(process: "subprocess.Popen[bytes]", port: int, log_path: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(f"http://localhost:{port}/check", timeout=2)
        except HTTPError:
            # It refuses us, so it is there.
            return
        except (URLError, OSError):
            time.sleep(0.05)
    end = log_path.read_text("utf-8", "replace")[-2000:]
    raise RuntimeError(f"the floor did not start:\n{end}")
