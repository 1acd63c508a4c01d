"""enrol and add: how a token comes into the file."""

import json
import sys
from pathlib import Path

import pytest
import typer

from protocol.enrolment import Invitation
from tests.tokens.commands.terminal import (
    PASSPHRASE,
    Terminal,
    load,
    refuse,
    run,
    save,
    succeed,
)
from tests.tokens.service import Service
from tests.tokens.world import COUNTER_SUITE, NOW, FakeHost, picture
from tokens.commands import asking
from tokens.enrolment import provisioned
from tokens.simulator import SimulatedToken
from tokens.store import TokenFile

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

SEED = b"12345678901234567890"


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


# Without a network


def test_a_provisioning_code_enrols_without_a_call(
    service: Service, host: FakeHost, file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "provision.png"
    provision = host.provision()
    path.write_bytes(picture(provision.to_link()))
    token, digits = provisioned(provision, NOW)
    assert succeed("enrol", path).splitlines()[-1] == f"digits   {digits}"
    assert load(file).tokens == (token,)
    assert service.asked == []


def test_the_same_provisioning_code_again_keeps_the_counter(host: FakeHost, file: Path) -> None:
    host.suite = COUNTER_SUITE
    link = host.provision().to_link()
    first = succeed("enrol", link)
    counted = load(file).tokens[0].advanced()
    save(file, counted)
    assert succeed("enrol", link) == first
    assert load(file).tokens == (counted,)


def test_a_damaged_provisioning_code_is_refused_and_repeats_no_secret(
    host: FakeHost, file: Path
) -> None:
    link = host.provision().to_link()
    result = run("enrol", link[:-1])
    assert result.stderr.startswith("encoding_invalid: ")
    assert link[-40:-1] not in result.output
    assert load(file).tokens == ()


# By hand


def test_a_card_is_added_by_hand_and_its_seed_is_read(file: Path) -> None:
    out = succeed("add", "CARD", "HOTP:SHA1-6", typed=f"{SEED.hex()}\n")
    assert out == "added    CARD  HOTP:SHA1-6\n"
    [card] = load(file).cards
    assert (card.seed, card.counter) == (SEED, 0)


def test_the_seed_is_typed_without_an_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "getpass", lambda _: SEED.hex())
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert asking.ask_seed() == SEED


def test_a_terminal_that_is_closed_instead_ends_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def close(_: str) -> str:
        raise EOFError

    monkeypatch.setattr(asking, "getpass", close)
    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(typer.Abort):
        asking.ask_seed()


@pytest.mark.parametrize(
    ("suite", "seed", "code"),
    [
        ("HOTP:SHA1-6", "xyz", "hexadecimal_invalid"),
        ("HOTP:SHA1-6", "", "seed_invalid"),
        ("HOTP:SHA1-5", "31" * 20, "suite_invalid"),
        ("GMT0021:SM3-8:T60-Q8", "31" * 15, "seed_invalid"),
        ("GMT0021:SM4-8:T60-Q8", "31" * 32, "seed_invalid"),
        ("OCRA-1:HOTP-SHA256-8:QN10-PSHA1", "31" * 32, "data_input_invalid"),
        ("OCRA-1:HOTP-SHA256-8:QA10", "31" * 32, "question_invalid"),
    ],
)
def test_a_card_that_could_never_answer_is_not_added(
    file: Path, suite: str, seed: str, code: str
) -> None:
    result = run("add", "CARD", suite, typed=f"{seed}\n")
    assert result.stderr.splitlines()[-1].startswith(f"{code}: ")
    assert "3131" not in result.output
    assert load(file).cards == ()


def test_a_serial_names_one_token(token: SimulatedToken) -> None:
    assert refuse("add", token.serial, "HOTP:SHA1-6", typed=f"{SEED.hex()}\n") == "token_exists"


@pytest.mark.parametrize("serial", ["", "A" * 17, "no\nline", "ü"])
def test_a_serial_is_short_plain_text(serial: str) -> None:
    assert refuse("add", "--", serial, "HOTP:SHA1-6").startswith("text_")
