"""Spending limits: a day, a month, a day for one item; raised after a day, lowered at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.models import AuditRow
from billing.ledger.errors import AmountInvalidError, CapExceededError
from billing.ledger.models import Cap, Spending
from billing.ledger.selectors_caps import Caps, caps_of, spent_now
from billing.packages.models import BillingRequest, Item
from billing.packages.selectors_charges import budget
from billing.packages.services.caps import require_within_caps, set_cap, spend
from billing.packages.services.charging import capture
from notices.models import Notice
from protocol.cbor import MAX_INT
from tests.platform.applications import CASTLE, SWORD, Application
from tests.platform.charging import Payer
from tests.platform.ledger import money
from tests.platform.world import Person, call, now

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def application(db: None) -> Application:
    return Application.make()


@pytest.fixture
def sword(application: Application) -> Item:
    return application.item(SWORD)


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    """10 a day, 15 a month, 9 a day for one item."""
    settings.CHARGE_DAY_CAP, settings.CHARGE_MONTH_CAP = 1_000, 1_500
    settings.CHARGE_ITEM_DAY_CAP = 900


def pays(person: Person, amount: int, item: Item, at: datetime = NOON) -> bool:
    """Count a charge; tell whether it was within the limits, early and late alike."""
    charge: dict[str, Any] = {
        "holder": person.holder,
        "currency": "EUR",
        "amount": amount,
        "item": item,
        "now": at,
    }
    try:
        require_within_caps(**charge)
    except CapExceededError:
        with pytest.raises(CapExceededError):
            spend(**charge)
        return False
    spend(**charge)
    return True


def sets(person: Person, day: int, month: int, at: datetime = NOON) -> Caps:
    return set_cap(holder=person.holder, currency="EUR", day=day, month=month, now=at)


def holds(person: Person, at: datetime) -> tuple[int, int]:
    caps = caps_of(budget(person.holder, "EUR"), now=at)
    return caps.day, caps.month


def test_a_day_holds_so_much_and_the_next_one_begins_at_midnight_utc(
    dora: Person, application: Application
) -> None:
    sword, castle = application.item(SWORD), application.item(CASTLE)
    assert pays(dora, 600, sword)
    assert pays(dora, 400, castle)
    assert not pays(dora, 1, castle)
    assert not pays(dora, 1, castle, NOON.replace(hour=23, minute=59))
    assert pays(dora, 1, castle, NOON.replace(hour=0) + DAY)


def test_a_month_holds_so_much_whatever_its_days_would(dora: Person, sword: Item) -> None:
    assert pays(dora, 900, sword)
    assert pays(dora, 600, sword, NOON + DAY)
    assert not pays(dora, 1, sword, NOON + 2 * DAY)
    assert pays(dora, 1, sword, NOON + 9 * DAY)


def test_one_item_holds_so_much_a_day_in_whatever_build(
    dora: Person, application: Application
) -> None:
    newer = Item.objects.get(pk=application.item(SWORD).pk)
    assert pays(dora, 900, application.item(SWORD))
    assert not pays(dora, 1, newer)
    assert pays(dora, 100, application.item(CASTLE))
    assert not pays(dora, 901, newer, NOON + DAY)


def test_what_is_refused_counts_against_no_limit(dora: Person, sword: Item) -> None:
    assert not pays(dora, 901, sword)
    assert spent_now(budget(dora.holder, "EUR"), now=NOON) == (0, 0)
    assert not Spending.objects.filter(spent__gt=0).exists()


def test_currencies_and_payers_have_limits_of_their_own(dora: Person, sword: Item) -> None:
    assert pays(dora, 900, sword)
    for holder, currency in (dora.holder, "USD"), (Person.make("Emil").holder, "EUR"):
        spend(holder=holder, currency=currency, amount=900, item=sword, now=NOON)


def test_what_is_lowered_holds_at_once(dora: Person, sword: Item) -> None:
    assert sets(dora, 100, 500) == Caps("EUR", 100, 500)
    assert not pays(dora, 101, sword)
    assert pays(dora, 100, sword)
    sets(dora, 0, 0)
    assert not pays(dora, 1, sword, NOON + DAY)
    assert not Notice.objects.exists()


def test_what_is_raised_holds_after_24_hours_and_its_holder_is_told(dora: Person) -> None:
    after = sets(dora, 2_000, 3_000)
    assert after == Caps("EUR", 1_000, 1_500, 2_000, 3_000, NOON + DAY)
    assert holds(dora, NOON + DAY - timedelta(seconds=1)) == (1_000, 1_500)
    assert holds(dora, NOON + DAY) == (2_000, 3_000)
    (notice,) = Notice.objects.all()
    assert (notice.kind, notice.path) == ("caps_raised", "/charges")


def test_one_limit_may_rise_while_the_other_falls(dora: Person) -> None:
    assert sets(dora, 500, 9_000) == Caps("EUR", 500, 1_500, None, 9_000, NOON + DAY)
    assert holds(dora, NOON + DAY) == (500, 9_000)


def test_to_ask_again_for_what_rises_anyway_neither_delays_it_nor_hurries_it(
    dora: Person,
) -> None:
    sets(dora, 2_000, 1_500)
    again = sets(dora, 2_000, 1_500, NOON + 23 * HOUR)
    assert again.next_from == NOON + DAY
    assert Notice.objects.count() == 1


def test_to_raise_what_rises_already_begins_the_24_hours_anew(dora: Person) -> None:
    sets(dora, 1_100, 1_500)
    sets(dora, MAX_INT, 1_500, NOON + 23 * HOUR)
    assert holds(dora, NOON + 2 * DAY - 2 * HOUR) == (1_000, 1_500)
    assert holds(dora, NOON + 2 * DAY - HOUR) == (MAX_INT, 1_500)


def test_who_lowers_in_time_stops_what_would_rise(dora: Person) -> None:
    sets(dora, 9_000, 9_000)
    assert sets(dora, 1_000, 1_500, NOON + HOUR) == Caps("EUR", 1_000, 1_500)
    assert holds(dora, NOON + 9 * DAY) == (1_000, 1_500)


def test_limits_can_be_raised_again_once_they_rose(dora: Person) -> None:
    sets(dora, 2_000, 3_000)
    assert sets(dora, 2_500, 2_900, NOON + DAY) == Caps(
        "EUR", 2_000, 2_900, 2_500, None, NOON + 2 * DAY
    )


@pytest.mark.parametrize(
    ("currency", "day", "month"),
    [("EUR", -1, 5), ("EUR", 5, -1), ("EUR", MAX_INT + 1, 5), ("XXY", 5, 5), ("", 5, 5)],
)
def test_limits_are_amounts_of_a_known_currency(
    dora: Person, currency: str, day: int, month: int
) -> None:
    with pytest.raises(AmountInvalidError):
        set_cap(holder=dora.holder, currency=currency, day=day, month=month, now=NOON)
    assert not Cap.objects.exists()


def test_a_charge_beyond_a_limit_is_refused_before_anybody_is_asked(phone_keys: None) -> None:
    payer = Payer.make(amount=20_000)
    answer = payer.biller.bill(payer.application, item=CASTLE, amount=9_900)
    assert (answer.status, answer.refusal[1]) == (403, "cap_exceeded")
    assert BillingRequest.objects.get().state == "rejected"
    assert money(payer.person) == {"wallet": 20_000}


def test_a_charge_that_passes_a_limit_by_now_is_refused_when_it_is_proved(
    phone_keys: None,
) -> None:
    payer = Payer.make()
    waiting = payer.asked()
    sets(payer.person, 249, 9_000, now())
    with pytest.raises(CapExceededError):
        capture(waiting.pk, from_state=waiting.state, now=now())
    assert money(payer.person) == {"wallet": 10_000}
    assert not BillingRequest.objects.exclude(receipt=None).exists()


# --- Over the API


def test_limits_are_read_and_set_over_the_api(dora: Person) -> None:
    body = {"currency": "EUR", "day": 500, "month": 2_000}
    answer = call("PUT", "/charges/caps", body, key=dora.key)
    assert answer.status == 200
    assert (answer.body["day"], answer.body["month"], answer.body["next_month"]) == (
        500,
        1_500,
        2_000,
    )
    assert call("GET", "/charges/caps?currency=EUR", key=dora.key).body == answer.body
    assert AuditRow.objects.filter(action="caps.set", subject="apps EUR").count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"currency": "EUR", "day": 5},
        {"currency": "EUR", "day": "5", "month": 5},
        {"currency": "EUR", "day": 5.0, "month": 5},
        {"currency": "EUR", "day": True, "month": 5},
        {"currency": "EURO", "day": 5, "month": 5},
        {"currency": "XXY", "day": 5, "month": 5},
        {"currency": "EUR", "day": 2**63, "month": 5},
        {"currency": "EUR", "day": -1, "month": 5},
        {"currency": "EUR", "day": 5, "month": 5, "holder": 1},
        [],
    ],
)
def test_hostile_limits_are_refused(dora: Person, body: object) -> None:
    answer = call("PUT", "/charges/caps", body, key=dora.key)
    assert answer.status in (400, 422), answer
    assert not Cap.objects.exists()


def test_nobody_reads_limits_without_signing_in(db: None) -> None:
    assert call("GET", "/charges/caps?currency=EUR").status == 401
