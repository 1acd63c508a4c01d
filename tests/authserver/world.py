"""The people of these tests: a platform, its tokens, and a host in process or served."""

import base64
import io
import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.core.management import call_command
from django.test import Client

from authserver.base64url import decode, encode
from authserver.models import Server
from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.enrolment import Invitation, Secrets, Transcript, derive, post_tag
from protocol.keys import KeyCertificate, Purpose, ServerCertificate, day_of
from protocol.statement import Demand, Kind, Party, Sight, Statement
from protocol.statement import Platform as PlatformInformation
from protocol.verdict import Verdict
from tokens import responses
from tokens.question import question_for
from tokens.suites import Suite, parse_suite

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DEFAULT_SUITE = "OCRA-1:HOTP-SHA256-8:QH64-T1M"
COUNTER_SUITE = "OCRA-1:HOTP-SHA256-8:C-QH64"
TYPED_SUITE = "OCRA-1:HOTP-SHA256-8:QN10-T1M"


def new_key() -> str:
    """Return a key-encryption key as settings hold it."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class Answer:
    """What a host answered."""

    status: int
    body: dict[str, Any]
    raw: bytes = b""

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))


class Host(Protocol):
    """A host to talk to, in this process or served by another one."""

    def call(
        self, method: str, path: str, body: object = None, key: str | None = None
    ) -> Answer: ...


class LocalHost:
    """The host in this process."""

    def __init__(self) -> None:
        self.client = Client()

    def __deepcopy__(self, memo: dict[int, object]) -> "LocalHost":
        """All that it could be told apart by is in the database."""
        return self

    def call(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        response = self.client.generic(
            method, path, raw, content_type="application/json", headers=headers
        )
        parsed = json.loads(response.content) if "json" in response["Content-Type"] else {}
        return Answer(response.status_code, parsed, response.content)


@dataclass(frozen=True)
class Bank:
    """A platform: its keys, and how it makes statements."""

    information: PlatformInformation
    root: SigningKey
    statement_key: SigningKey
    certificate: bytes
    key: str = ""

    @classmethod
    def make(cls, name: str, at: datetime) -> "Bank":
        root, statement_key = SigningKey.generate(), SigningKey.generate()
        today = day_of(int(at.timestamp()))
        certificate = KeyCertificate(
            statement_key.public, Purpose.STATEMENT, name, today, today + 365
        ).sign(root)
        information = PlatformInformation(name, name.title(), f"https://{name}.example")
        return cls(information, root, statement_key, certificate)

    def statement(
        self, server: "Paired", kind: Kind = Kind.ORDER, *, number: int = 0, **changes: Any
    ) -> Statement:
        """Make a statement; another ``number`` gives another nonce, all else alike."""
        fields: dict[str, Any] = {
            "platform": self.information,
            "tx": bytes(8),
            "pos": 0,
            "prev": None,
            "party": Party("ACC-1", "yes, please"),
            "demand": Demand(kind, text="ten chairs"),
            "serial": server.serial,
            "vk": server.vk_bytes,
            "sight": server.sight,
            "nonce": number.to_bytes(12),
            "issued": int(datetime.now(UTC).timestamp()),
        }
        return Statement(**(fields | changes))

    def sign(self, statement: Statement) -> bytes:
        return cose.sign(self.statement_key, Typ.STATEMENT, statement.payload())


@dataclass
class Token:
    """A token app: it enrols, and answers statements."""

    suite: Suite
    private: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    secrets: Secrets | None = None
    counter: int = 0

    @property
    def share(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    def read_answer(self, body: dict[str, Any], ticket: bytes) -> Transcript:
        enrol = cose.parse(decode(body["enrol"]))
        transcript = Transcript.from_payload(enrol.payload)
        made = derive(
            private=self.private,
            peer=transcript.host_share,
            ticket=ticket,
            transcript=enrol.payload,
        )
        self.secrets = replace(made, seed=made.seed[: self.suite.seed_octets])
        return transcript

    def respond(
        self, statement: Statement, *, minutes: int = 0, steps: int = 0, challenge: str = ""
    ) -> str:
        """Answer, by a clock that is wrong by so many minutes or time steps.

        With a ``challenge`` it is the response after the host's own answer.
        """
        assert self.secrets
        seconds = self.suite.time_step_seconds
        now = int(datetime.now(UTC).timestamp()) + 60 * minutes
        question = question_for(self.suite, statement.digest)
        return responses.compute(
            self.suite,
            self.secrets.seed,
            question=None if question is None else question + challenge,
            counter=self.counter if self.suite.counter else None,
            time_step=now // seconds + steps if seconds else None,
        )

    def tag(self, statement: Statement, answer: str) -> str:
        assert self.secrets
        return encode(post_tag(self.secrets.post_key, statement.digest, answer))


@dataclass
class Paired:
    """A server of the host under test, with its token and its platform."""

    host: Host
    bank: Bank
    token: Token
    vk: str
    serial: str
    sight: Sight
    certificate: bytes
    invitation: Invitation
    last_seq: int = 0

    @classmethod
    def make(cls, host: Host, bank: Bank, suite: str = DEFAULT_SUITE) -> "Paired":
        made = host.call(
            "POST",
            "/v1/servers",
            {"suite": suite, "certificate": encode(bank.certificate)},
            bank.key,
        )
        assert made.status == 201, made
        return cls(
            host=host,
            bank=bank,
            token=Token(parse_suite(suite)),
            vk=made.body["vk"],
            serial=made.body["serial"],
            sight=Sight(made.body["sight"]),
            certificate=decode(made.body["certificate"]),
            invitation=Invitation.from_link(made.body["invitation"]),
        )

    @property
    def vk_bytes(self) -> bytes:
        return bytes.fromhex(self.vk)

    @property
    def row(self) -> Server:
        return Server.objects.get(vk=self.vk)

    def call(self, method: str, path: str = "", body: object = None) -> Answer:
        return self.host.call(method, f"/v1/servers/{self.vk}{path}", body, self.bank.key)

    def enrol(self, share: bytes | None = None) -> Answer:
        ticket = self.invitation.ticket
        body = {"ticket": encode(ticket), "share": encode(share or self.token.share)}
        answer = self.host.call("POST", "/v1/enrolments", body)
        if share is None and answer.status == 200:
            self.token.read_answer(answer.body, ticket)
        return answer

    def confirm(self, digits: str | None = None) -> Answer:
        assert self.token.secrets
        return self.call("POST", "/activate", {"digits": digits or self.token.secrets.digits})

    def activate(self) -> None:
        assert self.enrol().status == 200
        assert self.confirm().status == 200
        statement = self.statement(Kind.ACTIVATION)
        assert self.answer(statement).body["accepted"] is True
        self.token.counter += 1

    def status(self) -> dict[str, Any]:
        return self.call("GET").body

    def rotate_signing_key(self) -> "Paired":
        """Have the operator do so; return the server as it was, under its former id."""
        before = replace(self)
        call_command("rotate_signing_key", self.vk, "--scanning", stdout=io.StringIO())
        status = self.status()
        self.vk, self.certificate = status["vk"], decode(status["certificate"])
        return before

    def statement(self, kind: Kind = Kind.ORDER, **changes: Any) -> Statement:
        return self.bank.statement(self, kind, **changes)

    def answer(
        self,
        statement: Statement,
        /,
        response: str | None = None,
        *,
        at: str = "",
        **changes: object,
    ) -> Answer:
        """Answer a statement by the call for its kind, or by the one named in ``at``."""
        right = self.token.respond(statement) if response is None else response
        usual = "/logins" if statement.demand.kind is Kind.LOGIN else "/verdicts"
        body = self.answered(statement, right) | {"last_seq": self.last_seq}
        return self.call("POST", at or usual, body | changes)

    def answered(self, statement: Statement, response: str) -> dict[str, Any]:
        return {
            "statement": encode(self.bank.sign(statement)),
            "certificate": encode(self.bank.certificate),
            "response": response,
        }

    def resynchronise(self, *answers: tuple[Statement, str], **changes: object) -> Answer:
        body = {"answers": [self.answered(*each) for each in answers], "last_seq": self.last_seq}
        return self.call("POST", "/resynchronise", body | changes)

    def prove(self, statement: Statement, challenge: str) -> Answer:
        body = self.answered(statement, "") | {"challenge": challenge}
        del body["response"]
        return self.call("POST", "/proofs", body)

    def unlock(self, proof: str = "passkey") -> Answer:
        return self.call("POST", "/unlock", {"proof": proof})

    def fail(self, statement: Statement, times: int) -> Answer:
        """Answer wrongly, each time with another response; return the last answer."""
        answers = [self.answer(statement, self.wrong(statement, place)) for place in range(times)]
        return answers[-1]

    def void(
        self, statement: Statement, /, reason: str = "cancelled", **changes: object
    ) -> Answer:
        body = {
            "statement": encode(self.bank.sign(statement)),
            "certificate": encode(self.bank.certificate),
            "reason": reason,
            "last_seq": self.last_seq,
        }
        path = f"/verdicts/{statement.digest.hex()}/void"
        return self.call("POST", path, body | changes)

    def stored(self, statement: Statement) -> Answer:
        return self.call("GET", f"/verdicts/{statement.digest.hex()}")

    def wrong(self, statement: Statement, number: int = 0) -> str:
        """Return the ``number``-th response that is surely wrong: not near any right one."""
        ahead = range(20) if self.token.suite.counter else range(1)
        near = (-1, 0, 1) if self.token.suite.time_step_seconds else (0,)
        right = {
            replace(self.token, counter=self.token.counter + more).respond(statement, steps=steps)
            for more, steps in product(ahead, near)
        }
        candidates = (f"{code:0{self.token.suite.digits}}" for code in range(10_000))
        wrong = (code for code in candidates if code not in right)
        return next(code for place, code in enumerate(wrong) if place == number)


def opened(answer: Answer, paired: Paired) -> Verdict:
    """Return the verdict inside an answer, its signature checked with the certified key."""
    assert answer.status == 200, answer
    certified = ServerCertificate.from_payload(cose.parse(paired.certificate).payload)
    message = decode(answer.body["verdict"])
    return Verdict.from_payload(cose.open_signed(message, typ=Typ.VERDICT, key=certified.key))
