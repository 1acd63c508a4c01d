"""How the terminal calls its platform: as a device, or as a resource with a key of its own."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import urllib3
from urllib3.util import Retry

from protocol.ed25519 import SigningKey
from terminal.dpop import HEADER, make_proof
from terminal.errors import TerminalError
from tokens.errors import RefusedError
from tokens.web import MAX_ANSWER_BYTES, Reply, Web, answer_invalid, problem_of, read_json

API = "/api/v1"
DIRECTORY = "/.well-known/countersign/keys"
# Only what never reached the platform: a proof serves once, so a repetition needs a new one.
_RETRIES = Retry(
    connect=1, read=0, redirect=0, status=0, other=0, respect_retry_after_header=False
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Client:
    """Calls one platform, over one pool of connections."""

    def __init__(
        self,
        origin: str,
        *,
        ca_file: Path | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Prepare to call.

        Args:
            origin: The platform, such as ``https://countersign.example``; nobody else is called.
            ca_file: Certificates (PEM) to trust for HTTPS in place of the system's.
            clock: Gives the current time, timezone-aware.

        Raises:
            TerminalError: ``ca_file_invalid``.
        """
        self.origin = origin
        self._clock = clock
        with _as_terminal_error():
            self._web = Web(ca_file, retries=_RETRIES)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: SigningKey,
        headers: Mapping[str, str] | None = None,
        most: int = MAX_ANSWER_BYTES,
    ) -> dict[str, Any]:
        """Call the API and return the JSON object that it answers.

        Args:
            method: Of the request, in capitals.
            path: Behind ``/api/v1``, such as ``/billing/verify``.
            body: Sent as JSON.
            key: Whose request it is; proved by a header.
            headers: More of them.
            most: Bytes that a right answer may have.

        Raises:
            TerminalError: the platform's code, its problem document in ``members``; or
                ``origin_refused``, ``certificate_untrusted``, ``server_unavailable`` or
                ``answer_invalid``.
        """
        data = b"" if body is None else json.dumps(body).encode()
        with _as_terminal_error():
            reply = self._web.ask(
                method,
                self.origin,
                API + path,
                body=data or None,
                headers=self._headers(method, path, data, key, headers),
                most=most,
            )
            answer = read_json(reply.data) if _is_good(reply.status) else None
        if answer is None:
            raise self._refusal(reply)
        return answer

    def newer_directory(self, tag: str = "") -> tuple[bytes, str] | None:
        """Return the platform's ``cs-directory`` message, unchecked, with its ETag.

        Args:
            tag: Of the one that is known.

        Returns:
            ``None`` when that is still the newest (RFC 9110 section 15.4.5).

        Raises:
            TerminalError: as :meth:`call`.
        """
        known = {"If-None-Match": tag} if tag else {}
        with _as_terminal_error():
            reply = self._web.ask("GET", self.origin, DIRECTORY, headers=known)
        if tag and reply.status == HTTPStatus.NOT_MODIFIED:
            return None
        if not _is_good(reply.status):
            raise self._refusal(reply)
        return reply.data, reply.headers.get("ETag", "")

    @contextmanager
    def opened(
        self,
        path: str,
        *,
        key: SigningKey,
        headers: Mapping[str, str],
        method: str = "GET",
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Get what is too large to be held at once; the caller reads it.  Errors as call."""
        proved = self._headers(method, path, b"", key, headers)
        with (
            _as_terminal_error(),
            self._web.opened(method, self.origin, API + path, headers=proved) as response,
        ):
            if not _is_good(response.status):
                data = response.read(MAX_ANSWER_BYTES)
                raise self._refusal(Reply(response.status, response.headers, data))
            yield response

    def _headers(
        self,
        method: str,
        path: str,
        body: bytes,
        key: SigningKey,
        more: Mapping[str, str] | None,
    ) -> dict[str, str]:
        url = self.origin + API + path
        return {HEADER: make_proof(key, method, url, body, now=self._clock()), **(more or {})}

    def _refusal(self, reply: Reply) -> TerminalError:
        with _as_terminal_error():
            if _is_good(reply.status):
                raise answer_invalid(self.origin)
            problem = problem_of(self.origin, reply.status, reply.data)
        sentence = f"{self.origin} says: {problem.detail}"
        return TerminalError(problem.code, sentence, problem.members)


@contextmanager
def _as_terminal_error() -> Iterator[None]:
    try:
        yield
    except TerminalError:
        raise
    except RefusedError as error:
        raise TerminalError(error.code, str(error)) from error


def _is_good(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
