"""The billing manager as a service of its own, for the resources on the same terminal alone.

It listens on loopback, and whoever calls it shows a secret that lies in a file of the terminal's
owner: programs of other users, and pages in a browser, cannot use it.
"""

import hmac
import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from protocol.billing import Operation
from protocol.content import Release
from protocol.errors import ProtocolError
from protocol.fields import check_uint
from protocol.files import replace_file
from protocol.jwk import from_base64, to_base64
from terminal.errors import TerminalError
from terminal.manager import BillingManager
from terminal.resource import BillingRequest
from tokens.web import read_json

LOOPBACK = "127.0.0.1"
AUTHORIZE, OPEN_KEY = "/authorize", "/open-key"
# What a resource asks has a few hundred bytes.
MAX_BODY_BYTES = 10_000
_IDLE_SECONDS = 10
_SECRET_BYTES = 32


@contextmanager
def serving(
    manager: BillingManager, file: Path, *, port: int = 0
) -> Iterator[ThreadingHTTPServer]:
    """Listen, and say in a file how; ``serve_forever`` is the caller's to call.

    Args:
        manager: Answers.
        file: Gets address and secret, for its owner alone; removed at the end.
        port: On loopback; any free one by default.

    Raises:
        TerminalError: ``port_in_use``, or ``folder_unusable``.
    """
    service = _Service(manager, secrets.token_urlsafe(_SECRET_BYTES))
    try:
        server = _Server((LOOPBACK, port), service.handler())
    except OSError as error:
        raise TerminalError("port_in_use", f"port {port} cannot be listened on") from error
    with server:
        service.host = f"{LOOPBACK}:{server.server_port}"
        way = {"origin": f"http://{service.host}", "secret": service.secret}
        try:
            # An earlier file's mode would be kept; ours is for the owner alone.
            file.unlink(missing_ok=True)
            replace_file(file, json.dumps(way).encode())
        except OSError as error:
            raise TerminalError("folder_unusable", f"{file} cannot be written") from error
        try:
            yield server
        finally:
            file.unlink(missing_ok=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a caller that went away."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


@dataclass(slots=True, repr=False)
class _Service:
    manager: BillingManager
    secret: str
    host: str = ""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _IDLE_SECONDS

            def do_POST(self) -> None:
                is_ours = service.is_from_us(
                    self.headers.get("Authorization", ""), self.headers.get("Host", "")
                )
                status, answer = service.answer(self.path, self._body(), is_ours=is_ours)
                data = json.dumps(answer).encode()
                self.send_response(status)
                is_good = status is HTTPStatus.OK
                self.send_header(
                    "Content-Type", "application/json" if is_good else "application/problem+json"
                )
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _body(self) -> bytes:
                length = self.headers.get("Content-Length", "")
                is_fit = length.isascii() and length.isdigit() and int(length) <= MAX_BODY_BYTES
                return self.rfile.read(int(length)) if is_fit else b""

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing: requests hold what nobody else need know."""

        return Handler

    def answer(
        self, path: str, body: bytes, *, is_ours: bool
    ) -> tuple[HTTPStatus, dict[str, Any]]:
        """Return status and JSON of the answer to one request."""
        if not is_ours:
            return _problem(
                HTTPStatus.UNAUTHORIZED,
                "not_authenticated",
                "only programs of this terminal may ask",
            )
        asked = read_json(body)
        try:
            if path == AUTHORIZE:
                return HTTPStatus.OK, {"status_code": self.manager.authorize(_request(asked))}
            if path == OPEN_KEY:
                release, sealed = _release(asked)
                key = self.manager.open_key(release, sealed)
                return HTTPStatus.OK, {"content_key": to_base64(key)}
        except (ProtocolError, ValueError, KeyError, TypeError):
            return _problem(HTTPStatus.BAD_REQUEST, "input_invalid", "this is no request")
        except TerminalError as error:
            members = {**error.members, "status": int(HTTPStatus.FORBIDDEN)}
            return _problem(HTTPStatus.FORBIDDEN, error.code, str(error), members)
        return _problem(HTTPStatus.NOT_FOUND, "not_found", "there is nothing here")

    def is_from_us(self, authorization: str, host: str) -> bool:
        """Tell whether a request comes from who may read our file."""
        is_ours = hmac.compare_digest(authorization.encode(), f"Bearer {self.secret}".encode())
        # The host as well: a name that a web page had led here is not ours.
        return is_ours and host == self.host


def _request(asked: Any) -> BillingRequest:
    check_uint("version", asked["version"], low=1)
    return BillingRequest(
        resource=bytes.fromhex(asked["resource"]),
        version=asked["version"],
        build=bytes.fromhex(asked["build"]),
        operation=Operation(asked["operation"]),
        rnonce=bytes.fromhex(asked["rnonce"]),
        resource_key=from_base64(asked["resource_key"]),
    )


def _release(asked: Any) -> tuple[Release, bytes]:
    release = Release(
        resource=bytes.fromhex(asked["resource"]),
        version=asked["version"],
        device=from_base64(asked["device"]),
        rnonce=bytes.fromhex(asked["rnonce"]),
    )
    return release, from_base64(asked["sealed"])


def _problem(
    status: HTTPStatus, code: str, detail: str, members: Mapping[str, Any] | None = None
) -> tuple[HTTPStatus, dict[str, Any]]:
    return status, {**(members or {}), "status": int(status), "code": code, "detail": detail}
