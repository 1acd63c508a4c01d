"""Many who spend, refund or guess at once: no cent is spent twice, and the books are right."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.concurrency.spending import AT_ONCE, PRICE
from tests.concurrency.unguarded import ROUNDS
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

ROOT = Path(__file__).resolve().parents[2]


def race(services: Live, how: str) -> dict[str, Any]:
    """Race on the site's database."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.concurrency.spending", how],
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
    outcome: dict[str, Any] = json.loads(ran.stdout)
    return outcome


def fair(services: Live, how: str) -> dict[str, Any]:
    """Race, and find the books right after it."""
    outcome = race(services, how)
    assert outcome["faults"] == []
    return outcome


def test_of_fifty_payments_from_a_wallet_that_suffices_for_one_one_is_made(
    services: Live,
) -> None:
    outcome = fair(services, "pay")
    assert outcome["ended"] == {"done": 1, "funds_insufficient": AT_ONCE - 1}
    assert outcome["buyer"] == {"wallet": 0, "held": 0}
    # One was made before, alone.
    assert outcome["seller"] == {"earnings": 2 * PRICE}


def test_fifty_payments_by_one_key_are_one(services: Live) -> None:
    outcome = fair(services, "same_key")
    assert outcome["ended"] == {"done": AT_ONCE}
    assert outcome["seller"] == {"earnings": PRICE}


def test_payments_to_and_fro_and_back_never_wait_for_each_other(services: Live) -> None:
    assert fair(services, "crosswise")["ended"] == {"done": AT_ONCE}


def test_refunds_at_once_never_pass_the_capture(services: Live) -> None:
    outcome = fair(services, "refund")
    assert outcome["ended"] == {"done": 5, "refund_exceeds": AT_ONCE - 5}
    assert outcome["seller"] == {"earnings": PRICE}
    assert outcome["buyer"] == {"wallet": 2 * PRICE, "held": 0}


def test_held_money_is_captured_or_released_never_both(services: Live) -> None:
    outcome = fair(services, "end")
    assert outcome["ended"] == {"done": AT_ONCE // 2, "payment_not_held": AT_ONCE // 2}
    money = outcome["buyer"]["wallet"] + outcome["seller"]["earnings"]
    assert (money, outcome["buyer"]["held"]) == (PRICE, 0)


def test_of_fifty_wrong_passwords_at_once_five_are_compared(services: Live) -> None:
    assert fair(services, "guess")["ended"] == {"paypass_wrong": 4, "paypass_locked": 46}


def test_right_passwords_at_once_never_lock(services: Live) -> None:
    assert fair(services, "know")["ended"] == {"done": 20}


def test_without_locks_and_compare_and_set_the_books_would_be_wrong(on_postgres: Live) -> None:
    # SQLite has one writer at a time, so there nothing can go wrong.
    outcomes = (race(on_postgres, "pay_unguarded") for _ in range(ROUNDS))
    lost: dict[str, Any] = next(
        (outcome for outcome in outcomes if outcome["faults"]), {"faults": [""]}
    )
    assert lost["faults"][0].startswith("ledger_ledgeraccount ")
    assert lost["mended"], "other tests use this database, too"


def test_the_command_names_a_row_that_was_edited_by_hand(services: Live) -> None:
    assert services.manage("verify_ledger") == "the ledger is right\n"
    by_one = "UPDATE ledger_ledgeraccount SET balance = balance {} 1 WHERE kind = 'provider'"
    services.change("platform", by_one.format("+"))
    with pytest.raises(subprocess.CalledProcessError) as faulty:
        services.manage("verify_ledger")
    services.change("platform", by_one.format("-"))
    assert faulty.value.returncode == 1
    assert re.match(r"ledger_ledgeraccount \d+: its balance is ", faulty.value.stdout)
