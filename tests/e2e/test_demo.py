"""What ``make demo`` runs, and what it leaves behind."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from countersign.local import LocalServices
from protocol import qrtext
from protocol.qrtext import Link
from receipts.images import read_codes
from tests.e2e.conftest import Demos
from tests.e2e.live import LOOPBACK

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@dataclass(frozen=True)
class Demo:
    """The demo when it has ended."""

    services: LocalServices

    @property
    def folder(self) -> Path:
        return self.services.folder / "demo"

    def verify(self, receipt: str) -> str:
        """Have manage.py verify a receipt with the keys that the demo saved."""
        return self.services.manage(
            "verify_receipt", receipt, "--keys", str(self.folder / "keys.cbor")
        )


@pytest.fixture(scope="module")
def demo(demos: Demos) -> Demo:
    return Demo(demos.services)


def test_all_end_well_and_leave_the_ledger_right(demos: Demos) -> None:
    assert demos.ended.returncode == 0, demos.ended.stdout + demos.ended.stderr
    assert "the ledger is right" in demos.ended.stdout


def test_three_people_sign_one_transaction(demos: Demos) -> None:
    assert demos.said("demo").count("the authentication server accepted and signed") == 3


def test_it_leaves_a_picture_of_every_receipt_and_has_each_verified(
    demos: Demos, demo: Demo
) -> None:
    *_, first, second, third = demos.said("demo").split("Verifying ")
    for number, verified in enumerate((first, second, third), start=1):
        assert verified.startswith(f"step-{number}.png")
        assert "The platform signed exactly this." in verified
        assert "FAILED" not in verified
        assert (demo.folder / f"step-{number}.png").exists()


def test_what_it_left_verifies_when_nothing_runs_any_more(demo: Demo) -> None:
    printed = demo.verify(str(demo.folder / "step-3.png"))
    assert "The platform signed exactly this." in printed
    assert "FAILED" not in printed


def test_what_it_left_does_not_verify_when_one_letter_is_changed(demo: Demo) -> None:
    (text,) = read_codes((demo.folder / "step-3.png").read_bytes())
    origin, message = qrtext.decode(text, Link.RECEIPT)
    assert message.count(b"Within budget") == 1
    forged = message.replace(b"Within budget", b"within budget")
    with pytest.raises(subprocess.CalledProcessError):
        demo.verify(qrtext.encode(origin, Link.RECEIPT, forged))
