"""The commands of applications: what they print, ask and refuse."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from protocol.application import Channel
from terminal.binding.phone import BoundPhone, hardware_of
from terminal.cli import app
from terminal.home import Home
from tests.terminal.apps import CONSENT, PACKAGE, REQUEST, Biller, Packer, Terminal

ID = PACKAGE.hex()


@pytest.fixture
def biller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Biller:
    """A platform that the commands' terminal was added to."""
    biller = Biller(Packer(tmp_path / "packer"), Terminal(tmp_path / "terminal"))
    monkeypatch.setenv("COUNTERSIGN_TERMINAL_FOLDER", str(biller.terminal.folder))
    monkeypatch.setattr(Home, "client", lambda home: biller.client)
    monkeypatch.chdir(tmp_path)
    return biller


@pytest.fixture
def installed(biller: Biller) -> Biller:
    biller.terminal.install(biller.packer.pack(biller.terminal.keys))
    return biller


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["app", *arguments], input=typed)


def printed(*arguments: str, typed: str = "") -> str:
    result = run(*arguments, typed=typed)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refusal(*arguments: str, typed: str = "") -> str:
    result = run(*arguments, typed=typed)
    assert result.exit_code == 1
    return result.stderr.splitlines()[-1]


def test_an_application_is_downloaded_installed_and_started(biller: Biller) -> None:
    assert printed("register") == f"terminal {biller.terminal.uid.hex()}\n"
    assert printed("download", ID) == f"{ID}.cspkg\n"
    assert printed("install", f"{ID}.cspkg") == f"application {ID} build 3\n"
    assert printed("start", ID) == "key comparison        true\nsignature comparison  true\n"
    assert printed("items", ID) == f"7  {CONSENT}\n"


def test_an_application_that_was_changed_shows_it(installed: Biller) -> None:
    (installed.terminal.app / "files" / "app" / "main.py").write_text("free")
    assert printed("start", ID).endswith("signature comparison  false\n")
    (installed.terminal.app / "state" / "store").write_bytes(b"")
    assert printed("start", ID) == "key comparison        false\nsignature comparison  false\n"
    assert refusal("bill", ID, "7", "--yes").startswith("store_locked: ")


def test_nothing_is_billed_before_somebody_agreed(installed: Biller) -> None:
    result = run("bill", ID, "7", typed="n\n")
    assert result.exit_code == 1
    assert CONSENT in result.stderr
    assert installed.requests == []
    assert f"request {REQUEST} awaiting_" in printed("bill", ID, "7", typed="y\n")
    assert installed.requests[0].is_consented


def test_a_request_by_the_network_says_how_it_stands_and_what_comes_next(
    installed: Biller,
) -> None:
    result = run("bill", ID, "7", "--yes")
    assert result.stdout == f"request {REQUEST} awaiting_payment_password payment_password\n"
    assert result.stderr.endswith(f"https://shop.example/charges/{REQUEST}/confirm\n")
    # Without a one-time number it fetched some first.
    assert not installed.requests[0].is_counted
    installed.state = "captured"
    assert printed("status", REQUEST) == f"request {REQUEST} captured payment_password\n"


