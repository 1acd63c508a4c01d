"""An application comes in through a relay, and the platform says what is to be signed."""

from collections.abc import Callable
from typing import Any

import pytest

from audit.models import AuditRow
from billing.ledger.services import freeze
from binding.models import Device
from binding.services import remove_device
from offline.models import Authorization, Client, Service
from offline.services.clients import remove_client, resume_client, suspend_client
from offline.services.relays import end_relay
from protocol.ed25519 import SigningKey
from protocol.jwk import to_base64
from protocol.offline import Application, Level, Money, Serial
from signing import services as signing
from signing.models import PlatformKey
from tests.platform.offline import Phone, Shop
from tests.platform.world import Person, now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone_keys")]


@pytest.fixture
def phone() -> Phone:
    return Phone.rich()


@pytest.fixture
def owner() -> Person:
    return Person.make("Shop")


@pytest.fixture
def shop(owner: Person) -> Shop:
    return Shop.of(owner)


def state_of(phone: Phone) -> tuple[str, str]:
    return phone.row.state, phone.row.reason


def test_what_is_to_be_signed_says_all_of_the_application(phone: Phone, shop: Shop) -> None:
    exchange = phone.applies(shop)
    due = exchange.due
    assert due.answers(exchange.asked)
    assert due.device == bytes(shop.gadget.row.uid)
    assert due.title == "Corner checkout"
    assert due.payee.account == shop.owner.holder.account
    assert due.expires - due.issued == 90
    row = exchange.row
    assert bytes(row.application) == phone.signs(exchange.asked)
    assert (row.state, row.way, row.amount, row.currency) == ("tbs_issued", "offline", 250, "EUR")


def test_two_tbs_differ_in_their_nonce(phone: Phone, shop: Shop) -> None:
    assert phone.applies(shop).due.nonce != phone.applies(shop).due.nonce


def test_a_right_needs_no_money(phone: Phone, owner: Person) -> None:
    assert phone.applies(Shop.of(owner, "gate")).due.money is None


def test_a_repeated_application_is_told(phone: Phone, shop: Shop) -> None:
    asked = phone.applies(shop).asked
    assert shop.apply(phone.signs(asked)).refusal == (409, "serial_reused")
    assert state_of(phone) == ("active", "")


def test_with_its_key_an_application_is_answered_again(phone: Phone, shop: Shop) -> None:
    application = phone.signs(phone.asks(shop))
    headers = {"Idempotency-Key": "a"}
    first, again = (shop.apply(application, headers=headers) for _ in range(2))
    assert first.status == again.status == 200
    assert first.body == again.body
    assert Authorization.objects.count() == 1


def test_a_counter_below_the_last_is_stale_and_no_alarm(phone: Phone, shop: Shop) -> None:
    late = phone.asks(shop)
    phone.applies(shop)
    assert shop.apply(phone.signs(late)).refusal == (409, "serial_stale")
    assert state_of(phone) == ("active", "")


def test_one_counter_signed_twice_suspends_the_phone(phone: Phone, shop: Shop) -> None:
    exchange = phone.applies(shop)
    twice = phone.serial(exchange.asked.serial.counter)
    assert phone.refused(shop, serial=twice) == (409, "serial_stale")
    assert state_of(phone) == ("suspended", "cloned")
    assert AuditRow.objects.filter(action="offline.suspended", code="cloned").count() == 1
    # What was under way is stopped as well.
    assert exchange.brings().refusal == (403, "unknown_client")


def test_nobody_else_suspends_a_phone(phone: Phone, shop: Shop) -> None:
    exchange = phone.applies(shop)
    forged = phone.asks(shop, serial=phone.serial(exchange.asked.serial.counter))
    message = forged.sign(SigningKey.generate())
    assert shop.apply(message).refusal == (403, "unknown_client")
    assert state_of(phone) == ("active", "")


@pytest.mark.parametrize("seconds", [-121, 121])
def test_a_clock_that_is_far_off_is_stale(phone: Phone, shop: Shop, seconds: int) -> None:
    time = int(now().timestamp()) + seconds
    assert phone.refused(shop, time=time) == (409, "serial_stale")


def test_a_clock_may_be_two_minutes_off(phone: Phone, shop: Shop) -> None:
    phone.applies(shop, time=int(now().timestamp()) - 115)


def test_an_unknown_client_is_refused(phone: Phone, shop: Shop) -> None:
    serial = Serial(b"none", 1, bytes(8))
    assert phone.refused(shop, serial=serial) == (403, "unknown_client")


def test_a_suspended_client_is_refused_until_it_is_resumed(phone: Phone, shop: Shop) -> None:
    suspend_client(client=phone.row, actor="x", now=now())
    assert phone.refused(shop) == (403, "unknown_client")
    resume_client(client=phone.row, actor="x", now=now())
    phone.applies(shop)


