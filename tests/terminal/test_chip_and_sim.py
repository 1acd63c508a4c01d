"""The simulated hardware of a phone: what it says, and that its counter only rises."""

import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from protocol.binding import ChipProof, Purpose
from protocol.errors import ProtocolError
from protocol.jwk import from_base64
from terminal.binding.acquisition import Acquisition
from terminal.chip import Chip
from terminal.errors import TerminalError
from terminal.sim import Sim, luhn, new_iccid

NUMBER, DEVICE, NONCE = "+46701740605", bytes(32), bytes(16)


@pytest.fixture
def chip(tmp_path: Path) -> Chip:
    return Chip.make(tmp_path / "chip.json")


@pytest.fixture
def sim(tmp_path: Path) -> Sim:
    slot = Sim(tmp_path / "sim.json")
    slot.insert(NUMBER)
    return slot


def key_of(chip: Chip) -> bytes:
    return from_base64(chip.listing.split(",")[2])


def prove(chip: Chip, sim: Sim) -> ChipProof:
    signed = chip.prove(nonce=NONCE, purpose=Purpose.STEP, sim=sim, device=DEVICE)
    return ChipProof.open(signed, key=key_of(chip))


def code_of(refused: pytest.ExceptionInfo[TerminalError]) -> str:
    return refused.value.code


def test_a_chip_signs_what_it_sees_in_the_phone(chip: Chip, sim: Sim) -> None:
    proof = prove(chip, sim)
    card = sim.read()
    assert (proof.sim, proof.number) == (card.code, NUMBER)
    assert (proof.nonce, proof.device, proof.purpose) == (NONCE, DEVICE, Purpose.STEP)


def test_the_counter_rises_with_every_signature_and_outlives_the_program(
    chip: Chip, sim: Sim
) -> None:
    assert [prove(chip, sim).counter for _ in range(2)] == [1, 2]
    assert prove(Chip(chip.path), sim).counter == 3
    chip.write("hello", sender=NUMBER, recipient="+46701740606", box_key=key_of(chip))
    assert prove(chip, sim).counter == 5


def test_the_counter_is_on_the_disk_before_anything_is_signed(
    chip: Chip, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ChipProof, "sign", die)
    with pytest.raises(KeyboardInterrupt):
        prove(chip, sim)
    assert json.loads(chip.path.read_text())["counter"] == 1


def test_programs_that_sign_at_once_never_share_a_counter(chip: Chip, sim: Sim) -> None:
    with ThreadPoolExecutor(8) as threads:
        counters = list(threads.map(lambda _: prove(Chip(chip.path), sim).counter, range(16)))
    assert sorted(counters) == list(range(1, 17))


def test_the_files_are_the_owners_alone_and_nothing_shows_them(chip: Chip, sim: Sim) -> None:
    for path in (chip.path, sim.path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = f"{chip!r} {sim!r} {sim.read()!r} {Acquisition(chip, sim).read_identifiers()!r}"
    content = json.loads(chip.path.read_text())
    for secret in (content["signing"], content["box"], content["serial"], NUMBER, sim.read().code):
        assert secret not in shown


def test_the_list_of_the_manufacturer_holds_no_secret_of_the_chip(chip: Chip) -> None:
    content = json.loads(chip.path.read_text())
    assert chip.serial in chip.listing
    assert content["signing"] not in chip.listing
    assert [len(from_base64(key)) for key in chip.listing.split(",")[2:]] == [32, 32]


def test_a_chip_gives_the_same_key_for_one_use_and_no_other_chip_does(
    chip: Chip, tmp_path: Path
) -> None:
    key = chip.storage_key(b"one")
    assert key == Chip(chip.path).storage_key(b"one")
    others = (chip.storage_key(b"two"), Chip.make(tmp_path / "other").storage_key(b"one"))
    assert key not in others
    assert len(key) == 32
    assert key.hex() not in chip.path.read_text()


def test_no_chip_is_put_over_another(chip: Chip) -> None:
    with pytest.raises(TerminalError) as refused:
        Chip.make(chip.path)
    assert code_of(refused) == "chip_exists"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"serial": 1, "signing": "x"}'])
def test_a_damaged_chip_signs_nothing_and_its_file_is_not_shown(
    chip: Chip, sim: Sim, content: str
) -> None:
    chip.path.write_text(content)
    with pytest.raises(TerminalError) as refused:
        prove(chip, sim)
    assert code_of(refused) == "chip_unusable"
    assert refused.value.__cause__ is None


def test_a_chip_that_cannot_count_signs_nothing(tmp_path: Path, sim: Sim) -> None:
    with pytest.raises(TerminalError) as refused:
        Chip.make(tmp_path / "no" / "chip.json")
    assert code_of(refused) == "chip_unusable"


def test_a_phone_without_chip_or_sim_says_so(chip: Chip, sim: Sim) -> None:
    hardware = Acquisition(chip, sim)
    sim.remove()
    with pytest.raises(TerminalError) as refused:
        hardware.read_identifiers()
    assert code_of(refused) == "no_sim"
    sim.insert(NUMBER)
    chip.path.unlink()
    with pytest.raises(TerminalError) as refused:
        hardware.read_identifiers()
    assert code_of(refused) == "no_chip"


def test_identifiers_are_read_anew_each_time(chip: Chip, sim: Sim) -> None:
    hardware = Acquisition(chip, sim)
    first = hardware.read_identifiers()
    sim.insert("+46701740606")
    second = hardware.read_identifiers()
    assert first.chip_serial == second.chip_serial
    assert (first.sim_code, first.comm_number) != (second.sim_code, second.comm_number)
    assert second.comm_number == "+46701740606"


@pytest.mark.parametrize(
    ("number", "code"), [("0701740605", ""), (NUMBER, "12"), (NUMBER, "x" * 19)]
)
def test_a_sim_has_a_number_and_a_code_as_there_are(sim: Sim, number: str, code: str) -> None:
    with pytest.raises(ProtocolError):
        sim.insert(number, code=code)
    assert sim.read().number == NUMBER


def test_a_damaged_sim_is_none(sim: Sim) -> None:
    sim.path.write_text('{"code": 1}')
    with pytest.raises(TerminalError) as refused:
        sim.read()
    assert code_of(refused) == "sim_unusable"


def test_a_folder_that_is_not_there_holds_no_sim(tmp_path: Path) -> None:
    with pytest.raises(TerminalError) as refused:
        Sim(tmp_path / "no" / "sim.json").insert(NUMBER)
    assert code_of(refused) == "sim_unusable"
    (tmp_path / "folder").mkdir()
    with pytest.raises(TerminalError) as refused:
        Sim(tmp_path / "folder").remove()
    assert code_of(refused) == "sim_unusable"


def test_a_new_sim_has_an_iccid_of_nobody_with_its_check_digit() -> None:
    codes = {new_iccid() for _ in range(20)}
    assert len(codes) == 20
    assert all(re.fullmatch("89999[0-9]{14}", code) for code in codes)
    # ISO/IEC 7812-1 annex B: with its check digit, the sum is a multiple of ten.
    assert all(luhn(code[:-1]) == code[-1] for code in codes)
