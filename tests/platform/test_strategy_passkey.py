"""A charge that a passkey confirms: what it signs is bound to the amount and the payee."""

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from hypothesis import HealthCheck, example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from accounts.errors import PasskeyWrongError
from accounts.passkeys import check_passkey
from billing.packages.models import BillingRequest
from tests.platform.applications import Application, Biller
from tests.platform.passkeys import Passkey
from tests.platform.proving import Waiting, assert_charged, is_uncharged, want
from tests.platform.shopping import buyer

pytestmark = pytest.mark.usefixtures("phone_keys")
WRONG = (403, "passkey_wrong")
CHALLENGE = bytes(range(32))


@pytest.fixture
def passkey() -> Passkey:
    """Dora's passkey."""
    return Passkey.of(buyer())


@pytest.fixture
def waiting(passkey: Passkey) -> Waiting:
    """Dora's sword, which waits for her passkey."""
    return Waiting.on(Application.make(), Biller.of(passkey.person), "passkey")


def challenge(waiting: Waiting) -> str:
    options = waiting.get("passkey")["request_options"]["publicKey"]
    assert options["userVerification"] == "required"
    assert options["rpId"] == "localhost"
    return str(options["challenge"])


def shown(waiting: Waiting, passkey: Passkey, **changes: Any) -> Any:
    """Show a passkey to whatever the request asks for."""
    credential = passkey.sign(challenge(waiting), **changes)
    return waiting.post("passkey", {"credential": credential}, by=waiting.biller.person)


def test_the_passkey_charges(waiting: Waiting, passkey: Passkey) -> None:
    assert_charged(waiting, shown(waiting, passkey))
    assert Authenticator.objects.get().last_used_at is not None


def test_each_request_has_a_challenge_of_its_own(waiting: Waiting, passkey: Passkey) -> None:
    answer = waiting.biller.bill(waiting.application)
    second = Waiting(waiting.application, waiting.biller, answer.body["request"])
    assert challenge(second) != challenge(waiting)
    credential = passkey.sign(challenge(second))
    assert waiting.post("passkey", {"credential": credential}).refusal == WRONG


def test_of_another_amount_the_challenge_is_another(waiting: Waiting, passkey: Passkey) -> None:
    credential = passkey.sign(challenge(waiting))
    BillingRequest.objects.update(amount=1)
    refused = waiting.post("passkey", {"credential": credential})
    assert refused.refusal == (409, "request_closed")
    assert is_uncharged(passkey.person)


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "http://localhost.example.com:8000"},
        {"origin": "http://localhost:8001"},
        {"kind": "webauthn.create"},
        {"flags": 1},
        {"flags": 4},
    ],
)
def test_what_another_site_got_or_nobody_was_asked_for_is_refused(
    waiting: Waiting, passkey: Passkey, changes: dict[str, Any]
) -> None:
    assert shown(waiting, passkey, **changes).refusal == WRONG
    assert is_uncharged(passkey.person)


def test_somebody_elses_passkey_is_refused(waiting: Waiting) -> None:
    eve = Passkey.of(buyer("Eve"))
    assert shown(waiting, eve).refusal == WRONG
    unknown = Passkey(waiting.biller.person)
    assert shown(waiting, unknown).refusal == WRONG


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"id": 1},
        {"id": "AA", "rawId": "AA", "type": "public-key", "response": {}},
        {"id": "AA", "rawId": "é", "type": "public-key", "response": None},
        {"id": [], "rawId": {}, "response": {"clientDataJSON": "AA", "signature": 7}},
    ],
)
def test_what_is_no_credential_is_refused(waiting: Waiting, credential: dict[str, Any]) -> None:
    assert waiting.post("passkey", {"credential": credential}).refusal == WRONG
    assert waiting.state == "awaiting_passkey"


def test_an_extension_that_is_announced_and_missing_is_refused(
    waiting: Waiting, passkey: Passkey
) -> None:
    credential = passkey.sign(challenge(waiting))
    shown = bytearray(websafe_decode(credential["response"]["authenticatorData"]))
    shown[32] |= 0x80
    credential["response"]["authenticatorData"] = websafe_encode(bytes(shown))
    assert waiting.post("passkey", {"credential": credential}).refusal == WRONG


