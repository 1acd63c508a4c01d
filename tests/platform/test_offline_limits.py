"""What a phone may pay without a network: a day, a month; raised after a day, lowered at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.ledger.errors import AmountInvalidError, PaypassWrongError
from billing.ledger.models import Cap, Spending
from billing.ledger.selectors_caps import Caps
from billing.packages.selectors_charges import budget as budget_of_apps
from notices.models import Notice
from offline.errors import LimitExceededError
from offline.services.clients import remove_client
from offline.services.limits import limits_of, require_within_limits, set_limits, spend
from protocol.offline import Money
from tests.platform.offline import PAYPASS, Phone
from tests.platform.world import Person, call

pytestmark = pytest.mark.usefixtures("phone_keys")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    """10 a day, 15 a month."""
    settings.OFFLINE_DAY_CAP, settings.OFFLINE_MONTH_CAP = 1_000, 1_500


@pytest.fixture
def phone(dora: Person) -> Phone:
    return Phone.of(dora)


def pays(phone: Phone, amount: int, at: datetime = NOON, currency: str = "EUR") -> bool:
    """Count a payment; tell whether it was within the limits, early and late alike."""
    payment: dict[str, Any] = {
        "client": phone.row,
        "money": Money(amount, currency),
        "now": at,
    }
    try:
        require_within_limits(**payment)
    except LimitExceededError:
        with pytest.raises(LimitExceededError):
            spend(**payment)
        return False
    spend(**payment)
    return True


def sets(phone: Phone, day: int, month: int, currency: str = "EUR", **options: Any) -> Caps:
    said: dict[str, Any] = {"payment_password": PAYPASS, "now": NOON, **options}
    return set_limits(client=phone.row, currency=currency, day=day, month=month, **said)


def test_a_phone_pays_so_much_a_day_and_a_month_and_no_more(phone: Phone) -> None:
    assert pays(phone, 1_000)
    assert not pays(phone, 1)
    assert pays(phone, 500, NOON + DAY)
    assert not pays(phone, 1, NOON + 2 * DAY)
    assert pays(phone, 1, NOON + 9 * DAY)


def test_what_is_refused_counts_against_no_limit(phone: Phone) -> None:
    assert not pays(phone, 1_001)
    assert not Spending.objects.filter(spent__gt=0).exists()


def test_each_phone_and_each_currency_has_limits_of_its_own(phone: Phone) -> None:
    other = Phone.of(phone.person)
    sets(phone, 300, 1_500)
    assert pays(phone, 300)
    assert not pays(phone, 1)
    assert pays(other, 700)
    assert pays(phone, 300, currency="USD")


def test_who_adds_another_phone_pays_no_more_by_it(phone: Phone) -> None:
    assert pays(phone, 600)
    other = Phone.of(phone.person)
    assert not pays(other, 401)
    assert pays(other, 400)
    assert not pays(phone, 1)
    assert pays(other, 500, NOON + DAY)
    assert not pays(phone, 1, NOON + 2 * DAY), "1,500 a month"


def test_all_phones_together_pay_as_much_as_the_highest_limit_of_one(phone: Phone) -> None:
    other = Phone.of(phone.person)
    sets(phone, 5_000, 5_000)
    assert pays(phone, 3_000, NOON + DAY)
    assert pays(other, 1_000, NOON + DAY)
    assert pays(phone, 1_000, NOON + DAY)
    assert not pays(phone, 1, NOON + DAY)
    remove_client(client=phone.row, actor="x", now=NOON)
    # A limit goes with its phone.
    assert not pays(other, 500, NOON + 2 * DAY)


def test_more_phones_ask_the_database_no_more(
    phone: Phone, django_assert_num_queries: Any
) -> None:
    money = Money(1, "EUR")
    with CaptureQueriesContext(connection) as alone:
        require_within_limits(client=phone.row, money=money, now=NOON)
    count = len(alone)
    for _ in range(3):
        Phone.of(phone.person)
    with django_assert_num_queries(count):
        require_within_limits(client=phone.row, money=money, now=NOON)


def test_a_phone_that_is_removed_just_then_is_within_the_usual_limits(phone: Phone) -> None:
    remove_client(client=phone.row, actor="x", now=NOON)
    assert pays(phone, 1_000)
    assert not pays(phone, 1)


def test_what_applications_charge_counts_apart(phone: Phone) -> None:
    """Or a thief of the phone could stop what the holder does elsewhere."""
    assert pays(phone, 1_000)
    counted = set(Spending.objects.values_list("scope", flat=True))
    assert budget_of_apps(phone.person.holder, "EUR").scope not in counted


def test_what_is_lowered_holds_at_once(phone: Phone) -> None:
    assert sets(phone, 100, 1_500) == Caps("EUR", 100, 1_500)
    assert not pays(phone, 101)
    sets(phone, 0, 0)
    assert not pays(phone, 1, NOON + DAY)


def test_what_is_raised_holds_after_24_hours_and_its_holder_is_told(phone: Phone) -> None:
    after = sets(phone, 2_000, 3_000)
    assert after == Caps("EUR", 1_000, 1_500, 2_000, 3_000, NOON + DAY)
    assert not pays(phone, 1_001, NOON + DAY - timedelta(seconds=1))
    assert pays(phone, 2_000, NOON + DAY)
    notice = Notice.objects.get(kind="caps_raised")
    assert notice.path == f"/offline/settings/{phone.row.public_id}"


def test_limits_take_the_payment_password(phone: Phone) -> None:
    with pytest.raises(PaypassWrongError):
        sets(phone, 1, 1, payment_password="wrong-1-wrong")  # a wrong one
    assert not Cap.objects.exists()


@pytest.mark.parametrize(
    ("day", "month", "currency"),
    [(-1, 1, "EUR"), (1, -1, "EUR"), (2**63, 1, "EUR"), (1, 1, "XXY")],
)
def test_limits_are_amounts_of_a_known_currency(
    phone: Phone, day: int, month: int, currency: str
) -> None:
    with pytest.raises(AmountInvalidError):
        sets(phone, day, month, currency)
    assert not Cap.objects.exists()


# --- Over the API


def test_limits_are_read_and_set_over_the_api(phone: Phone) -> None:
    path, key = f"/offline/clients/{phone.row.public_id}/limits", phone.person.key
    body = {"currency": "EUR", "day": 500, "month": 2_000, "payment_password": PAYPASS}
    answer = call("PUT", path, body, key=key)
    assert (answer.status, answer.body["day"], answer.body["month"]) == (200, 500, 1_500)
    assert answer.body["next_month"] == 2_000
    assert call("GET", f"{path}?currency=EUR", key=key).body == answer.body
    wrong = call("PUT", path, {**body, "payment_password": "wrong-1-wrong"}, key=key)
    assert wrong.refusal == (403, "paypass_wrong")
    now = datetime.now(UTC)
    assert limits_of(client=phone.row, currency="EUR", now=now).day == 500


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "%00%00%00", "E%20R"])
def test_limits_of_what_cannot_be_a_currency_are_not_looked_for(
    phone: Phone, currency: str
) -> None:
    for path in (f"/offline/clients/{phone.row.public_id}/limits", "/charges/caps"):
        answer = call("GET", f"{path}?currency={currency}", key=phone.person.key)
        assert answer.status == 422, path


@pytest.mark.parametrize(
    "change",
    [{"day": "5"}, {"day": 5.0}, {"day": True}, {"day": None}, {"currency": "EURO"}, {"more": 1}],
)
def test_hostile_limits_are_refused(phone: Phone, change: dict[str, Any]) -> None:
    path = f"/offline/clients/{phone.row.public_id}/limits"
    body = {"currency": "EUR", "day": 5, "month": 5, "payment_password": PAYPASS, **change}
    assert call("PUT", path, body, key=phone.person.key).status in (400, 422)
    assert not Cap.objects.exists()
