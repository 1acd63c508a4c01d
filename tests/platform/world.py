"""The people of these tests: holders who call the site's API, with tokens in this process.

The authentication server behind them is a real one (conftest.py): nothing of it is faked.
"""

import base64
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from string import ascii_letters, digits
from typing import Any

import time_machine
import zxingcpp
from django.apps import apps
from django.db import connection, models
from django.test import Client
from PIL import Image

from accounts.models import Holder, User
from accounts.services import create_api_key, holder_for
from countersign.local import LocalServices
from enrolment.models import AuthserverHost
from enrolment.selectors import client_for
from notices.models import Notice
from protocol import cose, qrtext
from protocol.ed25519 import SigningKey
from protocol.enrolment import Invitation
from protocol.qrtext import Link
from protocol.rebuild import rebuild
from protocol.receipt import Receipt
from protocol.statement import Statement
from signing.selectors import signer_certificate
from tests.ports import free_port
from tokens import responses
from tokens.client import Client as TokenClient
from tokens.enrolment import Enrolment
from tokens.question import question_for
from tokens.simulator import Shown, SimulatedToken
from transactions.models import Step

# A dense QR code may look like a bar code of another kind somewhere.
QR_ONLY = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)

API = "/api/v1"
DEFAULT_SUITE = "OCRA-1:HOTP-SHA256-8:QH64-T1M"
TYPED_SUITE = "OCRA-1:HOTP-SHA256-8:QN10-T1M"
PAYMENT = {
    "kind": "payment",
    "amount": 125_000,
    "currency": "EUR",
    "payee_account": "DE89370400440532013000",
    "payee_name": "Flower shop",
    "text": "Flowers for the spring",
    "reference": "2026-117",
    "due_days": 14,
}
APPROVAL = {"kind": "approval"}
# What the tests do not touch while they look for changes: rows that every refusal may write.
_NOT_STATE = {
    "audit.AuditRow",
    "binding.SeenProof",
    "common.IdempotentRequest",
    "sessions.Session",
}


def now() -> datetime:
    """The platform's time: the tests may have moved it."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Answer:
    """What the site answered."""

    status: int
    body: Any
    raw: bytes
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return f"{self.status} {str(self.body)[:300]}"

    @classmethod
    def of(cls, response: Any) -> "Answer":
        is_json = response.content and "json" in response.get("Content-Type", "")
        body = json.loads(response.content) if is_json else None
        return cls(response.status_code, body, response.content, response.headers)

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code of a refusal, whose form is checked on the way."""
        assert self.status >= 400, self
        assert self.headers["Content-Type"] == "application/problem+json", self
        assert set(self.body) >= {"type", "title", "status", "code", "detail", "trace_id"}
        assert self.body["status"] == self.status
        assert self.body["detail"].strip(), "a refusal says why"
        assert self.headers["X-Trace-Id"] == self.body["trace_id"]
        return self.status, str(self.body["code"])


