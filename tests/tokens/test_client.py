"""The token's own calls: only to its origins, no redirects, and every odd answer a refusal."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event

import pytest
import urllib3

from tests.tokens.service import Service, serving
from tests.tokens.world import NOW, FakeHost, FakePlatform
from tokens import web
from tokens.client import Client, Outcome
from tokens.enrolment import Enrolment
from tokens.errors import RefusedError
from tokens.simulator import Shown, SimulatedToken
from tokens.web import MAX_ANSWER_BYTES

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


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
def token(host: FakeHost) -> SimulatedToken:
    return host.enrol()


@pytest.fixture
def shown(platform: FakePlatform, token: SimulatedToken) -> Shown:
    return token.read(platform.challenge(platform.statement(token)), NOW)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def host_answer(host: FakeHost, share: bytes) -> dict[str, str]:
    return {name: b64(part) for name, part in asdict(host.pair(share).answer).items()}


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as refused:
        call()
    return f"{refused.value.code}: {refused.value}"


def test_enrolment_sends_ticket_and_share_and_returns_the_answer(
    service: Service, host: FakeHost
) -> None:
    begun = Enrolment.begin(host.invitation, NOW)
    service.answer(host_answer(host, begun.share))
    token, _ = begun.finish(Client().enrol(begun), NOW)
    assert token.serial == "T-0001"
    assert service.asked[0][:2] == ("POST", "/v1/enrolments")
    assert service.last_json() == {
        "ticket": b64(host.invitation.ticket),
        "share": b64(begun.share),
    }


@pytest.mark.parametrize(
    "change", [{"enrol": None}, {"enrol": 7}, {"enrol": "*"}, {"enrol": "é"}, {"enrol": ["YQ"]}]
)
def test_a_host_answer_with_a_broken_part_is_refused(
    service: Service, host: FakeHost, change: dict[str, object]
) -> None:
    begun = Enrolment.begin(host.invitation, NOW)
    service.answer(host_answer(host, begun.share) | change)
    assert refusal(lambda: Client().enrol(begun)).startswith("answer_invalid: ")


def test_a_host_answer_with_a_missing_part_is_refused(service: Service, host: FakeHost) -> None:
    begun = Enrolment.begin(host.invitation, NOW)
    service.answer({})
    assert refusal(lambda: Client().enrol(begun)).startswith("answer_invalid: ")


def test_a_response_is_posted_with_its_tag(
    service: Service, token: SimulatedToken, shown: Shown
) -> None:
    service.answer({"accepted": True, "reason": "accepted"})
    assert Client().respond(token, shown, "12345678") == Outcome(accepted=True, reason="accepted")
    assert service.asked[0][:2] == ("POST", "/api/v1/responses")
    assert service.last_json() == {
        "s": shown.statement.digest.hex(),
        "response": "12345678",
        "tag": b64(token.response_tag(shown, "12345678")),
    }


def test_a_reason_to_decline_is_posted_with_its_tag(
    service: Service, token: SimulatedToken, shown: Shown
) -> None:
    service.answer({"accepted": False, "reason": "declined"})
    assert Client().decline(token, shown, "too dear ☹") == Outcome(
        accepted=False, reason="declined"
    )
    assert service.last_json() == {
        "s": shown.statement.digest.hex(),
        "decline": "too dear ☹",
        "tag": b64(token.decline_tag(shown, "too dear ☹")),
    }


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"accepted": True, "reason": None}, Outcome(accepted=True, reason="accepted")),
        (
            {"accepted": False, "reason": "response_wrong", "tries_left": 4},
            Outcome(accepted=False, reason="response_wrong", tries_left=4),
        ),
        (
            {"accepted": False, "reason": "expired", "tries_left": "4"},
            Outcome(accepted=False, reason="expired"),
        ),
    ],
)
def test_the_platforms_word_is_an_outcome(
    service: Service,
    token: SimulatedToken,
    shown: Shown,
    answer: dict[str, object],
    outcome: Outcome,
) -> None:
    service.answer(answer)
    assert Client().respond(token, shown, "12345678") == outcome


def test_an_outcome_has_no_truth_value() -> None:
    with pytest.raises(TypeError):
        bool(Outcome(accepted=True, reason="accepted"))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"accepted": "yes"},
        {"accepted": 1, "reason": "accepted"},
        {"accepted": False},
        {"accepted": False, "reason": "two words"},
        [],
        7,
        b"",
        b"<html>",
        b"\xff",
        b"[" * 60_000,
        b"x" * (MAX_ANSWER_BYTES + 1),
    ],
)
def test_garbage_is_no_answer(
    service: Service, token: SimulatedToken, shown: Shown, answer: object
) -> None:
    service.answer(answer)
    assert refusal(lambda: Client().respond(token, shown, "1")).startswith("answer_invalid: ")


def test_a_problem_document_is_passed_on(
    service: Service, token: SimulatedToken, shown: Shown
) -> None:
    service.answer({"code": "token_locked", "detail": "Locked until noon."}, 423)
    said = refusal(lambda: Client().respond(token, shown, "1"))
    assert said == f"token_locked: {service.origin} says: Locked until noon."


def test_a_problem_without_words_is_passed_on(
    service: Service, token: SimulatedToken, shown: Shown
) -> None:
    service.answer({"code": "token_locked"}, 423)
    assert refusal(lambda: Client().respond(token, shown, "1")).endswith("says: refused")


def test_nothing_a_terminal_obeys_is_passed_on(
    service: Service, token: SimulatedToken, shown: Shown
) -> None:
    service.answer({"code": "token_locked", "detail": "\x1b[2J\r\nfake\u202e" + "x" * 999}, 423)
    said = refusal(lambda: Client().respond(token, shown, "1"))
    assert said.isprintable()
    assert len(said) < 400


@pytest.mark.parametrize("code", [None, 7, "Two Words", "x" * 50, "\x1b[2J"])
def test_a_problem_without_a_code_is_no_answer(
    service: Service, token: SimulatedToken, shown: Shown, code: object
) -> None:
    service.answer({"code": code, "detail": "?"}, 500)
    assert refusal(lambda: Client().respond(token, shown, "1")).startswith("answer_invalid: ")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(
    service: Service, token: SimulatedToken, shown: Shown, status: int
) -> None:
    service.answer({"accepted": True}, status)
    service.location = service.origin + "/elsewhere"
    assert refusal(lambda: Client().respond(token, shown, "1")).startswith("answer_invalid: ")
    assert [path for _, path, _ in service.asked] == ["/api/v1/responses"]


def test_a_server_that_is_down_is_said_to_be_so(token: SimulatedToken, shown: Shown) -> None:
    with serving() as gone:
        pass
    lonely = replace(token, platform_origin=gone.origin)
    said = refusal(lambda: Client().respond(lonely, shown, "1"))
    assert said.startswith("server_unavailable: ")
    assert "12345678" not in said


@pytest.mark.parametrize(
    "origin",
    [
        "http://platform.example",
        "http://127.0.0.1.example",
        "http://localhost@evil.example",
        "ftp://localhost",
        "file:///etc",
        "https://user@platform.example",
        "https://platform.example/path",
        "https://platform.example?x",
        "https://PLATFORM.example",
        "",
        "https://",
    ],
)
def test_only_https_origins_and_this_machine_are_called(
    origin: str, token: SimulatedToken, shown: Shown
) -> None:
    stray = replace(token, platform_origin=origin)
    assert refusal(lambda: Client().respond(stray, shown, "1")).startswith("origin_refused: ")


@pytest.mark.parametrize("origin", ["https://a..b", "https://" + "x" * 200, "https://-:99999"])
def test_an_address_that_cannot_be_is_unavailable(
    origin: str, token: SimulatedToken, shown: Shown
) -> None:
    stray = replace(token, platform_origin=origin)
    assert refusal(lambda: Client().respond(stray, shown, "1")).startswith("server_unavailable: ")


def test_a_certificate_nobody_vouches_for_is_said_to_be_so(
    service: Service,
    token: SimulatedToken,
    shown: Shown,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def distrust(*_: object, **__: object) -> None:
        reason = urllib3.exceptions.SSLError("self-signed")
        raise urllib3.exceptions.MaxRetryError(urllib3.HTTPConnectionPool("x"), "/", reason)

    monkeypatch.setattr(urllib3.PoolManager, "request", distrust)
    said = refusal(lambda: Client().respond(token, shown, "1"))
    assert said.startswith("certificate_untrusted: ")


@pytest.mark.parametrize("content", [None, b"", b"no certificates"])
def test_an_unfit_file_of_certificates_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    assert refusal(lambda: Client(path)).startswith("ca_file_invalid: ")


def test_the_directory_is_fetched_as_it_is(
    service: Service, platform: FakePlatform, token: SimulatedToken
) -> None:
    service.answer(platform.directory())
    directory = Client().directory(token.platform_origin)
    assert token.with_keys(directory).edition.issued == int(NOW.timestamp())
    assert service.asked == [("GET", "/.well-known/countersign/keys", b"")]


def test_a_call_that_got_no_answer_is_repeated_once_with_the_same_body(
    service: Service, token: SimulatedToken, shown: Shown
) -> None:
    service.answer({"accepted": True})
    service.drop = 1
    assert Client().respond(token, shown, "12345678").accepted
    assert len(service.asked) == 2
    assert service.asked[0] == service.asked[1]
    service.drop = 2
    said = refusal(lambda: Client().respond(token, shown, "12345678"))
    assert said.startswith("server_unavailable: ")


def test_a_server_that_is_too_slow_gives_no_answer(
    service: Service,
    token: SimulatedToken,
    shown: Shown,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web, "TIMEOUT", urllib3.Timeout(0.05))
    is_refused = Event()
    service.before = lambda: is_refused.wait(60)
    said = refusal(lambda: Client().respond(token, shown, "12345678"))
    is_refused.set()
    assert said.startswith("server_unavailable: ")
