"""A file of tokens, a clock that stands still, and a service that answers the commands."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import time_machine

from protocol.jwk import from_base64, to_base64
from tests.tokens.commands.terminal import PASSPHRASE, save
from tests.tokens.service import Service, serving
from tests.tokens.world import NOW, FakeHost, FakePlatform
from tokens import store
from tokens.commands import asking
from tokens.simulator import SimulatedToken


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tokens.bin"
    monkeypatch.setenv("COUNTERSIGN_TOKEN_FILE", str(path))
    monkeypatch.setenv("COUNTERSIGN_TOKEN_PASSPHRASE", PASSPHRASE)
    monkeypatch.setattr(store, "SCRYPT_LOG_N", 4)
    return path


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def platform(service: Service) -> FakePlatform:
    return FakePlatform(service.origin)


@pytest.fixture
def host(service: Service, platform: FakePlatform) -> FakeHost:
    return FakeHost(platform, service.origin)


@pytest.fixture
def token(host: FakeHost, file: Path) -> SimulatedToken:
    token = host.enrol()
    save(file, token)
    return token


@pytest.fixture
def challenge(platform: FakePlatform, token: SimulatedToken) -> str:
    return platform.challenge(platform.statement(token))


def be_host(service: Service, host: FakeHost) -> Callable[[], None]:
    """Answer the enrolment calls of this service as that host would."""

    def answer() -> None:
        ticket_and_share = service.last_json()
        share = from_base64(ticket_and_share["share"])
        answer = host.pair(share).answer
        service.answer({k: to_base64(v) for k, v in asdict(answer).items()})

    return answer


@pytest.fixture
def enrolling(service: Service, host: FakeHost) -> FakeHost:
    service.before = be_host(service, host)
    return host


@pytest.fixture
def type_passphrases(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have these passphrases typed at the next prompts, or these exceptions raised."""

    def type_them(*typed: str | type[BaseException]) -> None:
        answers = iter(typed)

        def prompt(_: str) -> str:
            answer = next(answers)
            if isinstance(answer, str):
                return answer
            raise answer

        monkeypatch.delenv("COUNTERSIGN_TOKEN_PASSPHRASE")
        monkeypatch.setattr(asking, "getpass", prompt)

    return type_them