def call(
    method: str,
    path: str,
    body: object = None,
    *,
    key: str = "",
    client: Client | None = None,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Call the site; a body that is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
    bearer = {"Authorization": f"Bearer {key}"} if key else {}
    path = path if path.startswith(("/.well", "/accounts/", "/api/")) else API + path
    if client is None:
        client = _browserless()
        client.cookies.clear()
    response = client.generic(
        method, path, raw, content_type=content_type, headers={**bearer, **(headers or {})}
    )
    return Answer.of(response)


@cache
def _browserless() -> Client:
    """One client for all calls without cookies: each new one loads the middleware again."""
    return Client(raise_request_exception=False)


@cache
def token_client() -> TokenClient:
    """One client for all tokens: each new one reads the system's certificates."""
    return TokenClient()


@dataclass(frozen=True)
class Authserver:
    """The authentication server all tests share, and what the platform needs to meet it."""

    services: LocalServices
    platform_root: SigningKey
    key: str
    fingerprint: str

    @property
    def origin(self) -> str:
        return self.services.authserver_origin


@dataclass
class Person:
    """One holder: an API key, and tokens, the newest last."""

    holder: Holder
    key: str
    tokens: list[SimulatedToken] = field(default_factory=list)

    @classmethod
    def make(cls, name: str) -> "Person":
        user = User.objects.create_user(f"{name.lower()}@example.com")
        holder = holder_for(user)
        _, key = create_api_key(holder=holder, name="tests", now=now())
        return cls(holder, key)

    @classmethod
    def enrolled(cls, name: str) -> "Person":
        """Make a holder with an active token."""
        person = cls.make(name)
        person.enrol()
        return person

    @property
    def token(self) -> SimulatedToken:
        return self.tokens[-1]

    @property
    def account(self) -> str:
        return self.holder.account

    @property
    def email(self) -> str:
        return self.holder.user.email

    def call(self, method: str, path: str, body: object = None, **options: Any) -> Answer:
        """Call the API with this person's key."""
        return call(method, path, body, key=self.key, **options)

    def get(self, path: str) -> Any:
        """Return the JSON behind a path that must be there."""
        answer = self.call("GET", path)
        assert answer.status == 200, answer
        return answer.body

    def post(self, path: str, body: object = None) -> Any:
        """Post what must be taken, and return the JSON answer."""
        answer = self.call("POST", path, {} if body is None else body)
        assert answer.status in (200, 201), answer
        return answer.body

    def pair(self, suite: str = "") -> tuple[str, str]:
        """Have a token paired and enrol it; return its serial and the eight digits."""
        pairing = self.post("/tokens", {"name": "Phone", "suite": suite})
        enrolment = Enrolment.begin(Invitation.from_link(pairing["invitation"]), now())
        token, digits = enrolment.finish(token_client().enrol(enrolment), now())
        self.tokens.append(token)
        return str(pairing["serial"]), digits

    def enrol(self, suite: str = "") -> SimulatedToken:
        """Enrol a token and answer its activation."""
        serial, digits = self.pair(suite)
        self.sign(self.post(f"/tokens/{serial}/activate", {"digits": digits}))
        # Its holder is told that it was added, which is not what most tests look at.
        Notice.objects.filter(kind="added", token=serial).delete()
        return self.token

    def part(self, demand: Mapping[str, object] = PAYMENT, **changes: object) -> dict[str, Any]:
        """The body of a step."""
        body = {"demand": demand, "remark": "I agree", "token": self.token.serial}
        return {**body, **changes}

    def open(self, demand: Mapping[str, object] = PAYMENT, **changes: object) -> dict[str, Any]:
        """Open a transaction; return its first step, challenged."""
        return dict(self.post("/transactions", self.part(demand, **changes)))

    def try_open(self, demand: Mapping[str, object] = PAYMENT, **changes: object) -> Answer:
        """Try to open a transaction."""
        return self.call("POST", "/transactions", self.part(demand, **changes))

    def try_follow(
        self,
        receipt: str,
        demand: Mapping[str, object] = APPROVAL,
        *,
        shown: str | None = None,
        **changes: Any,
    ) -> Answer:
        """Try to continue the transaction of a receipt, by showing it or something else."""
        tx = read_receipt(receipt).tx.hex()
        body = self.part(demand, receipt=receipt if shown is None else shown, **changes)
        return self.call("POST", f"/transactions/{tx}/steps", body)

    def follow(
        self, receipt: str, demand: Mapping[str, object] = APPROVAL, **changes: Any
    ) -> dict[str, Any]:
        """Continue behind a receipt; return the step, challenged."""
        answer = self.try_follow(receipt, demand, **changes)
        assert answer.status == 201, answer
        return dict(answer.body)

    def look(self, step: Mapping[str, Any]) -> Shown:
        """Show the challenge on the newest token."""
        return self.token.read(step["challenge"], now())

    def response(self, step: Mapping[str, Any]) -> str:
        """What the newest token answers, after it has checked and shown the challenge."""
        return self.token.respond(self.look(step), now())

    def answer(self, step: Mapping[str, Any], response: str | None = None) -> Answer:
        """Type a response: the right one, unless another is given."""
        given = self.response(step) if response is None else response
        return self.call("POST", f"/steps/{step['id']}/response", {"response": given})

    def sign(self, step: Mapping[str, Any]) -> str:
        """Answer rightly; return the text of the receipt."""
        answer = self.answer(step)
        assert answer.status == 200, answer
        assert answer.body["accepted"] is True, answer
        return str(answer.body["receipt"])

    def wrong(self, step: Mapping[str, Any], number: int = 0) -> str:
        """Return the ``number``-th response that is surely wrong: not near any right one."""
        return [code for code, _ in zip(self._wrong(step), range(number + 1), strict=False)][-1]

    def lock(self, step: Mapping[str, Any]) -> Answer:
        """Answer wrongly until the token locks; return the last answer."""
        return [self.answer(step, self.wrong(step, number)) for number in range(5)][-1]

    def _wrong(self, step: Mapping[str, Any]) -> Iterator[str]:
        token = self.token
        digest = bytes.fromhex(step["id"])
        right = {
            responses.compute(
                token.suite,
                token.seed,
                question=question_for(token.suite, digest),
                time_step=int((now() + timedelta(minutes=away)).timestamp()) // 60,
            )
            for away in range(-3, 4)
        }
        return (code for code in map("{:08}".format, range(10_000)) if code not in right)


def long_part(seed: int) -> dict[str, Any]:
    """Make a payment and a remark at their caps, of which deflate can make little."""
    random = Random(seed)  # noqa: S311 (no secret)
    ideographs = [chr(random.randrange(0x4E00, 0x9FA0)) for _ in range(103)]
    plain = "".join(random.sample(ascii_letters + digits, 62))
    demand = {
        **PAYMENT,
        "payee_account": plain[:34],
        "payee_name": "".join(ideographs[:23]),
        "text": "".join(ideographs[23:63]),
        "reference": plain[27:],
    }
    return {"demand": demand, "remark": "".join(ideographs[63:])}


def read_receipt(text: str) -> Receipt:
    """Read a receipt's text, unproved."""
    return Receipt.from_signed(cose.parse(receipt_bytes(text)))


def receipt_bytes(text: str) -> bytes:
    """The COSE bytes in a receipt's text."""
    return qrtext.decode(text, Link.RECEIPT)[1]


def statements(text: str) -> list[Statement]:
    """The statements that a receipt holds in clear."""
    return [step.statement for step in rebuild(read_receipt(text))]


def step_row(step: Mapping[str, Any]) -> Step:
    """The stored step behind an answer of the API."""
    return Step.objects.get(s=bytes.fromhex(step["id"]))


def lose_the_answer(step: Mapping[str, Any], response: str) -> None:
    """Have the server accept a response without the platform learning of it."""
    row = step_row(step)
    client_for(row.token.host).judge(
        vk=bytes(row.token.vk),
        statement=bytes(row.statement),
        certificate=signer_certificate(bytes(row.statement)),
        response=response,
        last_seq=0,
    )


def other(digits: str) -> str:
    """Return eight digits, and not these."""
    return f"{(int(digits) + 1) % 10**8:08}"


def to_base64(data: bytes) -> str:
    """Base64url without padding, as the API writes bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def scan(picture: bytes) -> str:
    """Read the one QR code of a picture with a decoder that is not ours."""
    with Image.open(io.BytesIO(picture)) as image:
        (found,) = zxingcpp.read_barcodes(image, formats=QR_ONLY)
    return str(found.text)


def everything_stored() -> dict[str, list[str]]:
    """All rows that say how things stand, to see that a refusal changed none."""
    return {
        model._meta.label: sorted(map(repr, _rows(model)))
        for model in apps.get_models()
        if model._meta.label not in _NOT_STATE
    }


def _rows(model: type[models.Model]) -> list[list[Any]]:
    """All of a table, as the database has it: the ORM would take most of a test's time."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')  # noqa: S608  # a name of ours
        return [
            [bytes(value) if isinstance(value, memoryview) else value for value in row]
            for row in cursor.fetchall()
        ]


def everything_as_bytes() -> bytes:
    """The values of all rows of all tables, one behind the other, to search them for secrets."""
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode()
        for model in apps.get_models()
        for row in _rows(model)
        for value in row
    )


@contextmanager
def unreachable(host: AuthserverHost) -> Iterator[None]:
    """Have nobody listen where the platform looks for a host."""
    origin = host.origin
    AuthserverHost.objects.filter(pk=host.pk).update(origin=f"http://127.0.0.1:{free_port()}")
    try:
        yield
    finally:
        AuthserverHost.objects.filter(pk=host.pk).update(origin=origin)


@contextmanager
def seconds_ago(seconds: float) -> Iterator[None]:
    """Set the platform's clock back: what it asks now may have expired for the authserver."""
    with time_machine.travel(now() - timedelta(seconds=seconds), tick=False):
        yield
