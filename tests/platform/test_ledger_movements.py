"""Top-ups and payouts: what the provider said is what is booked, once."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks

from billing.ledger import services
from billing.ledger.errors import (
    AccountFrozenError,
    AmountInvalidError,
    FundsInsufficientError,
    LedgerKeyReusedError,
)
from billing.ledger.models import Journal, Movement
from billing.ledger.providers import provider
from tests.platform.ledger import Slow, money, rich
from tests.platform.world import Person, now

AFTER = timedelta(minutes=2)


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Slow:
    """A provider that takes its time."""
    bank = Slow("pending")
    monkeypatch.setattr("billing.ledger.services.movements.provider", lambda: bank)
    return bank


def moved(do: Any, person: Person, amount: int, key: str = "k") -> Movement:
    done: Movement = do(holder=person.holder, amount=amount, currency="EUR", key=key, now=now())
    return done


@pytest.mark.parametrize("none", ["no.such.Provider", "billing.ledger.providers.Provider", "x"])
def test_a_provider_that_is_none_stops_a_release(settings: Any, none: str) -> None:
    settings.LEDGER_PROVIDER = none
    provider.cache_clear()
    faults = {fault.id for fault in run_checks()}
    provider.cache_clear()
    assert "countersign.E008" in faults


def test_play_money_is_there_at_once(dora: Person) -> None:
    assert moved(services.top_up, dora, 500).state == "done"
    assert money(dora) == {"wallet": 500}


def test_the_same_key_is_the_same_top_up(dora: Person) -> None:
    assert moved(services.top_up, dora, 500).pk == moved(services.top_up, dora, 500).pk
    assert money(dora) == {"wallet": 500}


def test_a_key_never_names_two_top_ups(dora: Person) -> None:
    moved(services.top_up, dora, 500)
    with pytest.raises(LedgerKeyReusedError):
        moved(services.top_up, dora, 501)


def test_a_key_of_a_top_up_is_free_for_a_payout(dora: Person) -> None:
    moved(services.top_up, dora, 500)
    moved(services.pay_out, dora, 500)
    assert money(dora) == {}


def test_a_payout_takes_the_earnings_before_the_wallet(db: None) -> None:
    sam, bea = rich("Sam", 100), rich("Bea", 300)
    services.pay(
        payer=bea.holder,
        payee=sam.holder,
        amount=300,
        currency="EUR",
        reference="a",
        key="a",
        now=now(),
    )
    moved(services.pay_out, sam, 250)
    assert money(sam) == {"wallet": 100, "earnings": 50}
    moved(services.pay_out, sam, 60, key="again")
    assert money(sam) == {"wallet": 90}


def test_no_more_is_paid_out_than_there_is(db: None) -> None:
    sam = rich("Sam", 100)
    with pytest.raises(FundsInsufficientError):
        moved(services.pay_out, sam, 101)
    assert money(sam) == {"wallet": 100}
    assert not Movement.objects.filter(direction="out").exists()


def test_a_frozen_account_is_not_paid_out(db: None, olga: Person) -> None:
    sam = rich("Sam", 100)
    services.freeze(holder=sam.holder, operator=olga.holder, now=now())
    with pytest.raises(AccountFrozenError):
        moved(services.pay_out, sam, 100)


@pytest.mark.parametrize("amount", [0, -1, 10**15 + 1])
@pytest.mark.parametrize("do", [services.top_up, services.pay_out])
def test_what_is_no_amount_does_not_move(dora: Person, do: Any, amount: int) -> None:
    with pytest.raises(AmountInvalidError):
        moved(do, dora, amount)


def test_a_pending_top_up_is_no_money_yet(dora: Person, bank: Slow) -> None:
    assert moved(services.top_up, dora, 500).state == "pending"
    assert money(dora) == {}
    bank.state = "done"
    assert services.finish_movements(now=now() + AFTER) == 1
    assert services.finish_movements(now=now() + AFTER) == 0
    assert money(dora) == {"wallet": 500}


def test_a_top_up_that_fails_brings_nothing(dora: Person, bank: Slow) -> None:
    bank.state = "failed"
    assert moved(services.top_up, dora, 500).state == "failed"
    assert (money(dora), Journal.objects.count()) == ({}, 0)


def test_a_payout_that_fails_gives_each_part_back(db: None, bank: Slow) -> None:
    bank.state = "done"
    sam, bea = rich("Sam", 100), rich("Bea", 30)
    services.pay(
        payer=bea.holder,
        payee=sam.holder,
        amount=30,
        currency="EUR",
        reference="a",
        key="a",
        now=now(),
    )
    bank.state = "pending"
    moved(services.pay_out, sam, 50)
    assert money(sam) == {"wallet": 80}
    bank.state = "failed"
    assert services.finish_movements(now=now() + AFTER) == 1
    assert money(sam) == {"wallet": 100, "earnings": 30}


def test_a_provider_out_of_reach_is_asked_again_for_the_same_order(
    dora: Person, bank: Slow
) -> None:
    bank.state = "unreachable"
    assert moved(services.top_up, dora, 500).state == "pending"
    assert services.finish_movements(now=now() + AFTER) == 0
    bank.state = "done"
    services.finish_movements(now=now() + AFTER)
    assert money(dora) == {"wallet": 500}
    assert len({order.uid for order in bank.orders}) == 1


def test_whoever_began_a_movement_is_left_a_minute(dora: Person, bank: Slow) -> None:
    moved(services.top_up, dora, 500)
    services.finish_movements(now=now())
    assert len(bank.orders) == 1


def test_a_pending_top_up_that_is_asked_for_again_is_asked_about_again(
    dora: Person, bank: Slow
) -> None:
    moved(services.top_up, dora, 500)
    bank.state = "done"
    assert moved(services.top_up, dora, 500).state == "done"
    assert money(dora) == {"wallet": 500}
