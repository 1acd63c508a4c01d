"""How programs on the user's side call a service: tokens their host and platform, terminals too.

Over HTTPS unless the service is on this machine, following no redirect, and reading no more of an
answer than can be right.
"""

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
from urllib3.util import Retry, Timeout

from tokens.errors import RefusedError

# The largest right answer is a directory of keys (docs/protocol.md section 9); a caller that waits
# for a list says how long that may be.
MAX_ANSWER_BYTES = 64_000
# A platform asks the paired server before it answers.
TIMEOUT = Timeout(connect=5, read=30)

_ORIGIN = re.compile(
    r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"
)
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_SENTENCE = 300


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered, whatever its status."""

    status: int
    headers: Mapping[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal as a service gave it (RFC 9457), fit to be shown.

    Attributes:
        code: Stable.
        detail: One line, nothing in it that a terminal would obey.
        members: The whole document.
    """

    code: str
    detail: str
    members: Mapping[str, Any]


class Web:
    """One pool of connections to services."""

    def __init__(self, ca_file: Path | None = None, *, retries: Retry) -> None:
        """Prepare to call.

        Args:
            ca_file: Certificates (PEM) to trust for HTTPS in place of the system's.
            retries: What is tried again when there is no answer.

        Raises:
            RefusedError: ``ca_file_invalid``.
        """
        try:
            # The system's own take 50 ms to read: urllib3 does that when it is HTTPS.
            context = ssl.create_default_context(cafile=ca_file) if ca_file else None
        except OSError as error:
            raise RefusedError("ca_file_invalid", "the file of certificates is unfit") from error
        self._pool = urllib3.PoolManager(ssl_context=context, timeout=TIMEOUT, retries=retries)

    def ask(
        self,
        method: str,
        origin: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        most: int = MAX_ANSWER_BYTES,
    ) -> Reply:
        """Call a service, and read its whole answer, of so many bytes at most.

        Raises:
            RefusedError: ``origin_refused``, ``certificate_untrusted``, ``server_unavailable``,
                or ``answer_invalid`` for one that is too long.
        """
        with self.opened(method, origin, path, body=body, headers=headers) as response:
            data = response.read(most + 1, decode_content=False)
            if len(data) > most:
                raise answer_invalid(origin)
            return Reply(response.status, response.headers, data)

    @contextmanager
    def opened(
        self,
        method: str,
        origin: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Call a service, and leave the reading of its answer to the caller; errors as ask."""
        if _ORIGIN.fullmatch(origin) is None:
            raise RefusedError(
                "origin_refused", "the address is neither https:// nor on this machine"
            )
        try:
            response = self._pool.request(
                method,
                origin + path,
                body=body,
                headers={"Content-Type": "application/json", **(headers or {})},
                redirect=False,
                preload_content=False,
            )
            try:
                yield response
            finally:
                response.close()
        except HTTPError as error:
            raise _no_answer(origin, error) from error


def problem_of(origin: str, status: int, data: bytes) -> Problem:
    """Read a refusal; anything but a problem document is no answer to rely on.

    Raises:
        RefusedError: ``answer_invalid``.
    """
    members = read_json(data) or {}
    code, detail = members.get("code"), members.get("detail")
    if status < HTTPStatus.BAD_REQUEST or not is_code(code):
        raise answer_invalid(origin)
    # It goes to a terminal: nothing that a terminal would obey, and one line of it.
    sentence = "".join(c for c in str(detail or "refused") if c.isprintable())
    return Problem(str(code), sentence[:_MAX_SENTENCE], members)


def read_json(data: bytes) -> dict[str, Any] | None:
    """Return a JSON object; ``None`` for anything else."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def answer_invalid(origin: str) -> RefusedError:
    """Return the refusal of an answer that no service of ours gives."""
    return RefusedError("answer_invalid", f"{origin} does not answer as it should")


def is_code(value: object) -> bool:
    """Tell whether something has the form of a stable code."""
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _no_answer(origin: str, error: HTTPError) -> RefusedError:
    if isinstance(error, MaxRetryError) and isinstance(error.reason, SSLError):
        return RefusedError("certificate_untrusted", f"{origin} shows no certificate we trust")
    return RefusedError(
        "server_unavailable", f"{origin} gives no answer; nothing is lost: try again"
    )
