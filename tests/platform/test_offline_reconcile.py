"""A phone that is back on-line tells what it signed, and hears what became of it."""

from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audit.models import AuditRow
from notices.models import Notice
from offline.services import reconcile
from offline.services.clients import resume_client, suspend_client
from protocol.offline import Serial
from tests.platform.offline import Phone, Shop
from tests.platform.world import Person, now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone_keys")]


@pytest.fixture
def phone() -> Phone:
    return Phone.rich()


@pytest.fixture
def shop() -> Shop:
    return Shop.of(Person.make("Shop"))


def is_cloned(phone: Phone) -> bool:
    return (phone.row.state, phone.row.reason) == ("suspended", "cloned")


def test_it_hears_of_each_entry(phone: Phone, shop: Shop) -> None:
    approved, refused, waiting = (phone.applies(shop) for _ in range(3))
    result = approved.brings()
    refused.brings(b"junk")
    lost = phone.serial()
    answer = phone.reconcile(approved.tbs, refused.tbs, waiting.tbs, (lost, None))
    assert answer.status == 200, answer
    said = [(entry["state"], entry["code"]) for entry in answer.body["entries"]]
    assert said == [
        ("approved", "approved"),
        ("rejected", "countersign_invalid"),
        ("tbs_issued", ""),
        ("unknown", ""),
    ]
    row = approved.row
    assert answer.body["entries"][0]["receipt"] == bytes(row.receipt_id or b"").hex()
    assert answer.body["entries"][3]["serial"] == bytes(lost).hex()
    assert row.reconciled_at is not None
    assert waiting.row.reconciled_at is None
    assert answer.body["state"] == "active"
    assert result.status == 200


def test_what_it_was_told_it_need_not_list_again(phone: Phone, shop: Shop) -> None:
    exchange = phone.applies(shop)
    exchange.brings()
    phone.reconcile(exchange.tbs)
    assert phone.reconcile().body == {"state": "active", "entries": []}


def test_an_approval_that_it_does_not_know_stops_it(phone: Phone, shop: Shop) -> None:
    phone.applies(shop).brings()
    assert phone.reconcile().body["state"] == "suspended"
    assert is_cloned(phone)
    assert AuditRow.objects.filter(action="offline.suspended", code="cloned").count() == 1
    assert Notice.objects.filter(kind="offline_cloned").count() == 1
    assert phone.refused(shop) == (403, "unknown_client")


def test_what_an_operator_looked_at_stops_it_no_second_time(phone: Phone, shop: Shop) -> None:
    phone.applies(shop).brings()
    phone.reconcile()
    resume_client(client=phone.row, actor="operator:1", is_operator=True, now=now())
    assert phone.reconcile().body["state"] == "active"
    phone.applies(shop).brings()
    assert phone.reconcile().body["state"] == "suspended"


@pytest.mark.parametrize("digest", [None, bytes(32)], ids=["nothing", "something else"])
def test_an_approval_for_which_it_signed_otherwise_stops_it(
    phone: Phone, shop: Shop, digest: bytes | None
) -> None:
    exchange = phone.applies(shop)
    exchange.brings()
    phone.reconcile((exchange.asked.serial, digest))
    assert is_cloned(phone)


def test_what_was_refused_alarms_nobody(phone: Phone, shop: Shop) -> None:
    phone.applies(shop).brings(b"junk")
    phone.applies(shop)
    phone.reconcile()
    assert phone.row.state == "active"


def test_a_code_is_known_by_its_own_digest(phone: Phone) -> None:
    shop = Shop.of(Person.make("Shop"), takes_codes=True)
    type(phone.client).objects.update(code_limit=500, code_currency="EUR")
    code = phone.code()
    shop.take(code, 100)
    answer = phone.reconcile(code)
    assert answer.body["entries"][0]["state"] == "approved"
    assert answer.body["state"] == "active"


def test_nobody_hears_of_anothers_entries(phone: Phone, shop: Shop) -> None:
    other = Phone.of(Person.make("Ben"))
    exchange = phone.applies(shop)
    exchange.brings()
    answer = other.reconcile(exchange.tbs)
    assert answer.body["entries"][0]["state"] == "unknown"
    assert exchange.row.reconciled_at is None


def test_a_stopped_phone_still_hears(phone: Phone, shop: Shop) -> None:
    exchange = phone.applies(shop)
    exchange.brings()
    phone.reconcile()
    answer = phone.reconcile(exchange.tbs)
    assert (answer.body["state"], answer.body["entries"][0]["state"]) == ("suspended", "approved")