def test_a_removed_client_is_refused(phone: Phone, shop: Shop) -> None:
    remove_client(client=phone.row, actor="x", now=now())
    assert phone.refused(shop) == (403, "unknown_client")


def test_a_removed_device_ends_its_client(phone: Phone, shop: Shop) -> None:
    row = phone.gadget.row
    remove_device(holder=phone.person.holder, uid=bytes(row.uid), now=now())
    assert phone.refused(shop) == (403, "unknown_client")
    assert phone.row.state == "removed"
    assert not phone.row.sealed_password


def test_a_holder_who_may_not_sign_in_is_refused(phone: Phone, shop: Shop) -> None:
    user = phone.person.holder.user
    user.is_active = False
    user.save()
    assert phone.refused(shop) == (403, "unknown_client")


def test_a_frozen_account_opens_nothing(phone: Phone, owner: Person, olga: Person) -> None:
    freeze(holder=phone.person.holder, operator=olga.holder, now=now())
    assert phone.refused(Shop.of(owner, "gate")) == (403, "account_frozen")


def test_a_device_that_stands_nowhere_relays_nothing(phone: Phone, shop: Shop) -> None:
    end_relay(relay=shop.relay, actor=shop.owner.holder, now=now())
    assert phone.refused(shop) == (403, "device_not_trusted")
    assert shop.gadget.call("GET", "/offline/relay").refusal == (403, "device_not_trusted")


def test_without_a_proof_of_a_device_nothing_is_relayed(phone: Phone, shop: Shop) -> None:
    body = {"application": to_base64(phone.signs(phone.asks(shop)))}
    assert shop.owner.call("POST", "/offline/apply", body).status == 401


def other_service(phone: Phone, shop: Shop) -> dict[str, Any]:
    return {"service": bytes(Shop.of(shop.owner).service.uid)}


@pytest.mark.parametrize(
    "changes",
    [
        {"service": bytes(8)},
        other_service,
        {"money": None},
        {"money": Money(250, "USD")},
        {"subject": bytes(8)},
    ],
    ids=["unknown", "another", "no money", "other currency", "a step"],
)
def test_what_is_not_offered_is_denied(phone: Phone, shop: Shop, changes: Any) -> None:
    if callable(changes):
        changes = changes(phone, shop)
    assert phone.refused(shop, **changes) == (403, "service_denied")


@pytest.mark.parametrize("field", ["suspended_at", "ended_at"])
def test_a_service_that_is_over_is_denied(phone: Phone, shop: Shop, field: str) -> None:
    Service.objects.update(**{field: now()})
    assert phone.refused(shop) == (403, "service_denied")


def test_a_service_for_others_is_denied(phone: Phone, owner: Person) -> None:
    assert phone.refused(Shop.of(owner, "gate", is_open=False)) == (403, "service_denied")


def test_money_at_a_gate_is_denied(phone: Phone, owner: Person) -> None:
    gate = Shop.of(owner, "gate")
    assert phone.refused(gate, money=Money(1, "EUR")) == (403, "service_denied")


def test_more_than_the_limit_is_refused_early(phone: Phone, shop: Shop, settings: Any) -> None:
    settings.OFFLINE_DAY_CAP = 249
    assert phone.refused(shop) == (403, "limit_exceeded")


@pytest.mark.parametrize("text", ["AAAA", "=", "\ud800", ""])
def test_what_is_no_message_is_refused(shop: Shop, text: str) -> None:
    answer = shop.gadget.call("POST", "/offline/apply", {"application": text})
    assert answer.refusal[0] in (400, 422)


def test_a_message_of_another_kind_is_refused(phone: Phone, shop: Shop) -> None:
    assert shop.apply(phone.code()).refusal == (422, "typ_wrong")


def test_without_keys_no_number_is_taken(phone: Phone, shop: Shop) -> None:
    asked = phone.signs(phone.asks(shop))
    PlatformKey.objects.filter(purpose="offline").update(to_day=1)
    signing._cache.clear()
    assert shop.apply(asked).refusal == (503, "keys_missing")
    assert phone.row.counter == 0


def test_a_relay_that_floods_is_slowed_down(phone: Phone, shop: Shop, settings: Any) -> None:
    settings.BILLING_CALLS_PER_MINUTE = 2
    exchange = phone.applies(shop)
    exchange.brings()
    assert phone.refused(shop) == (429, "rate_limited")
    assert exchange.brings().refusal == (429, "rate_limited")


