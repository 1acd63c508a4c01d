"""``manage.py verify_receipt`` as an auditor has it: a clone, a picture and a file of keys."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.qrcodes import draw_png
from protocol import qrtext
from protocol.qrtext import Link
from tests.protocol import world

ROOT = Path(__file__).resolve().parents[2]


def verify(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command elsewhere, with no variable set."""
    command = [sys.executable, ROOT / "manage.py", "verify_receipt", *arguments]
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("option", ["--keys", "--keys="])
def test_no_setting_is_needed_with_a_file_of_keys(option: str, tmp_path: Path) -> None:
    receipt = world.receipt_of(world.chain(2))
    text = qrtext.encode(world.PLATFORM.origin, Link.RECEIPT, receipt)
    (tmp_path / "receipt.png").write_bytes(draw_png(text))
    (tmp_path / "keys.cbor").write_bytes(world.DIRECTORY.sign(world.DIRECTORY_KEY))
    keys = [f"{option}keys.cbor"] if option.endswith("=") else [option, "keys.cbor"]
    done = verify("receipt.png", *keys, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "6. ok          Step 2: the server signed on exactly this statement" in done.stdout


def test_a_form_for_printing_is_named_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "keys.cbor").write_bytes(world.DIRECTORY.sign(world.DIRECTORY_KEY))
    (tmp_path / "receipt.pdf").write_bytes(b"%PDF-1.7\n")
    done = verify("receipt.pdf", "--keys", "keys.cbor", folder=tmp_path)
    assert done.returncode == 1
    assert "give the PNG, text or CBOR" in done.stderr
    assert "Traceback" not in done.stderr
