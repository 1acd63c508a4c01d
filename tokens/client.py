"""The calls a token makes itself: to its host when it is enrolled, and to its platform.

Only to the two origins it has pinned.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from http import HTTPStatus
from pathlib import Path
from typing import Any

from urllib3.util import Retry

from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64
from tokens.enrolment import Enrolment, HostAnswer
from tokens.errors import RefusedError
from tokens.simulator import Shown, SimulatedToken
from tokens.web import Web, answer_invalid, is_code, problem_of, read_json

# Every call may be repeated: the same question gets the same answer.  One with a status is an
# answer, and its code is passed on even when it says that the caller may try again later.
RETRIES = Retry(1, redirect=0, status=0, allowed_methods=None, respect_retry_after_header=False)


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
        self._web = Web(ca_file, retries=RETRIES)

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
                "ticket": to_base64(enrolment.invitation.ticket),
                "share": to_base64(enrolment.share),
            },
        )
        try:
            return HostAnswer(**{f.name: from_base64(answer[f.name]) for f in fields(HostAnswer)})
        except (KeyError, TypeError, ProtocolError) as error:
            raise answer_invalid(origin) from error

    def respond(self, token: SimulatedToken, shown: Shown, response: str) -> Outcome:
        """Post a response to the platform; errors as :meth:`enrol`."""
        tag = token.response_tag(shown, response)
        return self._answer(token, shown, {"response": response, "tag": to_base64(tag)})

    def decline(self, token: SimulatedToken, shown: Shown, reason: str) -> Outcome:
        """Tell the platform that the holder declines; errors as :meth:`enrol`."""
        tag = token.decline_tag(shown, reason)
        return self._answer(token, shown, {"decline": reason, "tag": to_base64(tag)})

    def directory(self, origin: str) -> bytes:
        """Return the platform's ``cs-directory`` message, unchecked; errors as :meth:`enrol`."""
        return self._call("GET", origin, "/.well-known/countersign/keys")

    def server_certificate(self, token: SimulatedToken) -> tuple[bytes, list[bytes]]:
        """Return the certificate of a token's server and those of its host's keys, unchecked.

        Raises:
            RefusedError: as :meth:`enrol`.
        """
        origin = token.host_origin
        answer = read_json(self._call("GET", origin, f"/v1/servers/{token.vk.hex()}/certificate"))
        try:
            fields = answer or {}
            keys = [from_base64(text) for text in fields["host_certificates"]]
            return from_base64(fields["certificate"]), keys
        except (KeyError, TypeError, ProtocolError) as error:
            raise answer_invalid(origin) from error

    def _answer(self, token: SimulatedToken, shown: Shown, fields_: Mapping[str, str]) -> Outcome:
        origin = token.platform_origin
        body = {"s": shown.statement.digest.hex(), **fields_}
        answer = self._post(origin, "/api/v1/responses", body)
        accepted, tries_left = answer.get("accepted"), answer.get("tries_left")
        reason = answer.get("reason") or ("accepted" if accepted else None)
        if not isinstance(accepted, bool) or not is_code(reason):
            raise answer_invalid(origin)
        return Outcome(accepted, str(reason), tries_left if type(tries_left) is int else None)

    def _post(self, origin: str, path: str, body: Mapping[str, str]) -> dict[str, Any]:
        data = self._call("POST", origin, path, json.dumps(body).encode())
        answer = read_json(data)
        if answer is None:
            raise answer_invalid(origin)
        return answer

    def _call(self, method: str, origin: str, path: str, body: bytes | None = None) -> bytes:
        reply = self._web.ask(method, origin, path, body=body)
        if reply.status != HTTPStatus.OK:
            problem = problem_of(origin, reply.status, reply.data)
            raise RefusedError(problem.code, f"{origin} says: {problem.detail}")
        return reply.data
