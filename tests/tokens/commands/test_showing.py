"""show: every field a holder must see, and no more than a refusal of all else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol import qrtext
from protocol.qrtext import Link
from tests.tokens.commands.terminal import refuse, save, succeed
from tests.tokens.world import NOW, SECONDS, FakeHost, FakePlatform, picture
from tokens.simulator import SimulatedToken

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(content=st.text("0123456789", max_size=60) | st.text())
def test_nothing_but_a_clean_refusal_comes_of_any_text(content: str) -> None:
    assert refuse("show", "https://platform.example/t#" + content)
    assert refuse("show", "--", content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.binary())
def test_nothing_but_a_clean_refusal_comes_of_any_bundle(data: bytes) -> None:
    assert refuse("show", qrtext.encode("https://platform.example", Link.BUNDLE, data))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.binary())
def test_nothing_but_a_clean_refusal_comes_of_any_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(data)
    assert refuse("show", path)