def test_a_request_by_sms_needs_no_network(
    installed: Biller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal("bill", ID, "7", "--by", "sms", "--yes").startswith("no_sim: ")
    assert printed("nonces", ID, "--count", "2") == "nonces 2\n"
    installed.asked.clear()
    hardware_of(installed.terminal.home).sim.insert("+46701740605")
    monkeypatch.setattr(Home, "client", lambda home: pytest.fail("the network was used"))
    text = printed("bill", ID, "7", "--by", "sms", "--yes").strip()
    assert len(text) == 132
    (sent,) = (installed.terminal.folder / "outbox").iterdir()
    assert json.loads(sent.read_text()) == {"from": "+46701740605", "text": text}
    assert installed.asked == []


@pytest.mark.parametrize(
    ("strategy", "field"),
    [("payment_password", "payment_password"), ("sms_code", "code"), ("captcha", "answer")],
)
def test_a_request_is_confirmed_by_what_it_waits_for(
    installed: Biller, strategy: str, field: str
) -> None:
    installed.strategy, installed.proofs = strategy, {field: "right"}
    # What is typed stands on the prompt's line.
    assert refusal("confirm", REQUEST, typed="wrong\n").endswith(f"{strategy}_wrong: no")
    result = run("confirm", REQUEST, typed="right\n")
    assert result.stdout.endswith(f"request {REQUEST} captured {strategy}\n")
    assert CONSENT in result.stderr
    assert ("right" in result.output) == (strategy != "payment_password")
    path, body = installed.asked[-1]
    assert path == f"/billing/requests/{REQUEST}/{strategy.replace('_', '-')}"
    assert body == {field: "right"}
    assert refusal("confirm", REQUEST).startswith("request_closed: ")


def test_a_captcha_is_written_where_it_can_be_seen(installed: Biller, tmp_path: Path) -> None:
    installed.strategy, installed.proofs = "captcha", {"answer": "KATZE"}
    result = run("confirm", REQUEST, "--picture", "now.png", typed="KATZE\n")
    assert "now.png" in result.stderr
    assert (tmp_path / "now.png").read_bytes() == installed.picture


def test_an_application_comes_on_line_with_a_fresh_nonce_and_new_comparisons(
    installed: Biller,
) -> None:
    printed("nonces", ID)
    installed.strategy = "online"
    printed("confirm", REQUEST)
    (request,) = installed.requests
    assert request.channel is Channel.NETWORK
    # Not one of those it had, and not a counter.
    assert request.counter == 5
    assert (request.key_matches, request.files_match) == (True, True)


def test_a_changed_application_says_so_when_it_comes_on_line(installed: Biller) -> None:
    (installed.terminal.app / "files" / "app" / "main.py").write_text("free")
    installed.strategy = "online"
    printed("confirm", REQUEST)
    assert not installed.requests[0].files_match


def test_an_application_does_not_confirm_what_reads_otherwise(installed: Biller) -> None:
    installed.strategy = "online"
    for spoil, code in (
        ({"consent": "Pay 0.01 EUR to Ann for nothing?"}, "consent_missing"),
        ({"item": None}, "answer_invalid"),
        ({"item": 8}, "item_unknown"),
    ):
        installed.spoil = dict(spoil)
        assert refusal("confirm", REQUEST).startswith(f"{code}: ")
    assert installed.requests == []


def test_an_application_that_is_not_here_does_not_come_on_line(biller: Biller) -> None:
    biller.strategy = "online"
    assert refusal("confirm", REQUEST).startswith("not_installed: ")


@pytest.mark.parametrize("strategy", ["token", "passkey", "something_new"])
def test_what_needs_a_page_says_which(installed: Biller, strategy: str) -> None:
    installed.strategy = strategy
    line = refusal("confirm", REQUEST)
    assert line == (f"page_needed: confirm it on https://shop.example/charges/{REQUEST}/confirm")


class Permitting:
    def permit(self, purpose: str) -> str:
        return "AAAA"


def test_a_bound_phone_shows_its_permit(
    installed: Biller, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.refusal = "permit_required"
    assert refusal("bill", ID, "7", "--yes").startswith("permit_required: ")
    hardware_of(installed.terminal.home).sim.insert("+46701740605")
    monkeypatch.setattr(BoundPhone, "of", lambda home: Permitting())
    assert printed("bill", ID, "7", "--yes").startswith(f"request {REQUEST}")


def test_who_is_no_device_is_told_to_become_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERSIGN_TERMINAL_FOLDER", str(tmp_path / "nobody"))
    for command in (("register",), ("download", ID), ("status", REQUEST), ("confirm", REQUEST)):
        assert refusal(*command).startswith("device_not_added: ")
    assert refusal("start", ID).startswith("not_installed: ")
    assert refusal("install", "nowhere.cspkg").startswith("file_unreadable: ")
