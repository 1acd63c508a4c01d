"""The manufacturer's list of chips: all of a file, or nothing."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.models import AuditRow
from binding.errors import ChipListInvalidError
from binding.models import Chip
from binding.services import import_chips
from protocol.jwk import to_base64
from tests.platform.phones import HEADER, TestChip
from tests.platform.world import now

pytestmark = pytest.mark.django_db


def take(*lines: str) -> tuple[int, int]:
    return import_chips(lines=lines, actor="system", now=now())


def test_a_list_is_taken_in_once() -> None:
    first, second = TestChip(), TestChip()
    assert take(HEADER, first.line, "", second.line) == (2, 0)
    assert take(HEADER, second.line, TestChip().line) == (1, 1)
    assert Chip.objects.count() == 3
    assert AuditRow.objects.filter(action="chips.imported").count() == 2


def test_a_serial_is_stored_as_a_keyed_hash() -> None:
    chip = TestChip()
    take(HEADER, chip.line)
    assert chip.serial.encode() not in bytes(Chip.objects.get().serial_hash)


KEY = to_base64(TestChip().key.public)
BOX = to_base64(TestChip().box_key)


@pytest.mark.parametrize(
    "line",
    [
        "A,Acme",
        f"A,Acme,{KEY},{BOX},more",
        f",Acme,{KEY},{BOX}",
        f"é,Acme,{KEY},{BOX}",
        f"A,,{KEY},{BOX}",
        f"A,Acme,{KEY[:-1]},{BOX}",
        f"A,Acme,{to_base64(bytes(32))},{BOX}",
        f"A,Acme,{KEY},{BOX}A",
        f"{'A' * 65},Acme,{KEY},{BOX}",
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken_in(line: str) -> None:
    with pytest.raises(ChipListInvalidError, match="Line 3: ") as refusal:
        take(HEADER, TestChip().line, line)
    assert KEY not in refusal.value.detail
    assert not Chip.objects.exists()


def test_a_listed_chip_keeps_its_keys() -> None:
    chip, other = TestChip(), TestChip()
    take(HEADER, chip.line)
    other.serial = chip.serial
    with pytest.raises(ChipListInvalidError, match="listed with other keys"):
        take(HEADER, other.line)
    other.serial, other.key = "other", chip.key
    with pytest.raises(ChipListInvalidError, match="another chip has this key"):
        take(HEADER, other.line)
    assert Chip.objects.count() == 1


@pytest.mark.parametrize("lines", [[], ["serial,key"], ["nonsense"]])
def test_a_list_without_its_columns_is_refused(lines: list[str]) -> None:
    with pytest.raises(ChipListInvalidError, match="first line"):
        take(*lines)


def test_the_command_takes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "chips.csv"
    file.write_text("\n".join([HEADER, TestChip().line]), "utf-8")
    call_command("import_chips", str(file))
    assert capsys.readouterr().out == "1 chips added, 0 known\n"


@pytest.mark.parametrize("content", [b"nonsense", b"\xff\xfe"])
def test_the_command_fails_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "chips.csv"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=r"^chip_list_invalid: "):
        call_command("import_chips", str(file))
    with pytest.raises(CommandError, match=r"^file_unusable: "):
        call_command("import_chips", str(tmp_path / "missing"))
