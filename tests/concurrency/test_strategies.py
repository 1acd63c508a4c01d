"""Many who prove one charge at once: no try is for nothing, and it is charged once."""

from typing import Any

import pytest

from tests.concurrency.conftest import Race
from tests.concurrency.proving import GUESSES, MONEY, PRICE, RIGHT
from tests.concurrency.unguarded import ROUNDS
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

RACES = "tests.concurrency.proving"


def assert_uncharged(outcome: dict[str, Any]) -> None:
    assert outcome["payer"]["wallet"] == MONEY
    assert outcome["state"].startswith("awaiting_")


def test_of_32_guesses_at_an_image_one_is_compared_for_each_image(
    racing: Race, services: Live
) -> None:
    outcome = racing(services, "guess_letters")
    assert outcome["ended"] == {"captcha_wrong": GUESSES}
    assert 1 <= outcome["compared"] <= 3
    assert_uncharged(outcome)


def test_of_32_guesses_at_a_code_five_are_compared(racing: Race, services: Live) -> None:
    outcome = racing(services, "guess_code")
    assert outcome["ended"] == {"sms_code_wrong": 5, "sms_code_expired": GUESSES - 5}
    assert outcome["compared"] == 5
    assert_uncharged(outcome)


def test_of_32_guesses_at_a_password_five_are_compared(racing: Race, services: Live) -> None:
    outcome = racing(services, "guess_password")
    assert outcome["ended"] == {"paypass_wrong": 4, "paypass_locked": GUESSES - 4}
    assert_uncharged(outcome)


@pytest.mark.parametrize("known", ["letters", "code", "password"])
def test_of_16_right_answers_at_once_one_charges(racing: Race, services: Live, known: str) -> None:
    outcome = racing(services, f"know_{known}")
    assert outcome["ended"].pop("done") == 1
    assert sum(outcome["ended"].values()) == RIGHT - 1
    assert set(outcome["ended"]) <= {"request_closed", "captcha_wrong", "sms_code_expired"}
    assert outcome["state"] == "captured"
    assert outcome["payer"] == {"wallet": MONEY - PRICE, "held": 0}


def test_of_16_who_want_another_code_at_once_one_gets_it(racing: Race, services: Live) -> None:
    assert racing(services, "resend")["ended"] == {"done": 1, "rate_limited": RIGHT - 1}


def test_were_the_tries_counted_after_the_comparison_there_would_be_more(
    racing: Race, on_postgres: Live
) -> None:
    outcomes = (racing(on_postgres, "guess_code_unguarded") for _ in range(ROUNDS))
    assert any(outcome["compared"] > 5 for outcome in outcomes)
