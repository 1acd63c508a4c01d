"""What the bench does over HTTP: one whole main job with a token, or one check of the floor."""

import base64
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any, Protocol, TypeVar

import pyotp

from protocol.enrolment import Invitation
from tokens import responses
from tokens.client import Client
from tokens.enrolment import Enrolment
from tokens.question import question_for
from tokens.suites import Suite

# The platform allows ten challenges an hour for each token; the activation was the first.
STEPS_PER_TOKEN = 9
_TIMEOUT_SECONDS = 30
_STEP = {
    "demand": {
        "kind": "payment",
        "amount": 125_000,
        "currency": "EUR",
        "payee_account": "DE89370400440532013000",
        "payee_name": "Blumen Schmidt KG",
        "reference": "INV-2026-0815",
        "due_days": 30,
    },
    "remark": "300 roses, delivered on Friday",
}


class BenchError(Exception):
    """A service did not answer as it should; the figures would mean nothing."""


class Connection:
    """One keep-alive connection to a service on this machine."""

    def __init__(self, port: int) -> None:
        self._http = HTTPConnection("localhost", port, timeout=_TIMEOUT_SECONDS)

    def post(self, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send JSON under a bearer key, and return the JSON that is answered.

        Raises:
            BenchError: the answer is a refusal.
        """
        return self.send(path, {"Authorization": f"Bearer {key}"}, json.dumps(body).encode())

    def send(self, path: str, headers: dict[str, str], data: bytes) -> dict[str, Any]:
        """Send JSON as it is; otherwise as :meth:`post`."""
        headers = {**headers, "Content-Type": "application/json"}
        self._http.request("POST", path, data, headers)
        response = self._http.getresponse()
        data = response.read()
        if response.status >= 300:
            raise BenchError(f"POST {path}: {response.status} {data.decode(errors='replace')}")
        # 204: there is nothing to say.
        answer: dict[str, Any] = json.loads(data or b"{}")
        return answer

    def close(self) -> None:
        """Close it."""
        self._http.close()


class Visitor(Protocol):
    """Somebody who visits a service again and again, one visit at a time."""

    @property
    def visits_left(self) -> int:
        """How often it may still come."""

    def visit(self, service: Connection) -> None:
        """Do the whole of what is measured, once."""


AnyVisitor = TypeVar("AnyVisitor", bound=Visitor)


@dataclass(repr=False)
class Token:
    """A holder's active token.

    Attributes:
        key: API key of its holder.
        serial: Its serial.
        suite: How it answers.
        seed: The secret it shares with its paired server.
        visits_left: How many more challenges it may be put.
    """

    key: str
    serial: str
    suite: Suite
    seed: bytes
    visits_left: int = STEPS_PER_TOKEN

    def visit(self, service: Connection) -> None:
        """Create a step, answer it, and get verdict and receipt.

        The code is computed from the step's id, which is S.  What a token does besides (read the
        challenge, check and show it) happens in the holder's hand and is not the services' work.
        """
        self.visits_left -= 1
        step = service.post("/api/v1/transactions", self.key, {**_STEP, "token": self.serial})
        code = self._code(step["id"])
        answer = service.post(f"/api/v1/steps/{step['id']}/response", self.key, {"response": code})
        if not (answer["accepted"] and answer["verdict"] and "/r#" in answer["receipt"]):
            raise BenchError(f"the step was not signed: {answer}")

    def _code(self, s: str) -> str:
        seconds = self.suite.time_step_seconds
        return responses.compute(
            self.suite,
            self.seed,
            question=question_for(self.suite, bytes.fromhex(s)),
            time_step=None if seconds is None else int(time.time()) // seconds,
        )


@dataclass(repr=False)
class Device:
    """A user's django-otp device, and the program that shows its next code.

    Attributes:
        key: The user's bearer key.
        device: The device's id.
        seed: In hexadecimal.
        counter: Of the next code.
    """

    key: str
    device: str
    seed: str
    counter: int = 0

    @property
    def visits_left(self) -> int:
        """It may always come again."""
        return 1

    def visit(self, service: Connection) -> None:
        """Have the next code checked."""
        hotp = pyotp.HOTP(base64.b32encode(bytes.fromhex(self.seed)).decode())
        code = hotp.at(self.counter)
        answer = service.post("/check", self.key, {"device": self.device, "code": code})
        if not answer["accepted"]:
            raise BenchError("the floor refused a right code")
        self.counter += 1


def enrol(port: int, key: str, count: int) -> list[Token]:
    """Enrol tokens for a holder and activate them, one after the other.

    Raises:
        BenchError: the platform refuses.
    """
    platform, host = Connection(port), Client()
    tokens = [_enrolled(platform, host, key) for _ in range(count)]
    platform.close()
    return tokens


def _enrolled(platform: Connection, host: Client, key: str) -> Token:
    pairing = platform.post("/api/v1/tokens", key, {"name": "Phone"})
    now = datetime.now(UTC)
    enrolment = Enrolment.begin(Invitation.from_link(pairing["invitation"]), now)
    enrolled, digits = enrolment.finish(host.enrol(enrolment), now)
    token = Token(key, enrolled.serial, enrolled.suite, enrolled.seed)
    step = platform.post(f"/api/v1/tokens/{token.serial}/activate", key, {"digits": digits})
    response = {"response": token._code(step["id"])}
    platform.post(f"/api/v1/steps/{step['id']}/response", key, response)
    return token
