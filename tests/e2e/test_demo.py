"""What ``make demo`` runs, in a folder of its own, and what it leaves behind."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from countersign.local import ROOT, LocalServices
from protocol import qrtext
from protocol.qrtext import Link
from receipts.images import read_codes
from tests.e2e.live import LOOPBACK, free_port

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@dataclass(frozen=True)
class Demo:
    """The demo when it has ended."""

    services: LocalServices
    ended: subprocess.CompletedProcess[str]

    @property
    def folder(self) -> Path:
        return self.services.folder / "demo"

    def verify(self, receipt: str) -> str:
        """Have manage.py verify a receipt with the keys that the demo saved."""
        return self.services.manage(
            "verify_receipt", receipt, "--keys", str(self.folder / "keys.cbor")
        )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    services = LocalServices(tmp_path_factory.mktemp("demo"), free_port(), free_port())
    ports = ["--port", str(services.platform_port)]
    ports += ["--authserver-port", str(services.authserver_port)]
    ended = subprocess.run(
        [sys.executable, "-m", "countersign", "demo", "--folder", str(services.folder), *ports],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"},
        capture_output=True,
        check=False,
        text=True,
    )
    return Demo(services, ended)


def test_it_ends_well(demo: Demo) -> None:
    assert demo.ended.returncode == 0, demo.ended.stderr
    assert demo.ended.stdout.count("the authentication server accepted and signed") == 3


@pytest.mark.parametrize("number", [1, 2, 3])
def test_it_leaves_a_picture_of_every_receipt(demo: Demo, number: int) -> None:
    printed = demo.verify(str(demo.folder / f"step-{number}.png"))
    assert "The platform signed exactly this." in printed
    assert "FAILED" not in printed


def test_what_it_left_does_not_verify_when_one_letter_is_changed(demo: Demo) -> None:
    (text,) = read_codes((demo.folder / "step-3.png").read_bytes())
    origin, message = qrtext.decode(text, Link.RECEIPT)
    assert message.count(b"Within budget") == 1
    forged = message.replace(b"Within budget", b"within budget")
    with pytest.raises(subprocess.CalledProcessError):
        demo.verify(qrtext.encode(origin, Link.RECEIPT, forged))
