"""What ``make demo-billing`` runs."""

import pytest

from countersign.demo_billing import make_song
from tests.e2e.conftest import Demos
from tests.e2e.live import LOOPBACK

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@pytest.fixture(scope="module")
def demo(demos: Demos) -> str:
    assert demos.ended.returncode == 0, demos.ended.stdout + demos.ended.stderr
    return demos.said("demo-billing")


def test_copy_patch_thief_and_refund_are_refused(demo: str) -> None:
    printed = [line.strip().partition(":")[0] for line in demo.splitlines()]
    refused = ["not_paid", "not_paid", "content_invalid", "not_bound", "entitlement_refunded"]
    assert [line for line in printed if line in refused] == refused


def test_what_was_played_is_what_was_published(demo: str, demos: Demos) -> None:
    assert (demos.services.folder / "demo-billing" / "played.wav").read_bytes() == make_song()
