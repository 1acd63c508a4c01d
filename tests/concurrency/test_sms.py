"""SMS that several workers send, or that come in several times at once: each goes once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = 10


def race(services: Live, how: str) -> list[int]:
    """Race on the site's database; return how often each SMS was sent, or taken."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.concurrency.texting", how],
        cwd=ROOT,
        env={
            **services.environment("platform"),
            "DJANGO_SETTINGS_MODULE": "countersign.settings",
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    counts: list[int] = json.loads(ran.stdout)
    return counts


def test_eight_workers_send_each_sms_once(services: Live) -> None:
    assert race(services, "deliver") == [1] * MESSAGES


def test_without_claims_they_would_send_some_twice(on_postgres: Live) -> None:
    assert max(race(on_postgres, "deliver_unguarded")) > 1


def test_an_sms_that_comes_in_eight_times_at_once_is_taken_once(services: Live) -> None:
    assert race(services, "take") == [1]
