"""The commands: what they print, what they change, and one clear line for every bad input."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from getpass import GetPassWarning
from pathlib import Path

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from protocol import qrtext
from protocol.enrolment import Invitation
from protocol.qrtext import Link
from tests.tokens.service import Service, serving
from tests.tokens.world import (
    COUNTER_SUITE,
    DEFAULT_SUITE,
    NOW,
    SECONDS,
    FakeHost,
    FakePlatform,
    picture,
)
from tokens import asking, cli, ocra, store
from tokens.cli import app
from tokens.simulator import SimulatedToken
from tokens.store import Contents, TokenFile
from tokens.suite import OCRASuite

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

ROOT = Path(__file__).parent.parent.parent
VECTORS = ROOT / "tests" / "vectors"
PASSPHRASE = "correct horse"
RUNNER = CliRunner()


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


def save(path: Path, *tokens: SimulatedToken) -> None:
    file = TokenFile(path, lambda: PASSPHRASE)
    with file.locked():
        file.save(Contents(tokens))


def load(path: Path) -> Contents:
    return TokenFile(path, lambda: PASSPHRASE).load()


def run(*arguments: object, typed: str = "") -> Result:
    return RUNNER.invoke(app, [str(argument) for argument in arguments], input=typed)


def succeed(*arguments: object, typed: str = "") -> str:
    result = run(*arguments, typed=typed)
    assert (result.exit_code, result.exception) == (0, None), result.output
    return result.stdout


def refuse(*arguments: object, typed: str = "") -> str:
    """Run a command that must end with one line, ``code: sentence``; return the code."""
    result = run(*arguments, typed=typed)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    line = result.stderr.splitlines()[-1]
    assert line.isprintable()
    return line.partition(": ")[0]


def expected_response(token: SimulatedToken, s: str, counter: int | None = None) -> str:
    time_step = SECONDS // 60 if counter is None else None
    return ocra.compute(token.suite, token.seed, question=s, counter=counter, time_step=time_step)


# enrol


def be_host(service: Service, host: FakeHost) -> Callable[[], None]:
    """Answer the enrolment calls of this service as that host would."""

    def answer() -> None:
        ticket_and_share = service.last_json()
        share = base64.urlsafe_b64decode(ticket_and_share["share"] + "=")
        answer = host.pair(share).answer
        fields = {name: getattr(answer, name) for name in answer.__slots__}
        service.answer({k: base64.urlsafe_b64encode(v).decode() for k, v in fields.items()})

    return answer


@pytest.fixture
def enrolling(service: Service, host: FakeHost) -> FakeHost:
    service.before = be_host(service, host)
    return host


def test_enrol_prints_the_digits_to_compare_and_keeps_the_token(
    enrolling: FakeHost, file: Path
) -> None:
    out = succeed("enrol", enrolling.invitation.to_link())
    [token] = load(file).tokens
    share = load(file).pending[0].share
    digits = enrolling.pair(share).secrets.digits
    assert out.splitlines() == [
        "serial   T-0001",
        f"platform cs-demo {enrolling.platform.info.origin}",
        f"digits   {digits}",
    ]
    assert token.seed == enrolling.pair(share).secrets.seed


def test_enrol_says_what_to_do_next(enrolling: FakeHost) -> None:
    result = run("enrol", enrolling.invitation.to_link())
    assert "Compare the digits with those on the page at" in result.stderr


def test_enrol_takes_a_picture_and_prints_json(enrolling: FakeHost, tmp_path: Path) -> None:
    path = tmp_path / "invitation.png"
    path.write_bytes(picture(enrolling.invitation.to_link()))
    described = json.loads(succeed("enrol", path, "--json"))
    assert set(described) == {
        "serial",
        "vk",
        "suite",
        "sight",
        "platform",
        "origin",
        "host",
        "digits",
    }


def test_enrol_again_gives_the_same_token_with_its_counter_as_it_is(
    enrolling: FakeHost, file: Path
) -> None:
    enrolling.suite = COUNTER_SUITE
    link = enrolling.invitation.to_link()
    first = succeed("enrol", link)
    counted = load(file).tokens[0].advanced()
    save_all = load(file).with_token(counted)
    opened = TokenFile(file, lambda: PASSPHRASE)
    with opened.locked():
        opened.load()
        opened.save(save_all)
    assert succeed("enrol", link) == first
    assert load(file).tokens == (counted,)


def test_a_lost_answer_is_no_lost_token(enrolling: FakeHost, service: Service, file: Path) -> None:
    link = enrolling.invitation.to_link()
    service.drop = 2
    assert refuse("enrol", link) == "server_unavailable"
    succeed("enrol", link)
    shares = {body for _, _, body in service.asked}
    assert len(shares) == 1
    assert len(load(file).tokens) == 1


def test_the_display_of_the_token_is_kept(enrolling: FakeHost, file: Path) -> None:
    succeed("enrol", enrolling.invitation.to_link(), "--columns", 40, "--rows", 20)
    profile = load(file).tokens[0].profile
    assert (profile.columns, profile.rows) == (40, 20)


def test_a_host_that_is_not_the_one_in_the_code_is_refused(
    enrolling: FakeHost, file: Path
) -> None:
    stranger = Invitation(enrolling.origin, bytes(16), enrolling.invitation.ticket)
    assert refuse("enrol", stranger.to_link()) == "host_root_wrong"
    assert load(file).tokens == ()


def test_the_hosts_refusal_is_passed_on(service: Service, host: FakeHost) -> None:
    service.answer({"code": "ticket_unknown", "detail": "Ask for a new one."}, 404)
    assert refuse("enrol", host.invitation.to_link()) == "ticket_unknown"


def test_enrol_takes_no_challenge(challenge: str) -> None:
    assert refuse("enrol", challenge) == "not_ours"


# list


def test_list_shows_each_token_on_a_line_without_its_secrets(
    token: SimulatedToken, host: FakeHost
) -> None:
    out = succeed("list")
    assert out.split() == [
        "T-0001",
        token.vk.hex(),
        DEFAULT_SUITE,
        "cs-demo",
        token.platform_origin,
        host.origin,
    ]


def test_list_as_json(token: SimulatedToken) -> None:
    assert json.loads(succeed("list", "--json"))[0]["serial"] == "T-0001"


def test_list_without_a_file_says_so() -> None:
    result = run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no tokens yet" in result.stderr


def test_a_wrong_passphrase_is_refused(
    token: SimulatedToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERSIGN_TOKEN_PASSPHRASE", "wrong")
    assert refuse("list") == "passphrase_wrong"


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


def test_the_passphrase_is_asked_for(
    token: SimulatedToken, type_passphrases: Callable[..., None]
) -> None:
    type_passphrases(PASSPHRASE)
    assert succeed("list").startswith("T-0001")


def test_a_new_passphrase_is_asked_for_twice(
    enrolling: FakeHost, file: Path, type_passphrases: Callable[..., None]
) -> None:
    type_passphrases(PASSPHRASE, PASSPHRASE)
    succeed("enrol", enrolling.invitation.to_link())
    assert len(load(file).tokens) == 1


def test_a_mistyped_new_passphrase_makes_no_file(
    enrolling: FakeHost, file: Path, type_passphrases: Callable[..., None]
) -> None:
    type_passphrases(PASSPHRASE, "mistyped")
    assert refuse("enrol", enrolling.invitation.to_link()) == "passphrase_mismatch"
    assert not file.exists()


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        pytest.param("", "passphrase_missing", id="empty"),
        pytest.param(GetPassWarning, "passphrase_missing", id="no terminal to hide it on"),
        pytest.param(EOFError, "aborted", id="end of input"),
        pytest.param(KeyboardInterrupt, "aborted", id="interrupted"),
    ],
)
def test_without_a_passphrase_nothing_is_done(
    token: SimulatedToken,
    type_passphrases: Callable[..., None],
    typed: str | type[BaseException],
    code: str,
) -> None:
    type_passphrases(typed)
    assert refuse("list") == code


def test_the_file_may_lie_elsewhere(token: SimulatedToken, file: Path, tmp_path: Path) -> None:
    elsewhere = file.rename(tmp_path / "elsewhere")
    assert succeed("list") == ""
    assert succeed("list", "--file", elsewhere).startswith("T-0001")


def test_a_home_that_nobody_has_is_refused() -> None:
    assert refuse("list", "--file", "~no-such-user/tokens.bin") == "token_file_unusable"


# show


def test_show_prints_every_line_of_the_display(token: SimulatedToken, challenge: str) -> None:
    assert succeed("show", challenge).splitlines() == list(token.read(challenge, NOW).lines)


def test_show_takes_a_picture_and_a_file_of_text(challenge: str, tmp_path: Path) -> None:
    text, image = tmp_path / "code.txt", tmp_path / "code.png"
    text.write_text(challenge + "\n")
    image.write_bytes(picture(challenge))
    assert succeed("show", text) == succeed("show", image) == succeed("show", challenge)


def test_show_as_json(platform: FakePlatform, token: SimulatedToken) -> None:
    steps = platform.chain(token, 2)
    described = json.loads(succeed("show", platform.challenge(steps[1], steps[:1]), "--json"))
    assert described["s"] == steps[1].digest.hex()
    assert (described["step"], described["earlier_shown"], described["earlier_hidden"]) == (
        2,
        1,
        0,
    )
    assert (described["issued"], described["expires"]) == (SECONDS, SECONDS + 180)
    assert described["lines"][0] == "Payment"


def test_show_reads_what_is_not_latin(platform: FakePlatform, token: SimulatedToken) -> None:
    party = replace(platform.statement(token).party, remark="中文 שלום 🌷")
    out = succeed("show", platform.challenge(platform.statement(token, party=party)))
    assert "Your remark: \u2068中文 שלום 🌷\u2069" in out


def test_show_refuses_an_altered_statement(platform: FakePlatform, token: SimulatedToken) -> None:
    first, second = platform.chain(token, 2)
    altered = replace(first, party=replace(first.party, remark="altered"))
    code = platform.challenge(second, [altered])
    assert refuse("show", code) == "previous_content_changed"


def test_show_refuses_a_statement_for_no_token_here(
    platform: FakePlatform, token: SimulatedToken, file: Path
) -> None:
    text = platform.challenge(platform.statement(token))
    file.unlink()
    assert refuse("show", text) == "token_unknown"


def test_show_picks_the_token_by_serial_and_server(
    platform: FakePlatform, token: SimulatedToken, file: Path
) -> None:
    twin = FakeHost(platform).enrol()
    save(file, twin, token)
    assert succeed("show", platform.challenge(platform.statement(token)))
    assert succeed("show", platform.challenge(platform.statement(twin)))


def test_show_refuses_a_foreign_origin(token: SimulatedToken) -> None:
    foreign = FakePlatform("https://foreign.example")
    assert refuse("show", foreign.challenge(foreign.statement(token))) == "wrong_platform"


@pytest.mark.parametrize(
    "given",
    [
        "",
        "no-such-file",
        ".",
        "http://",
        "https://platform.example",
        "https://platform.example/t#",
        "https://platform.example/t#999",
        "https://platform.example/t#" + "1" * 100_000,
        "https://platform.example/t#١٢٣",
        "https://platform.example/x#123",
        "\udcff",
    ],
)
def test_show_refuses_what_is_no_challenge(given: str) -> None:
    assert refuse("show", given)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xff" * 1_000_000,
        b"https://" + b"1" * 1_000_000,
        b"https://\xff\xfe",
        b"\x89PNG\r\n\x1a\n",
        b'{"not": "a code"}',
    ],
)
def test_show_refuses_files_that_hold_no_challenge(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad"
    path.write_bytes(data)
    assert refuse("show", path)


@pytest.mark.parametrize("link", [Link.RECEIPT, Link.ENROLMENT])
def test_show_refuses_another_kind_of_code(link: Link) -> None:
    assert refuse("show", qrtext.encode("https://platform.example", link, b"1")) == "not_ours"


def test_show_refuses_a_truncated_challenge(challenge: str) -> None:
    for cut in (1, 17, 100):
        assert refuse("show", challenge[:-cut])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.text("0123456789", max_size=60) | st.text())
def test_nothing_but_a_clean_refusal_comes_of_any_text(content: str) -> None:
    assert refuse("show", "https://platform.example/t#" + content)
    assert refuse("show", "--", content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary())
def test_nothing_but_a_clean_refusal_comes_of_any_bundle(data: bytes) -> None:
    assert refuse("show", qrtext.encode("https://platform.example", Link.BUNDLE, data))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary())
def test_nothing_but_a_clean_refusal_comes_of_any_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(data)
    assert refuse("show", path)


# respond


def test_respond_shows_asks_and_prints_the_code(token: SimulatedToken, challenge: str) -> None:
    shown = token.read(challenge, NOW)
    result = run("respond", challenge, typed="y\n")
    assert result.exit_code == 0
    assert result.stdout == f"{expected_response(token, shown.statement.digest.hex())}\n"
    assert result.stderr.startswith("\n".join(shown.lines))


def test_on_a_terminal_the_holder_ends_the_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("YES\n"))
    asking.confirm("Really?")
    assert capsys.readouterr() == ("", "Really? [y/N] ")


def test_respond_for_scripts_prints_the_code_alone(token: SimulatedToken, challenge: str) -> None:
    s = token.read(challenge, NOW).statement.digest.hex()
    assert succeed("respond", challenge, "--yes") == f"{expected_response(token, s)}\n"


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_without_consent_there_is_no_code(challenge: str, typed: str) -> None:
    result = run("respond", challenge, typed=typed)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("aborted: nothing more was done\n")


def card(token: SimulatedToken, suite: str = "OCRA-1:HOTP-SHA256-8:QN10") -> SimulatedToken:
    """Return a token without a camera."""
    return replace(token, suite=OCRASuite.parse(suite), serial="CARD", vk=b"\x09" * 8)


@pytest.mark.parametrize("typed", ["1234567890", "1234 5678 90"])
def test_digits_typed_into_a_token_without_a_camera_give_its_code(
    token: SimulatedToken, file: Path, typed: str
) -> None:
    typing = card(token, "OCRA-1:HOTP-SHA256-8:QN10-T1M")
    save(file, token, typing)
    step = SECONDS // 60
    expected = ocra.compute(typing.suite, typing.seed, question="1234567890", time_step=step)
    assert succeed("type", typed) == f"{expected}\n"


def test_digits_typed_into_a_token_with_a_counter_count(token: SimulatedToken, file: Path) -> None:
    save(file, card(token, "OCRA-1:HOTP-SHA256-8:C-QN10"))
    assert succeed("type", "1234567890") != succeed("type", "1234567890")
    assert load(file).tokens[0].counter == 2


def test_one_of_several_tokens_without_a_camera_is_named(
    token: SimulatedToken, file: Path
) -> None:
    typing = card(token)
    save(file, typing, replace(typing, serial="OTHER", vk=b"\x08" * 8, seed=b"\x08" * 32))
    assert refuse("type", "1234567890") == "token_ambiguous"
    expected = ocra.compute(typing.suite, typing.seed, question="1234567890")
    assert succeed("type", "1234567890", "--token", "CARD") == f"{expected}\n"


@pytest.mark.usefixtures("token")
def test_digits_that_no_token_takes_are_refused() -> None:
    assert refuse("type", "1234567890") == "token_unknown"


@pytest.mark.parametrize("typed", ["123456789", "12345678901"])
def test_too_few_or_too_many_digits_are_refused(
    token: SimulatedToken, file: Path, typed: str
) -> None:
    save(file, card(token))
    assert refuse("type", typed, "--token", "CARD") == "question_unfit"


def test_nothing_is_typed_into_a_token_with_a_camera(token: SimulatedToken) -> None:
    assert refuse("type", "a" * 64, "--token", token.serial) == "question_unfit"


def test_typed_letters_are_no_digits(token: SimulatedToken, file: Path) -> None:
    save(file, card(token))
    assert refuse("type", "12345678x0") == "question_invalid"


def test_respond_as_json(token: SimulatedToken, challenge: str) -> None:
    described = json.loads(succeed("respond", challenge, "--yes", "--json"))
    assert described["response"] == expected_response(token, described["s"])
    assert described["posted"] is None


def test_a_holder_who_takes_too_long_gets_no_code(
    challenge: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dawdle(_: str) -> None:
        traveller.shift(timedelta(seconds=300))

    monkeypatch.setattr(cli, "confirm", dawdle)
    with time_machine.travel(NOW, tick=False) as traveller:
        assert refuse("respond", challenge) == "challenge_expired"


def test_respond_posts_the_code_with_its_tag(
    service: Service, token: SimulatedToken, challenge: str
) -> None:
    service.answer({"accepted": True, "reason": "accepted"})
    code = succeed("respond", challenge, "--yes", "--post").strip()
    shown = token.read(challenge, NOW)
    tag = base64.urlsafe_b64encode(token.response_tag(shown, code)).rstrip(b"=").decode()
    s = shown.statement.digest.hex()
    assert service.last_json() == {"s": s, "response": code, "tag": tag}


def test_respond_and_post_as_json(service: Service, challenge: str) -> None:
    service.answer({"accepted": True})
    described = json.loads(succeed("respond", challenge, "--yes", "--post", "--json"))
    assert described["posted"] == {"accepted": True, "reason": "accepted", "tries_left": None}


def test_a_response_that_the_platform_does_not_accept_ends_in_failure(
    service: Service, challenge: str
) -> None:
    service.answer({"accepted": False, "reason": "response_wrong", "tries_left": 4})
    result = run("respond", challenge, "--yes", "--post")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "response_wrong: the response was not accepted; 4 tries left"
    )


def test_a_final_refusal_counts_no_tries(service: Service, challenge: str) -> None:
    service.answer({"accepted": False, "reason": "expired"})
    result = run("respond", challenge, "--yes", "--post", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["posted"]["reason"] == "expired"
    assert result.stderr.splitlines()[-1] == "expired: the response was not accepted"


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_when_the_platform_is_down_the_code_is_printed_all_the_same(
    service: Service, challenge: str, flags: list[str]
) -> None:
    code = succeed("respond", challenge, "--yes").strip()
    service.drop = 9
    result = run("respond", challenge, "--yes", "--post", *flags)
    assert code in result.stdout
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("server_unavailable: ")
    assert code not in result.stderr


def test_a_declined_statement_is_posted_with_its_reason(service: Service, challenge: str) -> None:
    service.answer({"accepted": False, "reason": "declined"})
    result = run("respond", challenge, "--yes", "--decline", " too dear ")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith("The platform says: declined\n")
    assert service.last_json()["decline"] == "too dear"
    assert "response" not in service.last_json()


def test_decline_asks_first(service: Service, challenge: str) -> None:
    service.answer({"accepted": False, "reason": "declined"})
    assert refuse("respond", challenge, "--decline", "no", typed="n\n") == "aborted"
    assert service.asked == []


def test_decline_as_json(service: Service, challenge: str) -> None:
    service.answer({"accepted": False, "reason": "declined"})
    described = json.loads(succeed("respond", challenge, "--yes", "--decline", "no", "--json"))
    assert (described["declined"], described["posted"]["reason"]) == ("no", "declined")
    assert "response" not in described


def test_decline_after_an_answer_says_that_it_is_too_late(
    service: Service, challenge: str
) -> None:
    service.answer({"accepted": True})
    assert refuse("respond", challenge, "--yes", "--decline", "no") == "already_accepted"


@pytest.mark.parametrize(
    ("reason", "code"),
    [("", "text_empty"), ("é" * 61, "text_too_long"), ("a\nb", "text_refused")],
)
def test_a_reason_that_may_not_be_sent_is_refused(challenge: str, reason: str, code: str) -> None:
    assert refuse("respond", challenge, "--yes", "--decline", reason) == code


def test_post_and_decline_exclude_each_other(challenge: str) -> None:
    assert run("respond", challenge, "--post", "--decline", "no").exit_code == 2


def test_each_response_of_a_counter_suite_uses_a_new_counter(
    platform: FakePlatform, host: FakeHost, file: Path
) -> None:
    token = host.enrol(COUNTER_SUITE)
    save(file, token)
    statement = platform.statement(token)
    codes = [succeed("respond", platform.challenge(statement), "--yes") for _ in range(2)]
    expected = [expected_response(token, statement.digest.hex(), counter) for counter in (0, 1)]
    assert [code.strip() for code in codes] == expected
    assert load(file).tokens[0].counter == 2


def test_no_code_is_shown_whose_counter_could_not_be_stored(
    platform: FakePlatform, host: FakeHost, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = host.enrol(COUNTER_SUITE)
    save(file, token)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    result = run("respond", platform.challenge(platform.statement(token)), "--yes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("token_file_unusable: ")


def test_an_unfit_file_of_certificates_is_refused_before_anything_is_answered(
    challenge: str,
) -> None:
    result = run("respond", challenge, "--yes", "--post", "--ca-file", "no-such-file")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("ca_file_invalid: ")


@pytest.mark.parametrize("command", ["show", "respond"])
def test_a_terminal_that_cannot_show_the_statement_gets_no_code(
    challenge: str, command: str
) -> None:
    result = CliRunner(charset="latin-1").invoke(app, [command, challenge], input="y\n")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("display_unfit: ")
    assert re.search("[0-9]{8}$", result.stdout) is None


# compute


def compute(*arguments: object) -> list[object]:
    return ["compute", "--seed-hex", b"12345678901234567890123456789012".hex(), *arguments]


QUESTION = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("suite", "more", "response"),
    [
        ("OCRA-1:HOTP-SHA256-8:QH64", [], "38694796"),
        (DEFAULT_SUITE, ["--time", "0x132d0b6"], "04286074"),
        (DEFAULT_SUITE, ["--time", 0x132D0B6], "04286074"),
        (DEFAULT_SUITE, ["--time", "2008-03-25T12:06:30Z"], "04286074"),
    ],
)
def test_compute_gives_the_check_values(suite: str, more: list[object], response: str) -> None:
    out = succeed(*compute("--suite", suite, "--question", QUESTION, *more))
    assert out == f"{response}\n"


def test_compute_knows_the_present_time() -> None:
    arguments = compute("--suite", DEFAULT_SUITE, "--question", QUESTION, "--time")
    assert succeed(*arguments, "now") == succeed(*arguments, SECONDS // 60)


def test_compute_takes_counter_pin_and_session() -> None:
    row = next(
        row
        for row in json.loads((VECTORS / "ocra_generated.json").read_text())["vectors"]
        if row["pin"] and row["counter"] is not None and row["session_info_hex"]
    )
    arguments = {
        "--suite": row["suite"],
        "--seed-hex": row["key_hex"],
        "--question": row["question"],
        "--counter": row["counter"],
        "--pin": row["pin"],
        "--session-hex": row["session_info_hex"],
        "--time": row["timestamp_steps"],
    }
    given = [part for pair in arguments.items() if pair[1] is not None for part in pair]
    assert succeed("compute", *given) == f"{row['expected']}\n"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"--suite": "OCRA-9"}, "suite_invalid"),
        ({"--seed-hex": "xyz"}, "hexadecimal_invalid"),
        ({"--seed-hex": ""}, "seed_invalid"),
        ({"--question": "xyz"}, "question_invalid"),
        ({"--counter": "1"}, "data_input_invalid"),
        ({"--session-hex": "x"}, "hexadecimal_invalid"),
        ({"--pin": "1234"}, "data_input_invalid"),
        ({"--time": "noon"}, "time_invalid"),
        ({"--time": "2008-03-25T12:06:30"}, "time_invalid"),
        ({"--time": "-1"}, "data_input_invalid"),
    ],
)
def test_compute_refuses_what_does_not_fit(change: dict[str, str], code: str) -> None:
    given = {
        "--suite": "OCRA-1:HOTP-SHA256-8:QH64-T1M",
        "--seed-hex": "31" * 32,
        "--question": QUESTION,
        "--time": "1",
    } | change
    assert refuse("compute", *(part for pair in given.items() for part in pair)) == code


def test_compute_never_repeats_a_seed_it_cannot_read() -> None:
    result = run("compute", "--suite", DEFAULT_SUITE, "--seed-hex", "3132x", "--question", "00")
    assert "3132x" not in result.output


# selftest


def test_selftest_ends_with_the_counts() -> None:
    files = [VECTORS / f"ocra_{name}.json" for name in ("rfc6287_appendix_c", "generated")]
    lines = succeed("selftest", *files).splitlines()
    assert lines[-1] == "160 passed, 0 failed, 3 skipped"
    assert [line.partition("  ")[0] for line in lines[:-1]] == ["skipped"] * 3


def test_selftest_names_what_failed_and_says_so_by_its_status(tmp_path: Path) -> None:
    document = json.loads((VECTORS / "ocra_rfc6287_appendix_c.json").read_text())
    document["vectors"] = [document["vectors"][0] | {"expected": "000000"}]
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(document))
    result = run("selftest", path)
    assert result.exit_code == 1
    assert result.stdout.startswith("FAILED   wrong.json: ")
    assert result.stdout.endswith("0 passed, 1 failed\n")


@pytest.mark.parametrize("name", ["no-such-file.json", "."])
def test_selftest_refuses_what_is_no_file_of_answers(name: str) -> None:
    assert refuse("selftest", name) == "vector_file_invalid"


# update-keys


def test_update_keys_fetches_the_directory_of_every_token(
    service: Service, platform: FakePlatform, token: SimulatedToken, file: Path
) -> None:
    save(file, token, FakeHost(platform, serial="T-0002").enrol())
    service.answer(platform.directory())
    assert succeed("update-keys").splitlines() == [
        f"updated  {serial}  {service.origin}" for serial in ("T-0001", "T-0002")
    ]
    assert [known.keys_issued for known in load(file).tokens] == [SECONDS, SECONDS]


def test_a_platform_that_is_gone_keeps_no_other_token_from_its_keys(
    service: Service, platform: FakePlatform, token: SimulatedToken, file: Path
) -> None:
    with serving() as gone:
        lost = FakeHost(FakePlatform(gone.origin), serial="T-0000").enrol()
    save(file, lost, token)
    service.answer(platform.directory())
    result = run("update-keys")
    assert result.exit_code == 1
    assert result.stderr.startswith("server_unavailable: ")
    assert result.stderr.endswith("(T-0000)\n")
    assert result.stdout == f"updated  T-0001  {service.origin}\n"


def test_keys_under_another_root_are_refused(
    service: Service, token: SimulatedToken, file: Path
) -> None:
    service.answer(FakePlatform().directory())
    assert refuse("update-keys") == "signature_invalid"
    assert load(file).tokens == (token,)


# remove


def test_remove_asks_and_forgets_the_token(token: SimulatedToken, file: Path) -> None:
    assert refuse("remove", "T-0001", typed="n\n") == "aborted"
    assert load(file).tokens == (token,)
    assert succeed("remove", "T-0001", typed="y\n") == "removed  T-0001\n"
    assert load(file).tokens == ()


def test_remove_for_scripts_does_not_ask(token: SimulatedToken, file: Path) -> None:
    succeed("remove", token.vk.hex(), "--yes")
    assert load(file).tokens == ()


def test_remove_refuses_an_unknown_token() -> None:
    assert refuse("remove", "T-0001", "--yes") == "token_unknown"


# the program as a whole


@pytest.mark.parametrize("arguments", [["nonsense"], ["show"], ["enrol", "x", "--rows", "1"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_no_output_holds_a_secret(
    service: Service, token: SimulatedToken, challenge: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    service.answer({"accepted": True})
    commands = (
        ["list"],
        ["list", "--json"],
        ["show", challenge],
        ["respond", challenge, "--yes", "--post", "--json"],
    )
    output = "".join(run(*arguments).output for arguments in commands)
    code = expected_response(token, token.read(challenge, NOW).statement.digest.hex())
    for secret in (token.seed, token.post_key):
        assert secret.hex() not in output
        assert base64.urlsafe_b64encode(secret).decode()[:-1] not in output
    assert code not in caplog.text
    assert token.seed.hex() not in caplog.text


def test_the_program_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "tokens", "show", "no-such-file"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "file_unreadable: neither a code nor a file that can be read: No such file or directory\n"
    )


def test_a_code_given_as_text_is_answered_without_loading_http_or_pictures() -> None:
    code = "import sys, tokens.cli; print({'urllib3', 'PIL', 'zxingcpp'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "set()\n"
