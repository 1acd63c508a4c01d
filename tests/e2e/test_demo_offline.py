"""What ``make demo-offline`` runs."""

from importlib.util import find_spec

import pytest

from tests.e2e.conftest import Demos
from tests.e2e.live import LOOPBACK

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

# By QR codes a gate, bread, and once the offline password; by sound the latter two.
APPROVALS = 5 if find_spec("ggwave") else 3


@pytest.fixture(scope="module")
def demo(demos: Demos) -> str:
    assert demos.ended.returncode == 0, demos.ended.stdout + demos.ended.stderr
    return demos.said("demo-offline")


def lines(demo: str, who: str) -> list[str]:
    """Return what a program printed at its end, each time it ran."""
    parts = [line.split() for line in demo.splitlines() if line.startswith("  ")]
    return [line[1].rstrip(":") for line in parts if line[:1] == [who]]


def test_both_levels_pass_and_every_lie_is_caught(demo: str) -> None:
    caught = ["countersign_invalid", "unknown_client", "signer_unknown"]
    phone, device = lines(demo, "phone"), lines(demo, "device")
    assert phone.count("approved") == device.count("open") == APPROVALS
    assert [code for code in phone if code != "approved"] == caught
    assert [code for code in device if code != "open"] == caught


def test_each_approval_has_a_receipt_that_verifies_offline(demo: str, demos: Demos) -> None:
    receipts = [*(demos.services.folder / "demo-offline").glob("receipt-*.png")]
    assert len(receipts) == APPROVALS
    assert demo.count("nothing paid, Dana's garden") == 1
    assert "The platform signed exactly this." in demo
    assert "FAILED" not in demo
