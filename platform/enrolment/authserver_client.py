"""The HTTP client of authentication servers: docs/authserver-api.md."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import urllib3
from django.conf import settings
from urllib3.util import Retry, Timeout

from enrolment import alongside
from enrolment.errors import (
    AuthserverRefusedError,
    AuthserverUnavailableError,
    HostRolledBackError,
    ServerMovedError,
)
from protocol import jwk
from protocol.errors import ProtocolError
from protocol.fields import MAX_TIME
from protocol.jwk import to_base64
from protocol.moving import MAX_PACKAGE_BYTES

_MAX_ANSWER_BYTES = 1_000_000
_JSON, _BYTES = "application/json", "application/octet-stream"
# A number that HTTP does not know is no refusal by a host.
_REFUSALS = frozenset(status for status in HTTPStatus if 400 <= status < 500)


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
        follow: Brings a server to its new host that has left this one, and returns the client
            for that; ``None`` leaves it to the caller.
    """

    origin: str
    key: str = ""
    patience: float | None = None
    follow: "Callable[[ServerMovedError], AuthserverClient] | None" = None

    def pair(self, *, suite: str, label: str, certificate: bytes) -> dict[str, Any]:
        """Make a server for a new token; the only call that is not repeated by itself."""
        body = {"suite": suite, "label": label, "certificate": to_base64(certificate)}
        return self._call("POST", "/v1/servers", body, retries=0)

    def activate(self, vk: bytes, digits: str) -> dict[str, Any]:
        """Confirm the eight digits that token and host page show."""
        return self._call("POST", f"/v1/servers/{vk.hex()}/activate", {"digits": digits})

    def assign(self, *, serial: str, label: str, certificate: bytes) -> dict[str, Any]:
        """Take a token from the host's stock, by the serial it came with."""
        body = {"serial": serial, "label": label, "certificate": to_base64(certificate)}
        return self._call("POST", "/v1/servers/assign", body)

    def change_state(
        self, vk: bytes, action: str, *, actor: str = "", **named: str
    ) -> dict[str, Any]:
        """Suspend, resume, unlock, revoke, replace or release a server.

        Args:
            vk: Which.
            action: As the address has it.
            actor: Who did it here, for the host's own record.
            named: What else the action needs, such as ``successor``.
        """
        body = {"actor": actor, **named} if actor else named
        return self._call("POST", f"/v1/servers/{vk.hex()}/{action}", body)

    def server(self, vk: bytes) -> dict[str, Any]:
        """Return how a server stands; asking costs nothing."""
        return self._call("GET", f"/v1/servers/{vk.hex()}")

    def put_policy(self, *, max_failures: int, locks: list[int], budget: int) -> dict[str, Any]:
        """Tell the host when our tokens lock; it takes nothing laxer than its own limits."""
        body = {"max_failures": max_failures, "locks": locks, "budget": budget}
        return self._call("PUT", "/v1/policy", body)

    def keys(self) -> dict[str, Any]:
        """Return the host's root and certificates."""
        return self._call("GET", "/v1/keys")

    def stock(self, *, text: str, after: int, limit: int) -> dict[str, Any]:
        """Return tokens of ours that nobody has yet, in the order in which they came."""
        query = urlencode({"q": text, "after": after, "limit": limit})
        return self._call("GET", f"/v1/stock?{query}")

    def verdicts(self, *, after: int) -> dict[str, Any]:
        """Return our servers' verdicts there, in the order of their ids."""
        return self._call("GET", f"/v1/verdicts?after={after}&limit=1000")

    def events(self, *, after: int) -> dict[str, Any]:
        """Return what happened to our servers there since an event, oldest first."""
        return self._call("GET", f"/v1/events?after={after}&limit=500")

    def judge(
        self,
        *,
        vk: bytes,
        statement: bytes,
        certificate: bytes,
        response: str,
        last_seq: int,
        tag: bytes | None = None,
        is_login: bool = False,
    ) -> Outcome:
        """Ask for the verdict on a response; statements of kind login have a door of their own."""
        body = _about(statement, certificate, last_seq, tag) | {"response": response}
        door = "logins" if is_login else "verdicts"
        return _outcome(self._end(f"/v1/servers/{vk.hex()}/{door}", body))

    def prove(self, *, vk: bytes, statement: bytes, certificate: bytes, challenge: str) -> str:
        """Return the server's own answer to a challenge of its token, once for a statement."""
        body = {
            "statement": to_base64(statement),
            "certificate": to_base64(certificate),
            "challenge": challenge,
        }
        answer = self._call("POST", f"/v1/servers/{vk.hex()}/proofs", body).get("answer")
        if not isinstance(answer, str):
            raise AuthserverUnavailableError
        return answer

    def resynchronise(
        self, *, vk: bytes, answers: Sequence[tuple[bytes, bytes, str]], last_seq: int
    ) -> tuple[bytes, bytes] | Outcome:
        """Have the server find counter or clock of its token by two responses, one after another.

        Args:
            vk: Which.
            answers: Statement, certificate of its key, and response, twice.
            last_seq: As everywhere.

        Returns:
            The verdicts on both statements; or, as one try, what a wrong response is answered.
        """
        given = [
            {
                "statement": to_base64(statement),
                "certificate": to_base64(certificate),
                "response": response,
            }
            for statement, certificate, response in answers
        ]
        body = {"answers": given, "last_seq": last_seq}
        answer = self._end(f"/v1/servers/{vk.hex()}/resynchronise", body)
        if "verdicts" not in answer:
            return _outcome(answer)
        match answer["verdicts"]:
            case [first, second]:
                return from_base64(first), from_base64(second)
            case _:
                raise AuthserverUnavailableError

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
        return _outcome(self._end(path, body))

    def offer(self, *, vk: bytes, serial: str, suite: str, source: str) -> dict[str, Any]:
        """Ask whether the host would take a server from the host at the address ``source``."""
        body = {"vk": vk.hex(), "serial": serial, "suite": suite, "source": source}
        return self._call("POST", "/v1/offers", body)

    def move(self, vk: bytes, offer: dict[str, Any], *, actor: str) -> dict[str, Any]:
        """Have the host give a server away to one that made this offer."""
        body = {name: offer.get(name) for name in ("offer", "certificate")}
        return self._call("POST", f"/v1/servers/{vk.hex()}/move", {**body, "actor": actor})

    def package(self, vk: bytes) -> bytes:
        """Return a server that has left the host, sealed to where it went."""
        most = MAX_PACKAGE_BYTES
        status, data = self._send("GET", f"/v1/servers/{vk.hex()}/package", most=most)
        if status != HTTPStatus.OK or len(data) > most:
            _read(status, data)
            raise AuthserverUnavailableError
        return data

    def bring(self, package: bytes) -> dict[str, Any]:
        """Have the host take in a server that left another one for it."""
        return _read(*self._send("POST", "/v1/servers/import", package, kind=_BYTES))

    def _end(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post what may end statements; once in a while the receipt log goes along."""
        log = alongside.load(self.origin)
        answer = self._call("POST", path, body | ({"log": log} if log else {}))
        if log:
            alongside.unload(self.origin, log, answer.get("log"))
        return answer

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, retries: int = 1
    ) -> dict[str, Any]:
        sent = None if body is None else json.dumps(body).encode()
        try:
            return _read(*self._send(method, path, sent, retries=retries))
        except ServerMovedError as moved:
            if self.follow is None:
                raise
            client = self.follow(moved)
        return _read(*client._send(method, path, sent, retries=retries))

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        kind: str = _JSON,
        most: int = _MAX_ANSWER_BYTES,
        retries: int = 1,
    ) -> tuple[int, bytes]:
        """Return status and body of an answer, of that no more than one byte above ``most``."""
        try:
            response = _pool().request(
                method,
                self.origin + path,
                body=body,
                headers={"Authorization": f"Bearer {self.key}", "Content-Type": kind},
                redirect=False,
                retries=_retry(retries if self.patience is None else 0),
                timeout=_timeout(self.patience),
                preload_content=False,
            )
            try:
                return response.status, response.read(most + 1)
            finally:
                # Read to its end, the connection is kept; otherwise nobody may use it again.
                response.close()
        except urllib3.exceptions.HTTPError as error:
            raise AuthserverUnavailableError from error


def from_base64(text: object) -> bytes:
    """Read base64url without padding, in its one spelling.

    Raises:
        AuthserverUnavailableError: the host sent something else.
    """
    try:
        if not isinstance(text, str):
            raise AuthserverUnavailableError
        return jwk.from_base64(text)
    except ProtocolError as error:
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
    if code == ServerMovedError.code:
        raise ServerMovedError(str(answer.get("origin", "")))
    refused = status in _REFUSALS
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
