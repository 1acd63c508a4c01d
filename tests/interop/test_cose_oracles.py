"""Our COSE messages verify with other libraries, and theirs with ours."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import key_id
from tests.protocol import world
from tests.protocol.published import load

ROOT = Path(__file__).parent.parent.parent
PYTHON = ROOT / ".venv-oracle" / "bin" / "python"

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="needs .venv-oracle, which `make test` makes"
)

CHAIN = world.chain(2)
OURS = {
    "statement": (
        cose.sign(world.STATEMENT_KEY, Typ.STATEMENT, CHAIN[0].statement.payload()),
        world.STATEMENT_KEY.public,
    ),
    "verdict": (CHAIN[0].verdict, CHAIN[0].server.public),
    "server certificate": (CHAIN[0].certificate, world.HOST_KEY.public),
    "receipt": (world.receipt_of(CHAIN), world.RECEIPT_KEY.public),
    "refusal": (world.refusal().sign(world.RECEIPT_KEY), world.RECEIPT_KEY.public),
    "directory": (world.DIRECTORY.sign(world.DIRECTORY_KEY), world.DIRECTORY_KEY.public),
    "key certificate": (world.CERTIFICATES[0], world.ROOT.public),
}


def ask(requests: list[dict[str, Any]]) -> list[str | None]:
    """Let the oracle answer, in its own process and environment."""
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("oracle.py")],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: list[str | None] = json.loads(done.stdout)
    return answers


def request(
    message: bytes, public: bytes, *, library: str = "cwt", algorithm: int = -19, aad: str = ""
) -> dict[str, Any]:
    return {
        "library": library,
        "message": message.hex(),
        "public": public.hex(),
        "kid": key_id(public).hex(),
        "algorithm": algorithm,
        "external_aad": aad,
    }


def flipped(message: bytes) -> bytes:
    """The message with one bit of its signature changed."""
    return message[:-1] + bytes([message[-1] ^ 1])


def test_every_message_of_ours_verifies_with_cwt() -> None:
    answers = ask([request(message, key) for message, key in OURS.values()])
    assert dict(zip(OURS, answers, strict=True)) == {
        name: cose.parse(message, max_bytes=60_000).payload.hex()
        for name, (message, _) in OURS.items()
    }


def test_none_verifies_with_cwt_when_one_bit_is_changed() -> None:
    assert set(ask([request(flipped(message), key) for message, key in OURS.values()])) == {None}


def test_what_cwt_signs_under_our_headers_is_byte_for_byte_what_we_sign() -> None:
    key, payload = world.STATEMENT_KEY, CHAIN[0].statement.payload()
    (message,) = ask(
        [
            {
                "library": "cwt_signs",
                "secret": key.to_bytes().hex(),
                "public": key.public.hex(),
                "kid": key.kid.hex(),
                "algorithm": -19,
                "typ": str(Typ.STATEMENT),
                "payload": payload.hex(),
            }
        ]
    )
    assert message == cose.sign(key, Typ.STATEMENT, payload).hex()


@pytest.mark.parametrize("library", ["cwt", "pycose"])
@pytest.mark.parametrize("name", ["cose_sign1_generated", "cose_sign1_eddsa"])
def test_the_oracles_read_the_published_vectors_as_we_do(name: str, library: str) -> None:
    vectors = [
        vector
        for vector in load(name)["vectors"]
        if vector["curve"] == "Ed25519" and vector["valid"]
    ]
    requests = [
        request(
            bytes.fromhex(vector["cose_hex"]),
            bytes.fromhex(vector["public_key_hex"]),
            library=library,
            algorithm=-8,
            aad=vector["external_aad_hex"],
        )
        | {"kid": vector.get("kid_hex", "3131")}
        for vector in vectors
    ]
    assert ask(requests) == [vector["payload_hex"] for vector in vectors]
