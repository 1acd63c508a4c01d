"""A web server on the loopback address whose answers a test computes."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

HOSTS = ["127.0.0.1"]


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is answered; ``announced`` bytes when the answer is cut off before its end."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = None

    @classmethod
    def of(cls, document: Any, status: int = 200) -> "Answer":
        return cls(json.dumps(document).encode(), status)

    @classmethod
    def problem(cls, status: int, code: str, **members: Any) -> "Answer":
        detail = {"status": status, "code": code, "detail": "No.", **members}
        return cls.of(detail, status)


@contextmanager
def answering(answer: Callable[[Asked], Answer]) -> Iterator[str]:
    """Serve until the end; yields the origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = dict(self.headers.items())
            given = answer(Asked(self.command, self.path, headers, body))
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(given.announced or len(given.body)))
            self.end_headers()
            # The caller may have given up.
            with suppress(ConnectionError):
                self.wfile.write(given.body)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, in_background(server):
        yield f"http://127.0.0.1:{server.server_port}"


@contextmanager
def in_background(server: ThreadingHTTPServer) -> Iterator[None]:
    """Have a server serve in a thread of its own."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
