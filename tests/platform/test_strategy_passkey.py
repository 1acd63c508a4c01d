"""A charge that a passkey confirms: what it signs is bound to the amount and the payee."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator

from billing.packages.models import BillingRequest
from tests.platform.applications import Application, Biller
from tests.platform.passkeys import Passkey
from tests.platform.proving import Waiting, assert_charged, is_uncharged, want
from tests.platform.shopping import buyer

pytestmark = pytest.mark.usefixtures("phone_keys")
WRONG = (403, "passkey_wrong")


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


def test_without_a_passkey_nothing_as_strict_is_open() -> None:
    application, biller = Application.make(), Biller.of(buyer())
    want("passkey", application.package)
    assert biller.bill(application).refusal == (409, "strategy_unavailable")
