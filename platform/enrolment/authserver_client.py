"""The HTTP client of authentication servers: docs/authserver-api.md."""

import base64
import json
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import urllib3
from django.conf import settings
from urllib3.util import Retry, Timeout

from enrolment.errors import (
    AuthserverRefusedError,
    AuthserverUnavailableError,
    HostRolledBackError,
)
from protocol.fields import MAX_TIME

_MAX_ANSWER_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the server says of one statement: a verdict, or that the response was wrong.

    Attributes:
        verdict: The terminal verdict as COSE_Sign1, not yet checked; ``None`` when there is none.
        tries_left: Tries before the token locks, where the server says so.
        locked_until: Unix seconds, when the token is locked now.
    """

    verdict: bytes | None
    tries_left: int | None = None
    locked_until: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class AuthserverClient:
    """Calls one host on behalf of the platform.

    Every call may be repeated: the host answers the same question the same way.

    Attributes:
        origin: The host's address.
        key: Our bearer key there.
        patience: Seconds to wait for an answer, which is asked for once; ``None`` waits as long
            as the setting says, and asks again when none came.
    """

    origin: str
    key: str = ""
    patience: float | None = None

    def pair(self, *, suite: str, label: str, certificate: bytes) -> dict[str, Any]:
        """Make a server for a new token; the only call that is not repeated by itself."""
        body = {"suite": suite, "label": label, "certificate": to_base64(certificate)}
        return self._call("POST", "/v1/servers", body, retries=0)

    def activate(self, vk: bytes, digits: str) -> dict[str, Any]:
        """Confirm the eight digits that token and host page show."""
        return self._call("POST", f"/v1/servers/{vk.hex()}/activate", {"digits": digits})

    def change_state(self, vk: bytes, action: str) -> dict[str, Any]:
        """Suspend, resume, unlock or revoke a server."""
        return self._call("POST", f"/v1/servers/{vk.hex()}/{action}", {})

    def server(self, vk: bytes) -> dict[str, Any]:
        """Return how a server stands; asking costs nothing."""
        return self._call("GET", f"/v1/servers/{vk.hex()}")

    def keys(self) -> dict[str, Any]:
        """Return the host's root and certificates."""
        return self._call("GET", "/v1/keys")

    def judge(
        self,
        *,
        vk: bytes,
        statement: bytes,
        certificate: bytes,
        response: str,
        last_seq: int,
        tag: bytes | None = None,
    ) -> Outcome:
        """Ask for the verdict on a response."""
        body = _about(statement, certificate, last_seq, tag) | {"response": response}
        return _outcome(self._call("POST", f"/v1/servers/{vk.hex()}/verdicts", body))

    def void(
        self,
        *,
        vk: bytes,
        s: bytes,
        statement: bytes,
        certificate: bytes,
        reason: str,
        last_seq: int,
        tag: bytes | None = None,
        note: str = "",
    ) -> Outcome:
        """End a statement, unless it was accepted already: then that verdict is returned."""
        body = _about(statement, certificate, last_seq, tag) | {"reason": reason, "note": note}
        path = f"/v1/servers/{vk.hex()}/verdicts/{s.hex()}/void"
        return _outcome(self._call("POST", path, body))

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, retries: int = 1
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            response = _pool().request(
                method,
                self.origin + path,
                body=None if body is None else json.dumps(body),
                headers=headers,
                redirect=False,
                retries=_retry(retries if self.patience is None else 0),
                timeout=_timeout(self.patience),
                preload_content=False,
            )
            try:
                data = response.read(_MAX_ANSWER_BYTES + 1)
            finally:
                # Read to its end, the connection is kept; otherwise nobody may use it again.
                response.close()
        except urllib3.exceptions.HTTPError as error:
            raise AuthserverUnavailableError from error
        return _read(response.status, data)


def to_base64(data: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64(text: object) -> bytes:
    """Read base64url without padding.

    Raises:
        AuthserverUnavailableError: the host sent something else.
    """
    try:
        if not isinstance(text, str):
            raise AuthserverUnavailableError
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise AuthserverUnavailableError from error


@lru_cache(maxsize=1)
def _pool() -> urllib3.PoolManager:
    """Return the one set of keep-alive connections of this process."""
    return urllib3.PoolManager(
        num_pools=50,
        maxsize=32,
        ca_certs=settings.AUTHSERVER_CA_FILE or None,
    )


def _timeout(patience: float | None) -> Timeout:
    if patience is None:
        return Timeout(connect=2.0, read=settings.AUTHSERVER_TIMEOUT_SECONDS)
    return Timeout(total=patience)


def _retry(times: int) -> Retry:
    """Repeat a call that got no answer; an answer of any status is one, Retry-After or not."""
    return Retry(
        times, redirect=0, status=0, allowed_methods=None, respect_retry_after_header=False
    )


def _read(status: int, data: bytes) -> dict[str, Any]:
    """Return a good answer; pass a refusal on; take anything else for an outage."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise AuthserverUnavailableError from error
    if not isinstance(answer, dict) or len(data) > _MAX_ANSWER_BYTES:
        raise AuthserverUnavailableError
    if status in (HTTPStatus.OK, HTTPStatus.CREATED):
        return answer
    code = answer.get("code")
    if code == HostRolledBackError.code:
        raise HostRolledBackError
    refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    # 401: our own key is wrong there, which is an operator's trouble and not the caller's.
    if not refused or status == HTTPStatus.UNAUTHORIZED or not isinstance(code, str):
        raise AuthserverUnavailableError
    numbers = {name: _number(answer, name) for name in ("locked_until", "tries_left")}
    extra = {name: number for name, number in numbers.items() if number is not None}
    raise AuthserverRefusedError(
        code=code, status=status, detail=str(answer.get("detail", "")), **extra
    )


def _about(
    statement: bytes, certificate: bytes, last_seq: int, tag: bytes | None
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "statement": to_base64(statement),
        "certificate": to_base64(certificate),
        "last_seq": last_seq,
    }
    return body if tag is None else body | {"tag": to_base64(tag)}


def _outcome(answer: dict[str, Any]) -> Outcome:
    verdict = answer.get("verdict")
    if verdict is None and answer.get("reason") != "response_wrong":
        raise AuthserverUnavailableError
    return Outcome(
        verdict=None if verdict is None else from_base64(verdict),
        tries_left=_number(answer, "tries_left"),
        locked_until=_number(answer, "locked_until"),
    )


def _number(answer: dict[str, Any], name: str) -> int | None:
    """Return a number that a page may show as a count or a moment; ``None`` for anything else."""
    number = answer.get(name)
    return number if isinstance(number, int) and 0 <= number <= MAX_TIME else None