def is_right(passkey: Passkey, credential: object) -> bool:
    """Judge a credential; nothing but its being wrong may be said of it."""
    try:
        check_passkey(passkey.person.holder.user, json.dumps(credential), CHALLENGE)
    except PasskeyWrongError:
        return False
    return True


# The library would make that many bytes of a number: more than any machine has.
MANY_BYTES = 10**15


@pytest.mark.parametrize(
    "name", ["rawId", "clientDataJSON", "authenticatorData", "signature", "userHandle"]
)
def test_a_number_is_not_taken_for_bytes(passkey: Passkey, name: str) -> None:
    credential = passkey.sign(websafe_encode(CHALLENGE))
    del credential["id"]
    (credential if name == "rawId" else credential["response"])[name] = MANY_BYTES
    # Nothing here looks at the last one.
    assert is_right(passkey, credential) == (name == "userHandle")


def test_a_number_is_not_taken_for_a_challenge(passkey: Passkey) -> None:
    credential = passkey.sign(websafe_encode(CHALLENGE))
    told = {
        "type": "webauthn.get",
        "challenge": MANY_BYTES,
        "origin": settings.COUNTERSIGN_ORIGIN,
    }
    credential["response"]["clientDataJSON"] = websafe_encode(json.dumps(told).encode())
    assert not is_right(passkey, credential)


@pytest.mark.parametrize("error", [UnsupportedAlgorithm, NotImplementedError, OverflowError])
def test_a_key_that_nothing_here_can_verify_proves_nothing(
    passkey: Passkey, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def unable(*_: object) -> None:
        raise error("not here")

    monkeypatch.setattr(ES256, "verify", unable)
    assert not is_right(passkey, passkey.sign(websafe_encode(CHALLENGE)))


MEMBERS = st.sampled_from(["clientDataJSON", "authenticatorData", "signature"])
# Among them CBOR of each kind that ends too early, or nests too deep.
PIECES = st.binary(max_size=48) | st.sampled_from(
    [b"\x18", b"\x39", b"\x5a\x00", b"\x7b", b"\xa1\x80\x00", b"\xc0", b"\x81" * 8_000]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=9), parts),
    max_leaves=5,
)
MANY = how(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@MANY
@given(MEMBERS, st.integers(0, 120), st.integers(0, 120), PIECES, st.integers(0, 255))
@example("signature", 0, 0, b"", 5)
@example("authenticatorData", 0, 0, b"", 0x85)
@example("authenticatorData", 37, 0, b"\x39", 0x85)
@example("authenticatorData", 37, 0, b"\xa1\x80\x00", 0x85)
@example("authenticatorData", 37, 0, b"\x81" * 8_000, 0x85)
@example("authenticatorData", 37, 0, bytes(18) + b"\x80", 0x45)
def test_a_credential_that_is_damaged_anywhere_is_wrong_and_no_trouble_of_ours(
    passkey: Passkey, member: str, start: int, length: int, piece: bytes, flags: int
) -> None:
    credential = passkey.sign(websafe_encode(CHALLENGE))
    parts = credential["response"]
    content = websafe_decode(parts[member])
    damaged = content[:start] + piece + content[start + length :]
    if member == "authenticatorData":
        # They say what follows.
        damaged = damaged[:32] + bytes([flags]) + damaged[33:]
    parts[member] = websafe_encode(damaged)
    assert is_right(passkey, credential) == (damaged == content)


@MANY
@given(st.sampled_from(["id", "rawId", "type", "response", "clientExtensionResults"]), ANYTHING)
def test_a_credential_of_any_shape_is_wrong_and_no_trouble_of_ours(
    passkey: Passkey, member: str, value: object
) -> None:
    credential = passkey.sign(websafe_encode(CHALLENGE))
    is_right(passkey, {**credential, member: value})
    part = {**credential["response"], "authenticatorData": value}
    assert not is_right(passkey, {**credential, "response": part})
    assert not is_right(passkey, value)


def test_without_a_passkey_nothing_as_strict_is_open() -> None:
    application, biller = Application.make(), Biller.of(buyer())
    want("passkey", application.package)
    assert biller.bill(application).refusal == (409, "strategy_unavailable")
