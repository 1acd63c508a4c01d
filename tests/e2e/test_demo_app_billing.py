"""What ``make demo-app-billing`` runs."""

import pytest

from tests.e2e.conftest import Demos
from tests.e2e.live import LOOPBACK

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@pytest.fixture(scope="module")
def demo(demos: Demos) -> str:
    assert demos.ended.returncode == 0, demos.ended.stdout + demos.ended.stderr
    return demos.said("demo-app-billing")


def test_every_way_to_confirm_is_shown(demo: str) -> None:
    charged = [line.split()[-1] for line in demo.splitlines() if " captured " in line]
    assert charged == ["payment_password", "sms_code", "online", "token"]
    assert "132 characters" in demo
    assert "back comes: Paid: 1.20 EUR to Dana Games for Silver shield." in demo


def test_wrong_captcha_and_repackaged_and_lying_application_are_refused(demo: str) -> None:
    printed = [line.strip().partition(":")[0] for line in demo.splitlines()]
    refused = ["captcha_wrong", "integrity_refused", "integrity_refused"]
    assert [line for line in printed if line in refused] == refused
    seen = [line for line in demo.splitlines() if "Olga sees it" in line]
    assert ["key_mismatch" in seen[0], "evidence_mismatch" in seen[1]] == [True, True]
    assert "its level is high from now on" in demo


def test_each_charge_has_a_receipt_that_verifies_offline(demo: str, demos: Demos) -> None:
    assert len([*(demos.services.folder / "demo-app-billing").glob("receipt-*.png")]) == 5
    assert demo.count("  receipt-") == 5
    assert "The platform signed exactly this." in demo
    assert "FAILED" not in demo
