"""Many who spend, refund or guess at once: no cent is spent twice, and the books are right."""

import re
import subprocess
from typing import Any

import pytest

from tests.concurrency.conftest import Race
from tests.concurrency.spending import AT_ONCE, PRICE
from tests.concurrency.unguarded import ROUNDS
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

RACES = "tests.concurrency.spending"


def fair(racing: Race, services: Live, how: str) -> dict[str, Any]:
    """Race, and find the books right after it."""
    outcome: dict[str, Any] = racing(services, how)
    assert outcome["faults"] == []
    return outcome


def test_of_fifty_payments_from_a_wallet_that_suffices_for_one_one_is_made(
    racing: Race,
    services: Live,
) -> None:
    outcome = fair(racing, services, "pay")
    assert outcome["ended"] == {"done": 1, "funds_insufficient": AT_ONCE - 1}
    assert outcome["buyer"] == {"wallet": 0, "held": 0}
    # One was made before, alone.
    assert outcome["seller"] == {"earnings": 2 * PRICE}


def test_fifty_payments_by_one_key_are_one(racing: Race, services: Live) -> None:
    outcome = fair(racing, services, "same_key")
    assert outcome["ended"] == {"done": AT_ONCE}
    assert outcome["seller"] == {"earnings": PRICE}


def test_payments_to_and_fro_and_back_never_wait_for_each_other(
    racing: Race, services: Live
) -> None:
    assert fair(racing, services, "crosswise")["ended"] == {"done": AT_ONCE}


def test_refunds_at_once_never_pass_the_capture(racing: Race, services: Live) -> None:
    outcome = fair(racing, services, "refund")
    assert outcome["ended"] == {"done": 5, "refund_exceeds": AT_ONCE - 5}
    assert outcome["seller"] == {"earnings": PRICE}
    assert outcome["buyer"] == {"wallet": 2 * PRICE, "held": 0}


def test_held_money_is_captured_or_released_never_both(racing: Race, services: Live) -> None:
    outcome = fair(racing, services, "end")
    assert outcome["ended"] == {"done": AT_ONCE // 2, "payment_not_held": AT_ONCE // 2}
    money = outcome["buyer"]["wallet"] + outcome["seller"]["earnings"]
    assert (money, outcome["buyer"]["held"]) == (PRICE, 0)


def test_of_fifty_wrong_passwords_at_once_five_are_compared(racing: Race, services: Live) -> None:
    assert fair(racing, services, "guess")["ended"] == {"paypass_wrong": 4, "paypass_locked": 46}


def test_right_passwords_at_once_never_lock(racing: Race, services: Live) -> None:
    assert fair(racing, services, "know")["ended"] == {"done": 20}


def test_without_locks_and_compare_and_set_the_books_would_be_wrong(
    racing: Race, on_postgres: Live
) -> None:
    # SQLite has one writer at a time, so there nothing can go wrong.
    outcomes = (racing(on_postgres, "pay_unguarded") for _ in range(ROUNDS))
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
