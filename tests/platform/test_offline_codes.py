"""One-way codes: a minute, once, for little, and only where holder and service want them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.ledger.errors import AmountInvalidError, PaypassWrongError
from common.models import IdempotentRequest
from notices.models import Notice
from offline.errors import SerialStaleError
from offline.models import Authorization, Client
from offline.services.clients import set_code_limit
from offline.services.codes import take_code
from protocol import cose
from protocol.charge import Charge
from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64
from protocol.offline import Money, OneWayCode, digest_of
from tests.platform.ledger import money
from tests.platform.offline import PAYPASS, Phone, Shop, result_of
from tests.platform.world import Person, now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone_keys")]


@pytest.fixture
def phone() -> Phone:
    phone = Phone.rich()
    allow(phone, 500)
    return phone


@pytest.fixture
def shop() -> Shop:
    return Shop.of(Person.make("Shop"), takes_codes=True)


def allow(phone: Phone, amount: int, currency: str = "EUR", password: str = PAYPASS) -> None:
    set_code_limit(
        client=phone.row,
        amount=amount,
        currency=currency,
        payment_password=password,
        now=now(),
    )


def test_a_code_pays_at_once(phone: Phone, shop: Shop) -> None:
    code = phone.code()
    answer = shop.take(code, 320)
    assert answer.status == 200, answer
    result = result_of(answer)
    assert result.is_approved
    assert result.money == Money(320, "EUR")
    charge = Charge.from_signed(cose.parse(from_base64(answer.body["receipt"])))
    assert (charge.way, charge.amount, charge.digest) == ("offline_code", 320, digest_of(code))
    assert money(shop.owner) == {"earnings": 320}


def test_a_code_works_once(phone: Phone, shop: Shop) -> None:
    code = phone.code()
    shop.take(code, 100)
    assert shop.take(code, 100).refusal == (409, "serial_reused")
    assert money(shop.owner) == {"earnings": 100}


def test_who_asks_again_for_want_of_an_answer_gets_the_same(phone: Phone, shop: Shop) -> None:
    code, headers = phone.code(), {"Idempotency-Key": "a"}
    first = shop.take(code, 100, headers=headers)
    # As when the process died before it could keep its answer.
    IdempotentRequest.objects.all().delete()
    again = shop.take(code, 100, headers=headers)
    assert (first.status, first.body) == (again.status, again.body) == (200, first.body)
    assert money(shop.owner) == {"earnings": 100}


@pytest.mark.parametrize(
    ("key", "amount"), [("b", 100), ("", 100), ("a", 99)], ids=["another", "no key", "for less"]
)
def test_who_shows_a_code_twice_is_not_served_twice(
    phone: Phone, shop: Shop, key: str, amount: int
) -> None:
    code = phone.code()
    shop.take(code, 100, headers={"Idempotency-Key": "a"})
    IdempotentRequest.objects.all().delete()
    headers = {"Idempotency-Key": key} if key else {}
    assert shop.take(code, amount, headers=headers).refusal == (409, "serial_reused")


@pytest.mark.parametrize(("seconds", "status"), [(-61, 409), (-60, 200), (5, 200), (6, 409)])
def test_a_code_lives_a_minute(phone: Phone, shop: Shop, seconds: int, status: int) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    code = phone.code(time=int(at.timestamp()) + seconds)
    taken: dict[str, Any] = {
        "device": shop.gadget.row,
        "code": code,
        "money": Money(100, "EUR"),
        "request": "a",
        "now": at,
    }
    if status == 200:
        assert take_code(**taken).state == "approved"
    else:
        with pytest.raises(SerialStaleError):
            take_code(**taken)


def test_codes_are_off_until_the_holder_wants_them(shop: Shop) -> None:
    assert shop.take(Phone.rich().code(), 100).refusal == (403, "limit_exceeded")


def test_a_holder_turns_codes_off_again(phone: Phone, shop: Shop) -> None:
    allow(phone, 0)
    assert phone.row.code_currency == ""
    assert shop.take(phone.code(), 100).refusal == (403, "limit_exceeded")


@pytest.mark.parametrize(
    ("most", "amount"), [(100, 101), (501, 100)], ids=["than the code", "than the holder"]
)
def test_a_code_is_worth_no_more(phone: Phone, shop: Shop, most: int, amount: int) -> None:
    assert shop.take(phone.code(most), amount).refusal == (403, "limit_exceeded")


def test_a_code_pays_in_its_own_currency(phone: Phone, shop: Shop) -> None:
    code = phone.code(currency="USD")
    assert shop.take(code, 100).refusal == (403, "limit_exceeded")
    assert shop.take(phone.code(), 100, "USD").refusal == (403, "service_denied")


def test_codes_count_against_the_limits_of_the_phone(
    phone: Phone, shop: Shop, settings: Any
) -> None:
    settings.OFFLINE_DAY_CAP = 150
    shop.take(phone.code(), 100)
    assert shop.take(phone.code(), 100).refusal == (403, "limit_exceeded")
    assert shop.take(phone.code(), 50).status == 200


def test_what_is_refused_may_be_tried_for_less(phone: Phone, shop: Shop) -> None:
    code = phone.code(100)
    shop.take(code, 101)
    assert not Authorization.objects.exists()
    assert phone.row.counter == 0
    assert shop.take(code, 100).status == 200


def test_a_service_takes_no_codes_by_itself(phone: Phone) -> None:
    shop = Shop.of(Person.make("Shop"))
    assert shop.take(phone.code(), 100).refusal == (403, "service_denied")


def test_a_gate_takes_no_codes(phone: Phone) -> None:
    gate = Shop.of(Person.make("Gate"), "gate", takes_codes=True)
    assert gate.take(phone.code(), 100).refusal == (403, "service_denied")


@pytest.mark.parametrize("why", ["service", "amount", "phone"])
def test_where_the_password_is_due_a_code_is_too_little(
    phone: Phone, why: str, settings: Any
) -> None:
    shop = Shop.of(Person.make("Shop"), takes_codes=True, is_high=why == "service")
    if why == "amount":
        settings.OFFLINE_HIGH_FROM = 100
    if why == "phone":
        Client.objects.update(failures=1)
    assert shop.take(phone.code(), 100).refusal == (403, "level_required")


def test_a_code_that_somebody_else_signed_is_refused(phone: Phone, shop: Shop) -> None:
    serial = phone.serial()
    forged = OneWayCode(serial, Money(500, "EUR"), int(now().timestamp()))
    assert shop.take(forged.sign(SigningKey.generate()), 100).refusal == (403, "unknown_client")


def test_a_code_and_an_application_under_one_counter_stop_the_phone(
    phone: Phone, shop: Shop
) -> None:
    exchange = phone.applies(shop)
    code = phone.code(serial=phone.serial(exchange.asked.serial.counter))
    assert shop.take(code, 100).refusal == (409, "serial_stale")
    assert phone.row.reason == "cloned"


def test_an_application_is_no_code(phone: Phone, shop: Shop) -> None:
    assert shop.take(phone.signs(phone.asks(shop)), 100).refusal == (422, "typ_wrong")


@pytest.mark.parametrize("amount", [0, -1, 2**63, True])
def test_what_is_no_amount_is_refused(phone: Phone, shop: Shop, amount: int) -> None:
    assert shop.take(phone.code(), amount).refusal[0] == 422


def test_an_empty_wallet_pays_no_code(shop: Shop) -> None:
    phone = Phone.of(Person.make("Poor"))
    allow(phone, 500)
    assert shop.take(phone.code(), 100).refusal == (402, "funds_insufficient")
    assert not Authorization.objects.exists()


@pytest.mark.parametrize(
    ("amount", "currency"), [(-1, "EUR"), (1_001, "EUR"), (1, "XXL"), (1, "")]
)
def test_a_code_has_a_limit_of_the_platform(phone: Phone, amount: int, currency: str) -> None:
    with pytest.raises(AmountInvalidError):
        allow(phone, amount, currency)


def test_a_holder_hears_when_codes_may_be_worth_more_and_not_when_less(phone: Phone) -> None:
    def told() -> int:
        return Notice.objects.filter(kind="offline_codes").count()

    assert told() == 1
    allow(phone, 400)
    allow(phone, 400)
    assert told() == 1
    allow(phone, 401)
    assert told() == 2
    # Of another currency, any is more than there was.
    allow(phone, 100, "USD")
    assert told() == 3
    assert Notice.objects.last().path == f"/offline/settings/{phone.row.public_id}"  # type: ignore[union-attr]


def test_codes_take_the_payment_password(phone: Phone) -> None:
    with pytest.raises(PaypassWrongError):
        allow(phone, 900, password="wrong one")
    assert phone.row.code_limit == 500
