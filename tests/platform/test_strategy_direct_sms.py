"""A charge by an SMS alone, from the number that is bound to the terminal."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.packages.models import BillingRequest
from billing.packages.services.finish import finish_requests
from binding.carrier import FakeCarrier
from binding.errors import CarrierUnavailableError
from binding.models import Binding
from tests.platform.applications import Application, Biller
from tests.platform.ledger import money
from tests.platform.phones import sms_to
from tests.platform.proving import is_uncharged, want, withdrawals
from tests.platform.shopping import buyer
from tests.platform.world import now

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def biller() -> Biller:
    """Dora's bound phone."""
    return Biller.bound(buyer())


def number(biller: Biller) -> str:
    assert biller.phone is not None
    return biller.phone.sim.number


def test_an_sms_charges_at_once_and_is_answered(biller: Biller) -> None:
    row = biller.bill_by_sms(Application.make())
    assert (row.strategy, row.state) == ("direct_sms", "verified")
    finish_requests(now=now())
    row.refresh_from_db()
    assert row.state == "captured"
    assert money(biller.person) == {"wallet": 9_750}
    assert sms_to(number(biller)).startswith("Paid: 2.50 EUR")


@pytest.mark.parametrize(("hours", "state"), [(23, "rejected"), (25, "verified")])
def test_a_sim_that_replaced_another_of_late_charges_nothing(
    biller: Biller, hours: int, state: str
) -> None:
    bound = Binding.objects.get(state="bound")
    bound.replaces, bound.bound_at = bound, now() - timedelta(hours=hours)
    bound.save()
    assert biller.bill_by_sms(Application.make()).state == state
    if state == "rejected":
        assert BillingRequest.objects.get().reason == "sim_recently_swapped"
        assert sms_to(number(biller)).startswith("Not paid.")
    assert is_uncharged(biller.person)


def test_how_long_a_sim_is_new_is_a_setting(biller: Biller, settings: Any) -> None:
    settings.SMS_BILLING_SIM_AGE_HOURS = 72
    bound = Binding.objects.get(state="bound")
    bound.replaces, bound.bound_at = bound, now() - timedelta(hours=71)
    bound.save()
    assert biller.bill_by_sms(Application.make()).state == "rejected"


def test_a_sim_that_the_carrier_says_was_swapped_charges_nothing(
    biller: Biller, settings: Any, tmp_path: Path
) -> None:
    row = biller.bill_by_sms(Application.make())
    swapped = tmp_path / "swapped"
    swapped.write_text(number(biller))
    settings.CARRIER_URL = f"file://{swapped}"
    finish_requests(now=now())
    row.refresh_from_db()
    assert (row.state, row.reason) == ("rejected", "sim_recently_swapped")
    assert is_uncharged(biller.person)


def test_while_the_carrier_is_silent_the_request_waits(
    biller: Biller, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object, **__: object) -> bool:
        raise CarrierUnavailableError

    row = biller.bill_by_sms(Application.make())
    settings.CARRIER_URL = "file:///nothing"
    monkeypatch.setattr(FakeCarrier, "was_swapped", silent)
    finish_requests(now=now())
    row.refresh_from_db()
    assert row.state == "verified"
    assert is_uncharged(biller.person)
    settings.CARRIER_URL = ""
    finish_requests(now=now())
    row.refresh_from_db()
    assert row.state == "captured"


@withdrawals
def test_an_application_that_was_withdrawn_meanwhile_charges_nothing(
    biller: Biller, withdraw: Callable[[Application], None], refusal: tuple[int, str]
) -> None:
    application = Application.make()
    row = biller.bill_by_sms(application)
    withdraw(application)
    assert finish_requests(now=now()) == 1
    row.refresh_from_db()
    assert (row.state, row.reason) == ("rejected", refusal[1])
    assert sms_to(number(biller)).startswith("Not paid.")
    assert is_uncharged(biller.person)


def test_while_the_carrier_is_away_a_round_asks_once(
    biller: Biller, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Away:
        def was_swapped(self, number: str, **_: object) -> bool:
            asked.append(number)
            raise CarrierUnavailableError

    application = Application.make()
    for _ in range(3):
        biller.bill_by_sms(application)
    monkeypatch.setattr("binding.services.swaps.carrier", Away)
    assert finish_requests(now=now()) == 0
    assert len(asked) == 1
    monkeypatch.undo()
    assert finish_requests(now=now()) == 3


def test_one_that_is_never_answered_does_not_keep_all_others_waiting(
    biller: Biller, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = Application.make()
    first, second = biller.bill_by_sms(application), biller.bill_by_sms(application)

    def charge(request: BillingRequest, now: object) -> None:
        if request.pk == first.pk:
            raise CarrierUnavailableError
        BillingRequest.objects.filter(pk=request.pk).update(state="expired")

    monkeypatch.setattr("billing.packages.services.proving.charge_directly", charge)
    # In a round it is first or second, by chance: in a hundred, sometimes second.
    assert any(finish_requests(now=now()) for _ in range(100))
    second.refresh_from_db()
    assert second.state == "expired"


def test_by_the_network_something_stricter_is_asked(biller: Biller) -> None:
    application = Application.make()
    want("direct_sms", application.package)
    assert biller.bill(application).body["strategy"] == "captcha"


def test_a_request_that_is_charged_by_sms_has_no_other_way(biller: Biller) -> None:
    row = biller.bill_by_sms(Application.make())
    path = f"/billing/requests/{row.public_id}"
    for way, body in (("strategy", {"strategy": "captcha"}), ("cancel", None)):
        answer = biller.gadget.call("POST", f"{path}/{way}", body)
        assert answer.refusal == (409, "request_closed")


def test_what_was_changed_in_the_row_is_not_charged(biller: Biller) -> None:
    row = biller.bill_by_sms(Application.make())
    BillingRequest.objects.update(amount=9_000)
    finish_requests(now=now())
    row.refresh_from_db()
    assert row.state == "verified"
    assert is_uncharged(biller.person)
