"""The terminal's calls: proved by a key, to one platform alone, and every odd answer a refusal."""

import hashlib
import json
from collections.abc import Callable

import jwt
import pytest

from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64, to_base64
from terminal.client import Client
from terminal.dpop import make_proof
from terminal.errors import TerminalError
from tests.terminal.loopback import HOSTS, Answer, Asked, answering
from tests.terminal.shop import NOW
from tokens.web import MAX_ANSWER_BYTES

pytestmark = pytest.mark.allow_hosts(HOSTS)

URL = "https://shop.example/api/v1/billing/verify"


def refusal(call: Callable[[], object]) -> TerminalError:
    with pytest.raises(TerminalError) as refused:
        call()
    return refused.value


def test_a_proof_holds_what_is_asked_and_when_under_the_key_that_it_shows() -> None:
    key = SigningKey.generate()
    proof = make_proof(key, "POST", f"{URL}?page=2", b"{}", now=NOW)
    header = jwt.get_unverified_header(proof)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": to_base64(key.public)}
    assert header == {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk}
    claims = jwt.decode(proof, jwt.PyJWK(jwk), algorithms=["EdDSA"], options={"verify_iat": False})
    assert (claims["htm"], claims["htu"], claims["iat"]) == ("POST", URL, int(NOW.timestamp()))
    assert from_base64(claims["bdh"]) == hashlib.sha256(b"{}").digest()


def test_no_two_proofs_have_one_id() -> None:
    key = SigningKey.generate()
    proofs = {make_proof(key, "POST", URL, b"", now=NOW) for _ in range(20)}
    ids = [
        jwt.decode(proof, options={"verify_signature": False})["jti"] for proof in sorted(proofs)
    ]
    assert len(set(ids)) == 20
    assert all(len(from_base64(each)) >= 16 for each in ids)


def test_a_call_sends_the_proof_of_exactly_what_it_sends() -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Answer:
        asked.append(request)
        return Answer.of({"good": 1}, 201)

    with answering(answer) as origin:
        client = Client(origin, clock=lambda: NOW)
        key = SigningKey.generate()
        assert client.call("POST", "/devices", {"name": "é"}, key=key) == {"good": 1}
    claims = jwt.decode(asked[0].headers["DPoP"], options={"verify_signature": False})
    assert claims["htu"] == f"{origin}/api/v1/devices"
    assert from_base64(claims["bdh"]) == hashlib.sha256(asked[0].body).digest()
    assert json.loads(asked[0].body) == {"name": "é"}


def test_a_refusal_keeps_code_and_problem_document() -> None:
    problem = Answer.problem(402, "not_paid", price=499, detail="Not\x1b[2J paid.")
    with answering(lambda _: problem) as origin:
        refused = refusal(lambda: Client(origin).call("GET", "/x", key=SigningKey.generate()))
    assert (refused.code, refused.members["price"]) == ("not_paid", 499)
    assert "\x1b" not in str(refused)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>"),
        Answer(b"[1]"),
        Answer(b"x" * (MAX_ANSWER_BYTES + 1)),
        Answer(b"<html>", 502),
        Answer(b"", 302, {"Location": "http://127.0.0.1/"}),
        Answer.of({"code": "Not a code"}, 403),
    ],
)
def test_an_answer_that_no_platform_gives_is_refused(answer: Answer) -> None:
    with answering(lambda _: answer) as origin:
        refused = refusal(lambda: Client(origin).call("GET", "/x", key=SigningKey.generate()))
    assert refused.code == "answer_invalid"


def test_a_platform_that_is_away_is_said_to_be_so() -> None:
    with answering(lambda _: Answer(b"{}")) as origin:
        pass
    refused = refusal(lambda: Client(origin).call("GET", "/x", key=SigningKey.generate()))
    assert refused.code == "server_unavailable"


def test_a_platform_that_is_called_in_clear_is_refused_unasked() -> None:
    client = Client("http://shop.example")
    refused = refusal(lambda: client.call("GET", "/x", key=SigningKey.generate()))
    assert refused.code == "origin_refused"


def test_the_directory_is_passed_on_unread() -> None:
    with answering(lambda asked: Answer(asked.path.encode())) as origin:
        assert Client(origin).newer_directory() == (b"/.well-known/countersign/keys", "")
    with answering(lambda _: Answer.problem(503, "try_later")) as origin:
        assert refusal(Client(origin).newer_directory).code == "try_later"
