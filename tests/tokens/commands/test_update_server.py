"""A token learns the new key of its paired server, from its host alone."""

import base64
from pathlib import Path

import pytest

from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.keys import Purpose, ServerCertificate
from tests.tokens.commands.terminal import load, refuse, succeed
from tests.tokens.service import Service
from tests.tokens.world import NOW, TODAY, FakeHost, FakePlatform, certificate
from tokens.errors import RefusedError
from tokens.simulator import SimulatedToken

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

PLATFORM = FakePlatform()
HOST = FakeHost(PLATFORM)
TOKEN = HOST.enrol()
NEW = SigningKey.generate()
HOST_KEYS = [certificate(HOST.key, HOST.root, Purpose.HOST, "host")]


def certified(
    key: SigningKey = NEW, *, by: SigningKey = HOST.key, serial: str = "T-0001", day: int = TODAY
) -> bytes:
    return ServerCertificate(key.public, serial, day, day + 365).sign(by)


def test_a_statement_to_the_new_id_is_read_once_the_token_knows_it() -> None:
    renewed = TOKEN.with_server(certified(), HOST_KEYS)
    challenge = PLATFORM.challenge(PLATFORM.statement(renewed))
    with pytest.raises(RefusedError, match="update-server"):
        TOKEN.read(challenge, NOW)
    assert renewed.read(challenge, NOW).statement.vk == NEW.kid
    assert renewed.seed == TOKEN.seed


def test_a_key_of_the_host_that_is_newer_than_the_enrolment_will_do() -> None:
    later = SigningKey.generate()
    keys = [*HOST_KEYS, certificate(later, HOST.root, Purpose.HOST, "host")]
    assert TOKEN.with_server(certified(by=later), keys).vk == NEW.kid


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(certified(by=SigningKey.generate()), id="by nobody we know"),
        pytest.param(certified(serial="T-0002"), id="for another token"),
        pytest.param(certified(day=TODAY + 9), id="outside the days of the host's key"),
    ],
)
def test_a_certificate_that_is_not_the_hosts_for_this_token_is_refused(message: bytes) -> None:
    with pytest.raises(RefusedError) as refusal:
        TOKEN.with_server(message, HOST_KEYS)
    assert refusal.value.code == "certificate_wrong"


def test_a_key_that_is_not_for_certifying_servers_is_refused() -> None:
    keys = [certificate(HOST.key, HOST.root, Purpose.RECEIPT, "host")]
    with pytest.raises(RefusedError):
        TOKEN.with_server(certified(), keys)


def test_a_key_under_another_root_is_refused() -> None:
    keys = [certificate(HOST.key, SigningKey.generate(), Purpose.HOST, "host")]
    with pytest.raises(ProtocolError, match="signature_invalid"):
        TOKEN.with_server(certified(), keys)


def test_the_command_asks_the_host_under_the_id_that_the_token_knows(
    service: Service, host: FakeHost, token: SimulatedToken, file: Path
) -> None:
    keys = [certificate(host.key, host.root, Purpose.HOST, "host")]
    service.answer(
        {
            "certificate": to_base64(certified(by=host.key)),
            "host_certificates": [to_base64(key) for key in keys],
        }
    )
    assert succeed("update-server", "T-0001") == f"server   T-0001  {NEW.kid.hex()}\n"
    assert service.asked[0][:2] == ("GET", f"/v1/servers/{token.vk.hex()}/certificate")
    (renewed,) = load(file).tokens
    assert renewed.names == ("T-0001", NEW.kid.hex())


@pytest.mark.parametrize("body", [{}, {"certificate": 1, "host_certificates": []}, b"no"])
def test_an_answer_that_is_none_changes_nothing(
    service: Service, token: SimulatedToken, file: Path, body: object
) -> None:
    service.answer(body)
    assert refuse("update-server", "T-0001") == "answer_invalid"
    assert load(file).tokens == (token,)


def test_what_the_host_refuses_is_told(service: Service, token: SimulatedToken) -> None:
    service.answer({"code": "server_moved", "detail": "It has moved."}, status=409)
    assert refuse("update-server", "T-0001") == "server_moved"


def to_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