@pytest.mark.parametrize(
    "entry",
    [{"serial": "00"}, {"serial": "0" * 32, "digest": "0"}, {"serial": "0" * 32, "more": 1}, {}],
)
def test_what_is_no_entry_is_refused(phone: Phone, entry: dict[str, object]) -> None:
    said = {"counter": 0, "entries": [entry]}
    answer = phone.gadget.call("POST", "/offline/reconcile", said)
    assert answer.refusal == (422, "input_invalid")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(serial=st.binary(min_size=16, max_size=16))
@example(serial=bytes(16))
def test_sixteen_bytes_are_a_serial_or_refused(phone: Phone, serial: bytes) -> None:
    said = {"counter": 0, "entries": [{"serial": serial.hex()}]}
    with mock.patch.object(reconcile, "require_slow"):
        answer = phone.gadget.call("POST", "/offline/reconcile", said)
    if any(serial[4:8]):
        assert answer.body["entries"][0]["state"] == "unknown"
    else:
        assert answer.refusal == (422, "input_invalid")


def test_what_another_client_drew_on_this_phone_stops_nobody(phone: Phone, shop: Shop) -> None:
    exchange = phone.applies(shop)
    exchange.brings()
    phone.reconcile(exchange.tbs)
    # Of the same number, as when the phone was set up anew and its journal went on.
    earlier = Serial.draw(b"else", exchange.asked.serial.counter)
    answer = phone.reconcile((earlier, None))
    assert (answer.body["state"], answer.body["entries"][0]["state"]) == ("active", "unknown")


@pytest.mark.parametrize("counter", [None, -1, 2**32, True, "1"])
def test_what_is_no_counter_is_refused(phone: Phone, counter: object) -> None:
    said = {"entries": []} if counter is None else {"counter": counter, "entries": []}
    assert phone.gadget.call("POST", "/offline/reconcile", said).refusal == (422, "input_invalid")


def test_a_copy_that_compares_for_itself_hides_nothing(phone: Phone, shop: Shop) -> None:
    exchange = phone.applies(shop)
    exchange.brings()
    phone.reconcile(exchange.tbs)
    thief = phone.applies(shop, serial=phone.serial(50))
    thief.brings()
    assert phone.reconcile(thief.tbs, counter=50).body["state"] == "active"
    # The true one never drew so high a number.
    assert phone.reconcile().body["state"] == "suspended"
    assert is_cloned(phone)


def test_a_number_that_an_operator_looked_at_stops_it_no_second_time(
    phone: Phone, shop: Shop
) -> None:
    thief = phone.applies(shop, serial=phone.serial(50))
    thief.brings()
    phone.reconcile()
    resume_client(client=phone.row, actor="operator:1", is_operator=True, now=now())
    assert phone.reconcile().body["state"] == "active"
    phone.applies(shop, serial=phone.serial(51)).brings()
    assert phone.reconcile().body["state"] == "suspended"


def test_a_number_that_it_drew_itself_and_a_copy_used_stops_it(phone: Phone, shop: Shop) -> None:
    lost = phone.serial()
    thief = phone.applies(shop, serial=phone.serial(1))
    thief.brings()
    phone.reconcile(thief.tbs)
    assert phone.reconcile((lost, None)).body["state"] == "suspended"


def test_what_it_drew_before_it_was_on_line_nobody_uses_any_more(phone: Phone, shop: Shop) -> None:
    phone.reconcile(counter=5)
    assert phone.refused(shop, serial=phone.serial(5)) == (409, "serial_stale")
    phone.applies(shop, serial=phone.serial(6))


@pytest.mark.parametrize("digest", [None, bytes(32)], ids=["nothing", "something else"])
def test_what_it_did_not_sign_stays_for_an_operator_to_look_at(
    phone: Phone, shop: Shop, digest: bytes | None
) -> None:
    exchange = phone.applies(shop)
    exchange.brings()
    phone.reconcile((exchange.asked.serial, digest))
    assert exchange.row.reconciled_at is None


@pytest.mark.parametrize("reason", ["holder", "operator"])
def test_a_copy_of_a_phone_that_is_stopped_already_is_not_let_go_on_by_its_holder(
    phone: Phone, shop: Shop, reason: str
) -> None:
    phone.applies(shop).brings()
    suspend_client(client=phone.row, actor="x", reason=reason, now=now())
    phone.reconcile()
    assert is_cloned(phone)
    assert AuditRow.objects.filter(action="offline.suspended", code="cloned").count() == 1
    assert Notice.objects.filter(kind="offline_cloned").count() == 1
