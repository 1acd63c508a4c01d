"""A web server on the loopback address that answers as a test tells it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Service:
    """What it answers next, and what it was asked.

    Attributes:
        origin: Its address.
        status: Status of the next answers.
        body: Their body.
        location: Their ``Location``, if any.
        drop: How many of the next calls it hangs up on.
        delay: Seconds it takes to answer.
        before: Called when a call has come in, before it is answered.
        asked: Method, path and body of each call.
    """

    origin: str = ""
    status: int = 200
    body: bytes = b"{}"
    location: str = ""
    drop: int = 0
    delay: float = 0
    before: Callable[[], object] = lambda: None
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)

    def answer(self, body: object, status: int = 200) -> None:
        """Answer with bytes as they are, with anything else as JSON."""
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status

    def last_json(self) -> dict[str, Any]:
        """The JSON body of the last call."""
        document = json.loads(self.asked[-1][2])
        assert isinstance(document, dict)
        return document


@contextmanager
def serving() -> Iterator[Service]:
    """Serve on a free port of 127.0.0.1 until the end."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._handle()

        def do_GET(self) -> None:
            self._handle()

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            service.asked.append((self.command, self.path, body))
            service.before()
            if service.drop:
                service.drop -= 1
                self.close_connection = True
                return
            time.sleep(service.delay)
            self.send_response(service.status)
            self.send_header("Content-Length", str(len(service.body)))
            if service.location:
                self.send_header("Location", service.location)
            self.end_headers()
            # The caller may have given up.
            with suppress(ConnectionError):
                self.wfile.write(service.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.origin = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
