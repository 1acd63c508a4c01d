"""A person who uses the API, with tokens that live in the test's own process."""

import itertools
import json
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import urllib3

from countersign.person import Person
from protocol.enrolment import Invitation
from tokens import responses
from tokens.client import Client
from tokens.enrolment import Enrolment
from tokens.question import question_for
from tokens.simulator import SimulatedToken

Result = TypeVar("Result")

# A token may be asked ten times in an hour, its activation included.
CHALLENGES_PER_TOKEN = 9
# Less than the time after which servers close connections.
IDLE_SECONDS = 15
ORDER = {
    "kind": "order",
    "amount": 125_000,
    "currency": "EUR",
    "payee_account": "DE89370400440532013000",
    "payee_name": "Blumen Schmidt KG",
    "reference": "PO-4711",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform answered, and when it was asked and had answered."""

    status: int
    body: Any
    headers: Mapping[str, str]
    span: tuple[float, float]

    @property
    def code(self) -> str:
        """The code of a problem; the reason of a verdict; or nothing."""
        return str(self.body.get("code") or self.body.get("reason") or "")


@dataclass(eq=False)
class Party:
    """One person.

    Attributes:
        origin: The platform.
        name: What later parties read.
        key: API key.
        person: How the person signed up: e-mail address, password, and a browser's cookies.
        account: Public account number.
        tokens: By serial.
        accepted: Every response that was accepted.
    """

    origin: str
    name: str
    key: str
    person: Person
    account: str = ""
    tokens: dict[str, SimulatedToken] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)
    _asked: Counter[str] = field(default_factory=Counter)
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=200, retries=False, timeout=60)
    )
    _used: float = 0

    @classmethod
    def sign_up(cls, origin: str, mail: Path, name: str) -> "Party":
        """Sign up with a fresh address, as a browser does."""
        address = f"{secrets.token_hex(4)}@example.com"
        with tempfile.TemporaryDirectory() as folder:
            person = Person(origin, address, mail, Path(folder), name)
            person.sign_up()
        party = cls(origin, name, person.key, person)
        party.account = party.get("/me")["account"]
        return party

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Call the API; ``Idempotency_Key`` and the like become headers."""
        began = time.monotonic()
        response = self._http().request(
            method,
            f"{self.origin}/api/v1{path}",
            body=None if body is None else json.dumps(body),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        span = (began, time.monotonic())
        said = response.json() if response.data else None
        return Answer(response.status, said, response.headers, span)

    def get(self, path: str) -> Any:
        """Return the JSON behind a path."""
        return _good(self.call("GET", path))

    def post(self, path: str, body: Any) -> Any:
        """Post, and return the JSON of a good answer."""
        return _good(self.call("POST", path, body))

    def download(self, path: str) -> bytes:
        """Return the bytes behind a path of the API."""
        response = self._http().request(
            "GET", f"{self.origin}/api/v1{path}", headers={"Authorization": f"Bearer {self.key}"}
        )
        assert response.status == 200, response.data
        return response.data

    def _http(self) -> urllib3.PoolManager:
        """Return connections that the server does not close just now: it does so after 30 s."""
        if time.monotonic() - self._used > IDLE_SECONDS:
            self._pool.clear()
        self._used = time.monotonic()
        return self._pool

    def enrol(self, suite: str = "", **more: str) -> SimulatedToken:
        """Enrol a token and have it answer its activation statement."""
        pairing = self.post("/tokens", {"name": "Phone", "suite": suite, **more})
        now = datetime.now(UTC)
        enrolment = Enrolment.begin(Invitation.from_link(pairing["invitation"]), now)
        token, digits = enrolment.finish(Client().enrol(enrolment), now)
        self.tokens[token.serial] = token
        step = self.post(f"/tokens/{token.serial}/activate", {"digits": digits})
        assert self.answer(step).body["accepted"] is True
        return token

    def token(self) -> SimulatedToken:
        """Return a token that may be asked once more, enrolled if there is none.

        It is never one that a test enrolled by itself, which may be locked by now.
        """
        fresh = (name for name, asked in self._asked.items() if asked < CHALLENGES_PER_TOKEN)
        serial = next(fresh, None) or self.enrol().serial
        self._asked[serial] += 1
        return self.tokens[serial]

    def part(self, token: SimulatedToken | None = None, **changes: Any) -> dict[str, Any]:
        """Return what this party puts into a step."""
        serial = (token or self.token()).serial
        return {"demand": ORDER, "remark": f"Yes, says {self.name}", "token": serial, **changes}

    def open(self, **changes: Any) -> dict[str, Any]:
        """Begin a transaction; return its first step with the challenge."""
        step: dict[str, Any] = self.post("/transactions", self.part(**changes))
        return step

    def go_on(self, signed: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """Continue behind the step whose answer this is; return the next step."""
        step: dict[str, Any] = self.post(*self.continuation(signed, **changes))
        return step

    def continuation(self, signed: Mapping[str, Any], **changes: Any) -> tuple[str, Any]:
        """Return path and body of the request to continue behind a step."""
        tx = self.post("/receipts/verify", {"receipt": signed["receipt"]})["transaction"]
        return f"/transactions/{tx}/steps", self.part(receipt=signed["receipt"], **changes)

    def code(self, step: Mapping[str, Any]) -> str:
        """Return the right response to a step, as the token computes it from its challenge."""
        token, now = self.tokens[step["token"]], datetime.now(UTC)
        return token.respond(token.read(step["challenge"], now), now)

    def wrong_codes(self, step: Mapping[str, Any]) -> Iterator[str]:
        """Yield responses that are surely wrong: not near any right one."""
        token = self.tokens[step["token"]]
        question = question_for(token.suite, bytes.fromhex(step["id"]))
        minute = int(time.time()) // 60
        right = {
            responses.compute(token.suite, token.seed, question=question, time_step=near)
            for near in range(minute - 3, minute + 6)
        }
        return (code for number in itertools.count() if (code := f"{number:08}") not in right)

    def answer(self, step: Mapping[str, Any], response: str = "") -> Answer:
        """Send a response to a step, the right one by default."""
        response = response or self.code(step)
        answer = self.call("POST", f"/steps/{step['id']}/response", {"response": response})
        if answer.body.get("accepted"):
            self.accepted.append(response)
        return answer

    def sign(self, step: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a step rightly, and return what the platform says to it."""
        answer = self.answer(step)
        assert answer.body.get("accepted") is True, answer
        signed: dict[str, Any] = answer.body
        return signed

    def state(self, step: Mapping[str, Any]) -> str:
        """Ask the platform how a step stands."""
        return str(self.get(f"/steps/{step['id']}")["state"])


def at_once(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Make all calls at one moment, each in a thread of its own; return what they return."""
    start = Barrier(len(calls))

    def made(call: Callable[[], Result]) -> Result:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(made, calls))


def _good(answer: Answer) -> Any:
    assert answer.status in (200, 201), answer
    return answer.body
