"""The commands of the phone: what they print, and one line for everything they refuse."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from terminal.binding.phone import BoundPhone, hardware_of
from terminal.cli import app
from terminal.home import Home
from tests.terminal.telecom import ANNA, BEN, Telecom


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COUNTERSIGN_TERMINAL_FOLDER", str(tmp_path / "terminal"))
    return tmp_path / "terminal"


@pytest.fixture
def telecom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Telecom:
    """A platform to which the commands' phone is Anna's."""
    telecom = Telecom()
    phone = telecom.phone(tmp_path / "anna", ANNA)
    telecom.phone(tmp_path / "ben", BEN)
    monkeypatch.setattr(BoundPhone, "of", lambda home: phone)
    return telecom


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["phone", *arguments])


def printed(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refusal(*arguments: str) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


def test_a_chip_is_printed_as_a_manufacturers_list(folder: Path) -> None:
    header, line = printed("chip", "--serial", "C-1").splitlines()
    assert header == "serial,manufacturer,key,box_key"
    assert line == hardware_of(Home(folder)).chip.listing
    assert line.startswith("C-1,")
    assert refusal("chip").startswith("chip_exists: ")


def test_a_sim_is_put_in_and_taken_out(folder: Path) -> None:
    slot = hardware_of(Home(folder)).sim
    assert printed("sim", ANNA, "--code", "240010123456789") == "SIM 240010123456789\n"
    assert slot.read().number == ANNA
    assert printed("sim", "--remove") == ""
    assert not slot.path.exists()
    assert refusal("sim", "Anna").startswith("value_out_of_range: ")


def test_who_is_no_device_is_told_to_become_one(folder: Path) -> None:
    for command in (("register", ANNA), ("prove", "123456"), ("permit", "step"), ("inbox",)):
        assert refusal(*command).startswith("device_not_added: ")


def test_a_registration_says_what_to_do_next(telecom: Telecom) -> None:
    by_code, by_sms = run("register", ANNA), run("register", ANNA, "--from-phone")
    assert by_code.stdout == by_sms.stdout == "binding 00112233aabbccdd pending_proof\n"
    assert "phone prove" in by_code.stderr
    assert by_sms.stderr.endswith("to +12025550100: CS ABC\n")


def test_a_code_proves_what_waits(telecom: Telecom) -> None:
    assert refusal("prove", "123456").startswith("nothing_to_prove: ")
    telecom.standing = [
        {"binding": "00", "number": "…0605", "state": "revoked", "reason": "rebound"},
        {"binding": "01", "number": "…0605", "state": "pending_proof", "reason": ""},
    ]
    assert printed("prove", "123456") == "binding 01 bound\n"
    assert telecom.asked[-1] == ("/binding/01/proof", {"code": "123456"})
    assert printed("status") == "00  …0605  revoked  rebound\n01  …0605  pending_proof\n"
    assert printed("approve", "02") == "binding 02 bound\n"


def test_a_permit_is_printed_and_of_a_kind_that_there_is(telecom: Telecom) -> None:
    assert len(printed("permit", "billing").strip()) == 22
    for purpose in ("register", "nonsense"):
        assert refusal("permit", purpose).startswith("purpose_unknown: ")
    telecom.refusal = "binding_suspended"
    assert refusal("permit", "billing") == "binding_suspended: no"


def test_messages_are_sent_and_shown(telecom: Telecom) -> None:
    assert printed("send", BEN, "Hello") == "message 0011223344556677\n"
    telecom.mail[ANNA] = telecom.mail[BEN]
    # It is Ben's, and so is not shown.
    assert printed("inbox") == "now  ?  message_invalid\n"


def test_a_peer_is_forgotten(folder: Path) -> None:
    Home(folder).make()
    assert printed("forget", BEN) == ""
