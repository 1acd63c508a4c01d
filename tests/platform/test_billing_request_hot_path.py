"""What one billing request costs the database, as test_hot_path.py says it of a step."""

import math
import secrets

import pytest

from billing.packages.models import BillingRequest as Row
from billing.packages.services.charging import capture
from notices.services import take_sms
from tests.platform.applications import Application, Biller
from tests.platform.ledger import rich
from tests.platform.test_hot_path import Cost, cost_of
from tests.platform.world import Person, now

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture(autouse=True)
def policy_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow the machine: the policy is read anew every few seconds.
    monkeypatch.setattr("enrolment.selectors.POLICY_KEPT_SECONDS", math.inf)


@pytest.mark.django_db(transaction=True)
def test_a_request_by_network_costs_what_it_costs(dora: Person) -> None:
    dragons, biller = Application.make(), Biller.bound(dora)
    # Once before, so that a process has what it keeps.
    assert biller.bill(dragons).status == 202
    body = biller.body(dragons, biller.asks(dragons))

    asked = cost_of(lambda: biller.gadget.call("POST", "/billing/request", body))

    assert Row.objects.filter(state="awaiting_paypass").count() == 2
    # One commit is the proof of possession.
    assert asked == Cost(queries=15, commits=2)


# Commits cannot be seen here: what was booked cannot be cleared away after it was committed.
@pytest.mark.django_db
def test_a_charge_and_a_request_by_sms_cost_what_they_cost() -> None:
    dragons, biller = Application.make(), Biller.bound(rich("Anna", 100_000))
    assert biller.phone is not None
    sender = biller.phone.sim.number
    biller.bill(dragons)
    first, second = Row.objects.get(), biller.asks(dragons)
    capture(first.pk, from_state=first.state, now=now())
    biller.post(dragons, second)
    row, text = Row.objects.latest("pk"), biller.text(dragons)

    charged = cost_of(lambda: capture(row.pk, from_state=row.state, now=now()))
    taken = cost_of(
        lambda: take_sms(
            provider="test",
            provider_id=secrets.token_hex(8),
            sender=sender,
            text=text,
            now=now(),
        )
    )

    assert (charged.queries, taken.queries) == (35, 15)
