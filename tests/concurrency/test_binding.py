"""Many who bind one SIM, or use one permit, proof or code at once: one wins."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.concurrency.unguarded import unguarded
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

ROOT = Path(__file__).resolve().parents[2]
PHONES, USES = 8, 32


def race(services: Live, how: str) -> dict[str, Any]:
    """Race on the site's database."""
    settings = {"DJANGO_SETTINGS_MODULE": "countersign.settings"}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.concurrency.phoning", how],
        cwd=ROOT,
        env={**services.environment("platform"), **settings},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    outcome: dict[str, Any] = json.loads(ran.stdout)
    return outcome


def test_of_eight_phones_with_one_sim_one_is_bound(services: Live) -> None:
    assert race(services, "bind") == {
        "ended": {"done": 1, "AssertionError": PHONES - 1},
        "bound": 1,
    }


def test_without_the_constraint_more_would_be_bound(services: Live) -> None:
    with unguarded(services, "bound_sim_once"):
        bound = race(services, "bind")["bound"]
        services.change("platform", "UPDATE binding_binding SET state = 'revoked'")
    assert bound > 1


@pytest.mark.parametrize("how", ["use", "use_any"])
def test_a_permit_is_used_by_one(services: Live, how: str) -> None:
    assert race(services, how) == {
        "ended": {"done": 1, "permit_required": USES - 1},
        "used": 1,
    }


def test_a_chip_proof_is_taken_from_one(services: Live) -> None:
    assert race(services, "prove") == {"ended": {"done": 1, "chip_proof_invalid": USES - 1}}


def test_of_many_wrong_codes_at_once_five_are_compared(services: Live) -> None:
    assert race(services, "guess") == {
        "ended": {"sms_code_wrong": 5, "sms_code_expired": USES - 5},
        "tries": 5,
    }


def test_a_message_is_sent_once_and_costs_one_permit(services: Live) -> None:
    outcome = race(services, "send")
    assert outcome == {"ended": {"done": 1, "chip_counter_replay": PHONES - 1}, "sent": 1}
