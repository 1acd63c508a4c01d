"""Ports of this machine for the services of tests, which no two test runs choose alike."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the range from which Linux takes the ports of outgoing connections: a service that is
# down for a moment must find its port free.
PORTS = range(20_000, 32_000)
_CLAIMS = Path(tempfile.gettempdir(), f"countersign-ports-{os.geteuid()}")


def free_port() -> int:
    """Return a port that stays free until a service takes it: it is ours while we run."""
    _CLAIMS.mkdir(mode=0o700, exist_ok=True)
    while True:
        port = random.choice(PORTS)  # noqa: S311  # no secret
        if _is_claimed(port) and not is_served(port):
            return port


def is_served(port: int) -> bool:
    """Tell whether somebody listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_claimed(port: int) -> bool:
    """Claim a port; tell whether nobody had.  The lock goes when this process ends."""
    claim = os.open(_CLAIMS / str(port), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claim)
        return False
    return True