def test_a_refused_application_leaves_one_audit_row_and_nothing_else(
    phone: Phone, shop: Shop
) -> None:
    before = AuditRow.objects.count()
    assert phone.refused(shop, service=bytes(8)) == (403, "service_denied")
    last = AuditRow.objects.latest("pk")
    assert AuditRow.objects.count() == before + 1
    assert (last.action, last.code) == ("request.refused", "service_denied")
    assert last.subject == phone.row.public_id
    assert phone.row.counter == 0
    assert not Authorization.objects.exists()


def stopped(phone: Phone) -> None:
    suspend_client(client=phone.row, actor="x", now=now())


def removed(phone: Phone) -> None:
    remove_client(client=phone.row, actor="x", now=now())


def without_device(phone: Phone) -> None:
    Device.objects.filter(pk=phone.gadget.row.pk).update(removed_at=now())


def without_sign_in(phone: Phone) -> None:
    phone.person.holder.user.is_active = False
    phone.person.holder.user.save()


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (stopped, "client_suspended"),
        (removed, "client_removed"),
        (without_device, "device_removed"),
        (without_sign_in, "holder_inactive"),
    ],
)
def test_why_a_phone_is_unknown_the_audit_alone_says(
    phone: Phone, shop: Shop, happens: Callable[[Phone], None], reason: str
) -> None:
    happens(phone)
    assert_audited(phone, phone.asks(shop), shop, ("unknown_client", reason))


def test_the_audit_says_that_somebody_else_signed(phone: Phone, shop: Shop) -> None:
    message = phone.asks(shop).sign(SigningKey.generate())
    assert shop.apply(message).refusal == (403, "unknown_client")
    last = AuditRow.objects.latest("pk")
    assert (last.code, last.subject) == ("signature_wrong", phone.row.public_id)


def test_the_audit_says_that_nobody_has_this_id(phone: Phone, shop: Shop) -> None:
    phone.refused(shop, serial=Serial(b"none", 1, bytes(8)))
    last = AuditRow.objects.latest("pk")
    assert (last.code, last.subject) == ("client_none", "/api/v1/offline/apply")


def test_why_a_number_is_stale_the_audit_alone_says(phone: Phone, shop: Shop) -> None:
    late = phone.asks(shop)
    used = phone.applies(shop).asked.serial
    assert_audited(phone, late, shop, ("serial_stale", "counter_late"))
    wrong = phone.asks(shop, time=int(now().timestamp()) + 121)
    assert_audited(phone, wrong, shop, ("serial_stale", "clock_wrong"))
    twice = phone.asks(shop, serial=phone.serial(used.counter))
    assert_audited(phone, twice, shop, ("serial_stale", "counter_copied"), more=1)


def assert_audited(
    phone: Phone, asked: Application, shop: Shop, due: tuple[str, str], *, more: int = 0
) -> None:
    """Have it refused; what is told and what is written down, in one row beside others."""
    before = AuditRow.objects.count()
    answer = shop.apply(phone.signs(asked))
    last = AuditRow.objects.latest("pk")
    assert (answer.refusal[1], last.code) == due
    assert due[1] not in answer.raw.decode()
    assert (last.action, last.subject) == ("request.refused", phone.row.public_id)
    assert AuditRow.objects.count() == before + 1 + more


class TestLevel:
    """The password is due when anybody who has a say wants it."""

    def test_without_a_reason_it_is_ordinary(self, phone: Phone, shop: Shop) -> None:
        assert phone.applies(shop).due.level is Level.ORDINARY

    @pytest.mark.parametrize(
        ("row", "asked"),
        [
            ({}, {"level": Level.HIGH}),
            ({"is_high": True}, {}),
            ({"high_from": 250}, {}),
            ({}, {"money": Money(2_500, "EUR")}),
            # A service cannot ask for less than the platform.
            ({"high_from": 9_000}, {"money": Money(2_500, "EUR")}),
        ],
        ids=["client", "service", "service's amount", "amount", "amount all the same"],
    )
    def test_it_is_high(
        self, phone: Phone, owner: Person, row: dict[str, Any], asked: dict[str, Any]
    ) -> None:
        phone.set_password()
        exchange = phone.applies(Shop.of(owner, **row), **asked)
        assert exchange.due.level is Level.HIGH
        assert exchange.row.way == "offline_high"

    def test_it_is_high_after_a_wrong_password(self, phone: Phone, shop: Shop) -> None:
        phone.set_password()
        Client.objects.update(failures=1)
        assert phone.applies(shop).due.level is Level.HIGH

    def test_it_takes_a_password_that_is_set(self, phone: Phone, shop: Shop) -> None:
        assert phone.refused(shop, level=Level.HIGH) == (403, "offline_password_not_set")

    def test_a_locked_password_locks_everything(self, phone: Phone, owner: Person) -> None:
        phone.set_password()
        Client.objects.update(failures=5, locked_at=now())
        assert phone.refused(Shop.of(owner, "gate")) == (423, "offline_password_locked")
