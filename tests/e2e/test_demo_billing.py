"""What ``make demo-billing`` runs, in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from countersign.demo_billing import make_song
from countersign.local import ROOT
from tests.e2e.live import LOOPBACK, free_port

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path) -> "subprocess.CompletedProcess[str]":
    ports = ["--port", str(free_port()), "--authserver-port", str(free_port())]
    return subprocess.run(
        [sys.executable, "-m", "countersign", "demo-billing", "--folder", str(folder), *ports],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"},
        capture_output=True,
        check=False,
        text=True,
    )


def test_it_ends_well(demo: "subprocess.CompletedProcess[str]") -> None:
    assert demo.returncode == 0, demo.stdout + demo.stderr


def test_copy_patch_thief_and_refund_are_refused(
    demo: "subprocess.CompletedProcess[str]",
) -> None:
    printed = [line.strip().partition(":")[0] for line in demo.stdout.splitlines()]
    refused = ["not_paid", "not_paid", "content_invalid", "not_bound", "entitlement_refunded"]
    assert [line for line in printed if line in refused] == refused


def test_what_was_played_is_what_was_published(
    demo: "subprocess.CompletedProcess[str]", folder: Path
) -> None:
    assert (folder / "demo-billing" / "played.wav").read_bytes() == make_song()
