"""The calls a token makes itself: to its host when it is enrolled, and to its platform.

Only to the two origins it has pinned, over HTTPS unless they are on this machine, following no
redirect, and reading no more of an answer than can be right.
"""

import base64
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, fields
from http import HTTPStatus
from pathlib import Path
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
from urllib3.util import Retry, Timeout

from tokens.enrolment import Enrolment, HostAnswer
from tokens.errors import RefusedError
from tokens.simulator import Shown, SimulatedToken

# The largest right answer is a directory of keys (docs/protocol.md section 9).
MAX_ANSWER_BYTES = 64_000
# A platform asks the paired server before it answers.
TIMEOUT = Timeout(connect=5, read=30)
# Every call may be repeated: the same question gets the same answer.  One with a status is an
# answer, and its code is passed on even when it says that the caller may try again later.
RETRIES = Retry(1, redirect=0, status=0, allowed_methods=None, respect_retry_after_header=False)

_ORIGIN = re.compile(
    r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"
)
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_SENTENCE = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the platform says to an answer that the token posted.  Test ``accepted``.

    Attributes:
        accepted: Whether the step is countersigned.
        reason: Stable code: why, or why not.
        tries_left: Tries before the token locks, where the platform says so.
    """

    accepted: bool
    reason: str
    tries_left: int | None = None

    def __bool__(self) -> bool:
        raise TypeError("an Outcome has no truth value; test .accepted")


class Client:
    """Calls hosts and platforms on behalf of tokens."""

    def __init__(self, ca_file: Path | None = None) -> None:
        """Prepare to call.

        Args:
            ca_file: Certificates (PEM) to trust for HTTPS in place of the system's.

        Raises:
            RefusedError: ``ca_file_invalid``.
        """
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise RefusedError("ca_file_invalid", "the file of certificates is unfit") from error
        self._pool = urllib3.PoolManager(ssl_context=context, timeout=TIMEOUT, retries=RETRIES)

    def enrol(self, enrolment: Enrolment) -> HostAnswer:
        """Send ticket and share to the host, and return its answer unchecked.

        Raises:
            RefusedError: the host refuses with a code of its own, or as for every call:
                ``origin_refused``, ``server_unavailable`` or ``answer_invalid``.
        """
        origin = enrolment.invitation.origin
        answer = self._post(
            origin,
            "/v1/enrolments",
            {
                "ticket": _to_base64(enrolment.invitation.ticket),
                "share": _to_base64(enrolment.share),
            },
        )
        try:
            return HostAnswer(**{f.name: _from_base64(answer[f.name]) for f in fields(HostAnswer)})
        except (KeyError, TypeError, ValueError) as error:
            raise _answer_invalid(origin) from error

    def respond(self, token: SimulatedToken, shown: Shown, response: str) -> Outcome:
        """Post a response to the platform; errors as :meth:`enrol`."""
        tag = token.response_tag(shown, response)
        return self._answer(token, shown, {"response": response, "tag": _to_base64(tag)})

    def decline(self, token: SimulatedToken, shown: Shown, reason: str) -> Outcome:
        """Tell the platform that the holder declines; errors as :meth:`enrol`."""
        tag = token.decline_tag(shown, reason)
        return self._answer(token, shown, {"decline": reason, "tag": _to_base64(tag)})

    def directory(self, origin: str) -> bytes:
        """Return the platform's ``cs-directory`` message, unchecked; errors as :meth:`enrol`."""
        return self._call("GET", origin, "/.well-known/countersign/keys")

    def server_certificate(self, token: SimulatedToken) -> tuple[bytes, list[bytes]]:
        """Return the certificate of a token's server and those of its host's keys, unchecked.

        Raises:
            RefusedError: as :meth:`enrol`.
        """
        origin = token.host_origin
        answer = _read_json(self._call("GET", origin, f"/v1/servers/{token.vk.hex()}/certificate"))
        try:
            fields = answer or {}
            keys = [_from_base64(text) for text in fields["host_certificates"]]
            return _from_base64(fields["certificate"]), keys
        except (KeyError, TypeError, ValueError) as error:
            raise _answer_invalid(origin) from error

    def _answer(self, token: SimulatedToken, shown: Shown, fields_: Mapping[str, str]) -> Outcome:
        origin = token.platform_origin
        body = {"s": shown.statement.digest.hex(), **fields_}
        answer = self._post(origin, "/api/v1/responses", body)
        accepted, tries_left = answer.get("accepted"), answer.get("tries_left")
        reason = answer.get("reason") or ("accepted" if accepted else None)
        if not isinstance(accepted, bool) or not _is_code(reason):
            raise _answer_invalid(origin)
        return Outcome(accepted, str(reason), tries_left if type(tries_left) is int else None)

    def _post(self, origin: str, path: str, body: Mapping[str, str]) -> dict[str, Any]:
        data = self._call("POST", origin, path, json.dumps(body).encode())
        answer = _read_json(data)
        if answer is None:
            raise _answer_invalid(origin)
        return answer

    def _call(self, method: str, origin: str, path: str, body: bytes | None = None) -> bytes:
        if _ORIGIN.fullmatch(origin) is None:
            raise RefusedError(
                "origin_refused", "the address is neither https:// nor on this machine"
            )
        try:
            response = self._pool.request(
                method,
                origin + path,
                body=body,
                headers={"Content-Type": "application/json"},
                redirect=False,
                preload_content=False,
            )
            try:
                data = response.read(MAX_ANSWER_BYTES + 1, decode_content=False)
            finally:
                response.close()
        except HTTPError as error:
            raise _no_answer(origin, error) from error
        if len(data) > MAX_ANSWER_BYTES:
            raise _answer_invalid(origin)
        if response.status != HTTPStatus.OK:
            raise _refusal(origin, response.status, data)
        return data


def _no_answer(origin: str, error: HTTPError) -> RefusedError:
    if isinstance(error, MaxRetryError) and isinstance(error.reason, SSLError):
        return RefusedError("certificate_untrusted", f"{origin} shows no certificate we trust")
    return RefusedError(
        "server_unavailable", f"{origin} gives no answer; nothing is lost: try again"
    )


def _refusal(origin: str, status: int, data: bytes) -> RefusedError:
    """Pass a problem document (RFC 9457) on; anything else is no answer to rely on."""
    problem = _read_json(data) or {}
    code, detail = problem.get("code"), problem.get("detail")
    if status < HTTPStatus.BAD_REQUEST or not _is_code(code):
        return _answer_invalid(origin)
    # It goes to a terminal: nothing that a terminal would obey, and one line of it.
    sentence = "".join(c for c in str(detail or "refused") if c.isprintable())
    return RefusedError(str(code), f"{origin} says: {sentence[:_MAX_SENTENCE]}")


def _read_json(data: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _answer_invalid(origin: str) -> RefusedError:
    return RefusedError("answer_invalid", f"{origin} does not answer as it should")


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _to_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
