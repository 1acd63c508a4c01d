"""respond, type and press: one code, only after consent, each counter once."""

import base64
import json
import os
import re
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner

from tests.tokens.commands.terminal import (
    Terminal,
    expected_response,
    load,
    refuse,
    run,
    save,
    save_all,
    succeed,
)
from tests.tokens.service import Service
from tests.tokens.world import COUNTER_SUITE, NOW, SECONDS, FakeHost, FakePlatform
from tokens import responses
from tokens.cli import app
from tokens.commands import answering, asking
from tokens.simulator import SimulatedToken
from tokens.store import Contents
from tokens.suite import OCRASuite
from tokens.suites import parse_suite
from tokens.token import Token

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def test_respond_shows_asks_and_prints_the_code(token: SimulatedToken, challenge: str) -> None:
    shown = token.read(challenge, NOW)
    result = run("respond", challenge, typed="y\n")
    assert result.exit_code == 0
    assert result.stdout == f"{expected_response(token, shown.statement.digest.hex())}\n"
    assert result.stderr.startswith("\n".join(shown.lines))


def test_on_a_terminal_the_holder_ends_the_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
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
    expected = responses.compute(typing.suite, typing.seed, question="1234567890", time_step=step)
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
    expected = responses.compute(typing.suite, typing.seed, question="1234567890")
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

    monkeypatch.setattr(answering, "confirm", dawdle)
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


# Cards


def test_each_press_of_a_card_gives_its_next_code(file: Path) -> None:
    card = Token(serial="CARD", suite=parse_suite("HOTP:SHA1-6"), seed=b"12345678901234567890")
    save_all(file, Contents(cards=(card,)))
    assert [succeed("press", "CARD"), succeed("press", "CARD")] == ["755224\n", "287082\n"]
    assert load(file).cards[0].counter == 2


@pytest.mark.parametrize(
    ("name", "code"), [("CARD", "token_unknown"), ("T-0001", "question_needed")]
)
def test_only_a_card_is_pressed(token: SimulatedToken, name: str, code: str) -> None:
    assert refuse("press", name) == code


# The platform proves itself


CHALLENGE = "ab" * 32


@pytest.fixture
def _drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.token.draw_challenge", lambda _: CHALLENGE)


@pytest.mark.usefixtures("_drawn")
def test_the_platform_proves_itself_before_the_statement_is_shown_and_answered(
    token: SimulatedToken, challenge: str
) -> None:
    shown = token.read(challenge, NOW)
    question = shown.statement.digest.hex()
    answer = expected_response(token, CHALLENGE + question)
    result = run("respond", challenge, "--mutual", typed=f"{answer}\ny\n")
    assert result.exit_code == 0
    assert result.stdout == f"{expected_response(token, question + CHALLENGE)}\n"
    first, *rest = result.stderr.splitlines()
    assert first == f"Challenge of the token, to be typed into the page: {CHALLENGE}"
    assert rest.index("The platform is the true one.") < rest.index(shown.lines[0])


@pytest.mark.usefixtures("_drawn")
@pytest.mark.parametrize("answer", ["", "12345678"])
def test_a_platform_that_cannot_prove_itself_gets_no_code(challenge: str, answer: str) -> None:
    result = run("respond", challenge, "--mutual", "--yes", typed=f"{answer}\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith(
        "platform_untrue: this is not the true platform"
    )
    assert "Payment" not in result.stderr


def test_digits_are_typed_after_the_platform_has_proved_itself(
    token: SimulatedToken, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.token.draw_challenge", lambda _: "9876543210")
    pad = card(token)
    save(file, pad)

    def code(question: str) -> str:
        return responses.compute(pad.suite, pad.seed, question=question)

    answer = code("98765432101234567890")
    out = succeed("type", "1234567890", "--mutual", typed=f"{answer}\n")
    assert out == f"{code('12345678909876543210')}\n"
    assert refuse("type", "1234567890", "--mutual", typed="1\n") == "platform_untrue"


def test_a_card_has_no_challenge_of_its_own(file: Path) -> None:
    pad = Token(serial="SM4", suite=parse_suite("GMT0021:SM4-8:T60-Q8"), seed=bytes(16))
    save_all(file, Contents(cards=(pad,)))
    assert refuse("type", "12345678", "--mutual") == "challenge_unfit"
    assert succeed("type", "1234 5678").strip().isdigit()
