"""The billing manager as a resource in another process meets it: over HTTP on loopback."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from urllib3.util import Retry

from protocol.content import Release
from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64
from terminal.errors import TerminalError
from terminal.resource import BillingRequest
from terminal.serving import AUTHORIZE, OPEN_KEY
from tokens.errors import RefusedError
from tokens.web import Web, problem_of, read_json


@dataclass(frozen=True, slots=True, repr=False)
class RemoteManager:
    """A billing manager that runs on this machine.

    Attributes:
        origin: Where.
        secret: What it asks of its callers.
    """

    origin: str
    secret: str
    _web: Web

    @classmethod
    def find(cls, file: Path) -> Self:
        """Return the running one.

        Args:
            file: In which it says how it is reached.

        Raises:
            TerminalError: ``manager_not_running``.
        """
        try:
            way = json.loads(file.read_text("ascii"))
            return cls(way["origin"], way["secret"], Web(retries=Retry(0)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TerminalError(
                "manager_not_running", "start the billing manager: billing-manager"
            ) from error

    def authorize(self, request: BillingRequest) -> str:
        """Return the billing status code; errors as :class:`terminal.resource.Manager`."""
        asked = {
            "resource": request.resource.hex(),
            "version": request.version,
            "build": request.build.hex(),
            "operation": request.operation,
            "rnonce": request.rnonce.hex(),
            "resource_key": to_base64(request.resource_key),
        }
        return self._ask(AUTHORIZE, asked, "status_code")

    def open_key(self, release: Release, sealed: bytes) -> bytes:
        """Return the content key; errors as :class:`terminal.resource.Manager`."""
        asked = {
            "resource": release.resource.hex(),
            "version": release.version,
            "device": to_base64(release.device),
            "rnonce": release.rnonce.hex(),
            "sealed": to_base64(sealed),
        }
        try:
            return from_base64(self._ask(OPEN_KEY, asked, "content_key"))
        except ProtocolError as error:
            raise _answer_invalid() from error

    def _ask(self, path: str, asked: dict[str, Any], wanted: str) -> str:
        headers = {"Authorization": f"Bearer {self.secret}"}
        try:
            reply = self._web.ask(
                "POST", self.origin, path, body=json.dumps(asked).encode(), headers=headers
            )
            if reply.status != HTTPStatus.OK:
                problem = problem_of(self.origin, reply.status, reply.data)
                raise TerminalError(problem.code, problem.detail, problem.members)
        except TerminalError:
            raise
        except RefusedError as error:
            code = "manager_not_running" if error.code == "server_unavailable" else error.code
            raise TerminalError(code, "the billing manager gives no answer") from error
        answer = (read_json(reply.data) or {}).get(wanted)
        if not isinstance(answer, str):
            raise _answer_invalid()
        return answer


def _answer_invalid() -> TerminalError:
    return TerminalError("answer_invalid", "the billing manager does not answer as it should")
