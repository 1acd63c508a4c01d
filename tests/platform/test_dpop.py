"""Proof of possession: for one request, by one key, for a minute (RFC 9449 section 4.3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from binding.dpop import LEEWAY, Proof, open_proof
from binding.errors import DeviceProofInvalidError
from protocol.ed25519 import SigningKey
from protocol.jwk import to_base64, to_jwk
from terminal.dpop import make_proof
from tests.protocol.world import some_bytes

KEY = SigningKey.from_bytes(some_bytes("device key", 32))
URL = "https://cs.example.com/api/v1/billing/authorize"
BODY = b'{"resource_id":"00"}'
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Parts:
    """A proof before it is signed."""

    header: dict[str, Any]
    claims: dict[str, Any]
    key: Any = KEY.private
    algorithm: str = "EdDSA"

    @property
    def token(self) -> str:
        return jwt.encode(self.claims, self.key, algorithm=self.algorithm, headers=self.header)


def parts() -> Parts:
    token = make_proof(KEY, "POST", URL, BODY, now=NOW)
    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    del header["alg"]
    return Parts(header, claims)


def opened(token: str, **changes: Any) -> Proof:
    request: dict[str, Any] = {"method": "POST", "url": URL, "body": BODY, "now": NOW}
    return open_proof(token, **{**request, **changes})


def is_refused(token: str, **changes: Any) -> bool:
    try:
        opened(token, **changes)
    except DeviceProofInvalidError:
        return True
    return False


def test_a_proof_names_its_key() -> None:
    assert opened(parts().token).key == KEY.public


def test_every_proof_has_an_id_of_its_own() -> None:
    ids = {opened(make_proof(KEY, "POST", URL, BODY, now=NOW)).jti for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "GET"},
        {"url": URL + "/"},
        {"url": URL.replace("https", "http")},
        {"url": URL.replace("cs.", "other.")},
        {"body": BODY + b" "},
        {"body": b""},
        {"now": NOW + LEEWAY + timedelta(seconds=1)},
        {"now": NOW - LEEWAY - timedelta(seconds=1)},
    ],
)
def test_it_serves_for_no_other_request_and_no_longer(changes: dict[str, Any]) -> None:
    assert is_refused(parts().token, **changes)


@pytest.mark.parametrize("away", [LEEWAY, -LEEWAY])
def test_clocks_may_differ_by_a_minute(away: timedelta) -> None:
    assert not is_refused(parts().token, now=NOW + away)


def _without(claim: str) -> Callable[[Parts], object]:
    return lambda proof: proof.claims.pop(claim)


def _claim(claim: str, value: object) -> Callable[[Parts], object]:
    return lambda proof: proof.claims.update({claim: value})


def _header(**values: object) -> Callable[[Parts], object]:
    return lambda proof: proof.header.update(values)


def _by_another_key(proof: Parts) -> None:
    proof.key = SigningKey.generate().private


def _without_signature(proof: Parts) -> None:
    proof.key, proof.algorithm = None, "none"


def _with_hmac(proof: Parts) -> None:
    # The public key as the secret: the mistake that lets anybody sign.
    proof.key, proof.algorithm = to_base64(KEY.public), "HS256"


def _with_another_curve(proof: Parts) -> None:
    proof.key, proof.algorithm = ec.generate_private_key(ec.SECP256R1()), "ES256"


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize(
    "spoil",
    [
        *(_without(claim) for claim in ("jti", "htm", "htu", "iat", "bdh")),
        *(_claim(claim, None) for claim in ("jti", "htm", "htu", "iat", "bdh")),
        *(_claim(claim, ["x"]) for claim in ("jti", "htm", "htu", "iat", "bdh")),
        _claim("jti", "short"),
        _claim("jti", "x" * 101),
        _claim("iat", str(int(NOW.timestamp()))),
        _claim("iat", NOW.timestamp()),
        _claim("bdh", to_base64(bytes(32))),
        _claim("htm", "post"),
        _claim("nbf", int(NOW.timestamp()) + 10**9),
        _header(typ="JWT"),
        _header(kid="1"),
        _header(crit=["x"], x=1),
        _header(jwk=to_jwk(SigningKey.generate().public)),
        _header(jwk={**to_jwk(KEY.public), "d": to_base64(bytes(32))}),
        _header(jwk={**to_jwk(KEY.public), "crv": "X25519"}),
        _header(jwk={**to_jwk(KEY.public), "x": "!"}),
        _header(jwk=to_jwk(bytes(32))),
        _header(jwk="x"),
        _by_another_key,
        _without_signature,
        _with_hmac,
        _with_another_curve,
    ],
)
def test_what_is_no_sound_proof_is_refused(spoil: Callable[[Parts], object]) -> None:
    proof = parts()
    assert not is_refused(proof.token)
    spoil(proof)
    assert is_refused(proof.token)


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "é", f"{parts().token},{parts().token}", "x" * 2001, "e30.e30.e30"]
)
def test_what_is_no_proof_at_all_is_refused(token: str) -> None:
    assert is_refused(token)


@given(st.integers(0, 1_000_000), st.characters(codec="ascii"))
def test_every_character_of_a_proof_counts(place: int, other: str) -> None:
    token = parts().token
    place %= len(token)
    changed = token[:place] + other + token[place + 1 :]
    assert changed == token or is_refused(changed)
