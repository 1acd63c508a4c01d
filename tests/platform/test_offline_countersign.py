"""A countersign comes in through a relay, and the platform decides, once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from accounts.models import Holder
from audit.models import AuditRow
from billing.ledger.services import freeze
from notices.models import Notice
from offline.models import Authorization, Client, Service
from offline.services import deciding
from offline.services.expire import expire_authorizations
from protocol import cose
from protocol.charge import Charge
from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64
from protocol.keys import Purpose
from protocol.offline import Countersign, Money, digest_of
from protocol.receipt import identity
from signing import services as signing
from signing.models import PlatformKey
from signing.services import signing_key
from tests.platform.ledger import money
from tests.platform.offline import Exchange, Phone, Shop, reason_of, require_refused, result_of
from tests.platform.world import Person, now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone_keys")]
INVALID = (403, "countersign_invalid")


@pytest.fixture
def phone() -> Phone:
    return Phone.rich()


@pytest.fixture
def owner() -> Person:
    return Person.make("Shop")


@pytest.fixture
def shop(owner: Person) -> Shop:
    return Shop.of(owner)


@pytest.fixture
def exchange(phone: Phone, shop: Shop) -> Exchange:
    return phone.applies(shop)


def test_a_payment_is_made_with_receipt_and_signed_result(exchange: Exchange) -> None:
    answer = exchange.brings()
    assert answer.status == 200, answer
    assert answer.body["outcome"] == "approved"
    result, row = result_of(answer), exchange.row
    assert result.is_approved
    assert result.money == Money(250, "EUR")
    assert result.device == bytes(exchange.shop.gadget.row.uid)
    assert result.service == bytes(exchange.shop.service.uid)
    receipt = from_base64(answer.body["receipt"])
    assert result.receipt == identity(receipt)[:8] == bytes(row.receipt_id or b"")
    assert row.state == "approved"
    assert money(exchange.shop.owner) == {"earnings": 250}
    assert money(exchange.phone.person) == {"wallet": 99_750}


def test_the_receipt_names_what_was_signed(exchange: Exchange) -> None:
    receipt = from_base64(exchange.brings().body["receipt"])
    key = signing_key(Purpose.RECEIPT, now=now()).key.public
    assert cose.parse(receipt).is_signed_by(key)
    charge = Charge.from_signed(cose.parse(receipt))
    assert charge.digest == digest_of(exchange.tbs)
    assert (charge.way, charge.text) == ("offline", "Corner checkout")
    assert (charge.amount, charge.currency) == (250, "EUR")
    assert charge.payer.account == exchange.phone.person.holder.account
    assert charge.payee.account == exchange.shop.owner.holder.account


def test_the_receipt_says_what_the_phone_showed(exchange: Exchange) -> None:
    message = exchange.signs()
    Service.objects.update(title="Renamed")
    Holder.objects.filter(pk=exchange.shop.owner.holder.pk).update(name="Somebody else")
    receipt = from_base64(exchange.brings(message).body["receipt"])
    charge = Charge.from_signed(cose.parse(receipt))
    assert (charge.text, charge.payee.name) == ("Corner checkout", None)


def test_what_the_phone_signed_is_kept(exchange: Exchange) -> None:
    message = exchange.signs()
    exchange.brings_sealed(exchange.seals(None, countersign=message))
    assert bytes(exchange.row.countersign or b"") == message


def test_a_gate_opens_without_money(phone: Phone, owner: Person) -> None:
    answer = phone.applies(Shop.of(owner, "gate")).brings()
    assert result_of(answer).is_approved
    charge = Charge.from_signed(cose.parse(from_base64(answer.body["receipt"])))
    assert (charge.amount, charge.currency) == (None, None)
    assert money(owner) == {}


def test_the_holder_is_told_of_payments_alone(phone: Phone, owner: Person, shop: Shop) -> None:
    phone.applies(Shop.of(owner, "gate")).brings()
    assert not Notice.objects.filter(kind="offline_paid").exists()
    phone.applies(shop).brings()
    assert Notice.objects.filter(kind="offline_paid", holder=phone.person.holder).count() == 1


def test_who_repeats_it_gets_the_same_and_nothing_is_paid_twice(exchange: Exchange) -> None:
    first, again = exchange.brings(), exchange.brings()
    assert again.status == 200
    assert again.body == first.body
    assert money(exchange.shop.owner) == {"earnings": 250}


def test_who_repeats_a_refusal_gets_the_same(exchange: Exchange) -> None:
    first, again = exchange.brings(b"junk"), exchange.brings()
    assert first.refusal == again.refusal == INVALID
    assert first.body["result"] == again.body["result"]


def test_a_refused_countersign_leaves_one_audit_row(exchange: Exchange) -> None:
    before = AuditRow.objects.count()
    exchange.brings(b"junk")
    exchange.brings()
    last = AuditRow.objects.latest("pk")
    assert (last.action, last.code) == ("authorization.rejected", "signature_wrong")
    assert AuditRow.objects.count() == before + 1


def test_one_flipped_bit_is_refused(exchange: Exchange) -> None:
    message = exchange.signs()
    answer = exchange.brings(message[:-1] + bytes([message[-1] ^ 1]))
    assert answer.refusal == INVALID
    require_refused(exchange, answer, "countersign_invalid")
    assert reason_of(exchange) == "signature_wrong"


@pytest.mark.parametrize("who", ["somebody", "another's tbs", "with a response", "sealed to all"])
def test_another_countersign_is_refused(exchange: Exchange, phone: Phone, who: str) -> None:
    made: dict[str, Callable[[], bytes]] = {
        "somebody": lambda: Countersign(digest_of(exchange.tbs)).sign(SigningKey.generate()),
        "another's tbs": lambda: phone.applies(exchange.shop).signs(),
        "with a response": lambda: exchange.signs(response="123456"),
        "sealed to all": exchange.seals,
    }
    answer = exchange.brings(made[who]())
    assert answer.refusal == INVALID
    require_refused(exchange, answer, "countersign_invalid")


def test_a_tbs_of_another_relay_is_refused(exchange: Exchange) -> None:
    other = Shop.of(exchange.shop.owner)
    answer = other.countersign(exchange.asked.serial, exchange.signs())
    assert answer.refusal == (410, "tbs_expired")
    assert exchange.row.state == "tbs_issued"


def test_what_was_never_applied_for_is_refused(phone: Phone, shop: Shop) -> None:
    assert shop.countersign(phone.serial(), b"x").refusal == (410, "tbs_expired")


def test_after_ninety_seconds_it_is_over(exchange: Exchange) -> None:
    with time_machine.travel(now() + timedelta(seconds=91), tick=False):
        answer = exchange.brings()
    assert answer.refusal == (410, "tbs_expired")
    require_refused(exchange, answer, "tbs_expired")
    assert exchange.row.state == "expired"


def test_what_nobody_countersigns_expires_by_itself(exchange: Exchange) -> None:
    at = exchange.row.expires_at
    assert expire_authorizations(now=at - timedelta(seconds=1)) == 0
    assert expire_authorizations(now=at) == 1
    assert expire_authorizations(now=at) == 0
    assert exchange.row.state == "expired"
    answer = exchange.brings()
    assert answer.refusal == (410, "tbs_expired")
    require_refused(exchange, answer, "tbs_expired")


def test_a_service_that_ended_meanwhile_is_denied(exchange: Exchange) -> None:
    Service.objects.update(suspended_at=now())
    answer = exchange.brings()
    assert answer.refusal == (403, "service_denied")
    require_refused(exchange, answer, "service_denied")


def test_a_phone_that_was_stopped_meanwhile_is_unknown(exchange: Exchange) -> None:
    Client.objects.update(state="suspended", reason="holder")
    answer = exchange.brings()
    assert answer.refusal == (403, "unknown_client")
    require_refused(exchange, answer, "unknown_client")


def test_an_account_that_was_frozen_meanwhile_pays_nothing(
    exchange: Exchange, olga: Person
) -> None:
    freeze(holder=exchange.phone.person.holder, operator=olga.holder, now=now())
    answer = exchange.brings()
    assert answer.refusal == (403, "account_frozen")
    require_refused(exchange, answer, "account_frozen")


@tried(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_a_relay_changes_is_refused_and_breaks_nothing(
    phone: Phone, shop: Shop, settings: Any, data: st.DataObject
) -> None:
    settings.BILLING_CALLS_PER_MINUTE = 1_000
    application = mutated(phone.signs(phone.asks(shop)), data)
    assert shop.apply(application).refusal[0] in (403, 409, 422)
    exchange = phone.applies(shop)
    assert exchange.brings(mutated(exchange.signs(), data)).refusal == INVALID
    assert money(shop.owner) == {}


def mutated(message: bytes, data: st.DataObject) -> bytes:
    """A message with another byte somewhere, or without its end."""
    at = data.draw(st.integers(0, len(message) - 1))
    other = data.draw(st.integers(1, 255) | st.none())
    if other is None:
        return message[: max(at, 1)]
    return message[:at] + bytes([message[at] ^ other]) + message[at + 1 :]


def test_limits_hold_when_it_is_paid(phone: Phone, shop: Shop, settings: Any) -> None:
    settings.OFFLINE_DAY_CAP = 499
    # Either would fit.
    first, second = phone.applies(shop), phone.applies(shop)
    assert first.brings().status == 200
    answer = second.brings()
    assert answer.refusal == (403, "limit_exceeded")
    assert result_of(answer).code == "limit_exceeded"
    assert money(shop.owner) == {"earnings": 250}


def test_an_empty_wallet_pays_nothing(shop: Shop) -> None:
    exchange = Phone.of(Person.make("Poor")).applies(shop)
    answer = exchange.brings()
    assert answer.refusal == (402, "funds_insufficient")
    require_refused(exchange, answer, "funds_insufficient")


def test_nobody_pays_to_themselves(phone: Phone) -> None:
    exchange = phone.applies(Shop.of(phone.person))
    assert exchange.brings().refusal == (422, "own_payee")
    assert exchange.row.reason == "own_payee"


def test_limits_that_refuse_are_not_used_up(phone: Phone, settings: Any) -> None:
    settings.OFFLINE_DAY_CAP = 250
    phone.applies(Shop.of(phone.person)).brings()
    assert phone.applies(Shop.of(Person.make("Other"))).brings().status == 200


def test_a_countersign_and_a_sealed_one_are_too_much(exchange: Exchange) -> None:
    body = {"serial": bytes(exchange.asked.serial).hex(), "countersign": "AA", "sealed": "AA"}
    answer = exchange.shop.gadget.call("POST", "/offline/countersign", body)
    assert answer.refusal == (422, "field_missing")
    assert exchange.row.state == "tbs_issued"


def test_what_breaks_in_between_leaves_everything_as_it_was(exchange: Exchange) -> None:
    message = exchange.signs()
    with mock.patch.object(deciding, "_announce", side_effect=RuntimeError):
        assert exchange.brings(message).refusal == (500, "internal_error")
    assert exchange.row.state == "tbs_issued"
    assert money(exchange.shop.owner) == {}
    assert exchange.brings(message).status == 200
    assert money(exchange.shop.owner) == {"earnings": 250}


def test_while_a_response_is_judged_others_wait(exchange: Exchange) -> None:
    Authorization.objects.update(state="countersigned")
    assert exchange.brings().refusal == (503, "authorization_waits")


def test_programs_are_told_how_it_ended(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, Any, Any]] = []

    def publish(event: str, data: Any, *, holders: Any, now: Any) -> None:
        told.append((event, data, holders))

    monkeypatch.setattr(deciding, "publish", publish)
    exchange.brings()
    ((event, data, holders),) = told
    assert event == "authorization.approved"
    serial = bytes(exchange.asked.serial).hex()
    assert data == {"authorization": serial, "service": exchange.shop.service.public_id}
    assert holders == {exchange.phone.person.holder.pk, exchange.shop.owner.holder.pk}


def test_without_keys_nothing_is_lost(exchange: Exchange) -> None:
    message = exchange.signs()
    PlatformKey.objects.filter(purpose="offline").update(to_day=1)
    signing._cache.clear()
    assert exchange.brings(message).refusal == (503, "keys_missing")
    # Nor does the worker end it, or itself.
    assert expire_authorizations(now=exchange.row.expires_at) == 0
    assert exchange.row.state == "tbs_issued"
    assert money(exchange.shop.owner) == {}
