"""Phones are registered and given their secrets while they are on-line."""

from typing import Any

import pytest

from audit.models import AuditRow
from billing.ledger.services import set_payment_password
from notices.models import Notice
from offline.errors import ClientStateError
from offline.models import Client
from offline.services.clients import (
    offline_password_key,
    remove_client,
    resume_client,
    suspend_client,
    unlock,
)
from protocol.jwk import from_base64
from protocol.keys import Purpose, open_certificate
from protocol.offline import Level, password_key
from tests.platform.gadgets import Gadget
from tests.platform.offline import PASSWORD, PAYPASS, Phone, Shop, offline_key
from tests.platform.phones import Phone as BoundPhone
from tests.platform.policies import set_policy
from tests.platform.world import Answer, Person, now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone_keys")]


@pytest.fixture
def phone() -> Phone:
    return Phone.rich()


def register(gadget: Gadget, password: str = PAYPASS, **more: Any) -> Answer:
    body = {"payment_password": password, **more}
    return gadget.call("POST", "/offline/client", body)


def set_password(phone: Phone, password: str, paypass: str = PAYPASS) -> Answer:
    body = {"payment_password": paypass, "password": password}
    return phone.gadget.call("POST", "/offline/client/password", body)


def test_a_phone_learns_whom_to_believe(phone: Phone) -> None:
    answer = phone.gadget.call("GET", "/offline/client")
    assert answer.status == 200, answer
    said = answer.body
    root = from_base64(said["root"])
    certificate = open_certificate(from_base64(said["certificates"]["offline"]), root)
    assert certificate.purpose is Purpose.OFFLINE
    assert certificate.key == offline_key()
    assert said["client"] == phone.client.public_id
    assert from_base64(said["box_key"]) == bytes(phone.client.box_key)
    assert from_base64(said["salt"]) == bytes(phone.client.salt)
    assert (said["state"], said["has_password"], said["is_locked"]) == ("active", False, False)
    assert (said["code_limit"], said["code_currency"]) == (0, "")
    assert [(limit["currency"], limit["day"]) for limit in said["limits"]] == [("EUR", 5_000)]
    assert phone.row.synced_at is not None


def test_a_relay_learns_where_it_stands() -> None:
    shop = Shop.of(Person.make("Shop"))
    said = shop.gadget.call("GET", "/offline/relay").body
    assert said["device"] == shop.gadget.row.public_id
    assert said["service"] == shop.service.public_id
    assert (said["title"], said["kind"], said["currency"]) == (
        "Corner checkout",
        "checkout",
        "EUR",
    )
    assert said["takes_codes"] is False
    assert set(said["certificates"]) == {"offline", "receipt"}


def test_to_register_again_answers_the_same(phone: Phone) -> None:
    first, again = register(phone.gadget), register(phone.gadget)
    assert first.body["client"] == again.body["client"] == phone.client.public_id
    assert Client.objects.count() == 1


def test_registering_takes_the_payment_password(phone: Phone) -> None:
    assert register(phone.gadget, "wrong one").refusal == (403, "paypass_wrong")


def test_without_a_payment_password_nobody_registers(dora: Person) -> None:
    assert register(Gadget.of(dora)).refusal == (409, "paypass_not_set")


def test_registering_takes_a_permit_where_the_policy_asks_for_one() -> None:
    bound = BoundPhone.bound(Person.make("Anna"))
    set_payment_password(holder=bound.person.holder, password=PAYPASS, now=now())
    set_policy(permits=["offline"])
    assert register(bound.gadget).refusal == (403, "permit_required")
    assert not Client.objects.exists()
    permit = bound.permit("offline").body["permit"]
    assert register(bound.gadget, permit=permit).status == 200


def test_what_is_no_client_learns_nothing(dora: Person) -> None:
    gadget = Gadget.of(dora)
    assert gadget.call("GET", "/offline/client").refusal == (403, "unknown_client")
    said = {"counter": 0, "entries": []}
    assert gadget.call("POST", "/offline/reconcile", said).refusal == (403, "unknown_client")


def test_a_removed_client_does_not_come_back(phone: Phone) -> None:
    remove_client(client=phone.row, actor="x", now=now())
    assert register(phone.gadget).refusal == (403, "unknown_client")
    with pytest.raises(ClientStateError):
        phone.set_password()


def test_the_password_is_kept_as_both_sides_hash_it(phone: Phone) -> None:
    answer = set_password(phone, PASSWORD)
    assert answer.body["has_password"] is True
    key = password_key(PASSWORD, bytes(phone.client.salt))
    assert offline_password_key(phone.row) == key
    assert key not in bytes(phone.row.sealed_password)
    assert PASSWORD not in str(AuditRow.objects.values_list())


def test_one_letter_has_one_form(phone: Phone) -> None:
    assert set_password(phone, "cafe\u0301 \uff11\uff12\uff13").status == 200
    key = password_key("caf\u00e9 123", bytes(phone.client.salt))
    assert offline_password_key(phone.row) == key


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 65, "111111", "123456", "password", PAYPASS, "correct horse battery"],
    ids=["short", "long", "one letter", "steps", "common", "payment's", "sign-in's"],
)
def test_a_weak_password_is_refused(phone: Phone, password: str) -> None:
    user = phone.person.holder.user
    user.set_password("correct horse battery")
    user.save()
    assert set_password(phone, password).refusal == (422, "offline_password_weak")
    assert not phone.row.sealed_password


def test_half_a_character_is_refused(phone: Phone) -> None:
    assert set_password(phone, "amber \ud800 orchard").refusal == (422, "input_invalid")


def test_setting_it_takes_the_payment_password(phone: Phone) -> None:
    assert set_password(phone, PASSWORD, "wrong one").refusal == (403, "paypass_wrong")


def test_who_tries_passwords_quickly_is_slowed_down(phone: Phone, settings: Any) -> None:
    settings.BILLING_CALLS_PER_MINUTE = 2
    # To add itself was a call as well.
    assert [set_password(phone, "short").status for _ in range(2)] == [422, 429]


def test_a_new_password_unlocks(phone: Phone) -> None:
    phone.set_password()
    Client.objects.update(failures=5, locked_at=now())
    assert set_password(phone, "amber orchard two").body["is_locked"] is False
    assert (phone.row.failures, phone.row.locked_at) == (0, None)
    exchange = phone.applies(Shop.of(Person.make("Shop")), level=Level.HIGH)
    assert exchange.brings_sealed(password="amber orchard two").status == 200


def test_unlocking_takes_the_payment_password(phone: Phone) -> None:
    Client.objects.update(failures=5, locked_at=now())
    with pytest.raises(Exception, match="payment password is wrong"):
        unlock(client=phone.row, payment_password="wrong one", now=now())
    assert phone.row.locked_at is not None


def test_each_change_is_told_and_written_down(phone: Phone) -> None:
    phone.set_password()
    suspend_client(client=phone.row, actor="holder:1", now=now())
    suspend_client(client=phone.row, actor="holder:1", now=now())
    resume_client(client=phone.row, actor="holder:1", now=now())
    remove_client(client=phone.row, actor="holder:1", now=now())
    remove_client(client=phone.row, actor="holder:1", now=now())
    actions = AuditRow.objects.filter(action__startswith="offline.").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "offline.added",
        "offline.password_set",
        "offline.suspended",
        "offline.resumed",
        "offline.removed",
    ]
    told = Notice.objects.filter(kind__startswith="offline_").order_by("pk")
    assert list(told.values_list("kind", flat=True)) == [
        "offline_added",
        "offline_password",
        "offline_stopped",
        "offline_resumed",
    ]


@pytest.mark.parametrize(
    ("first", "then", "left"),
    [
        ("holder", "operator", "operator"),
        ("holder", "cloned", "cloned"),
        ("operator", "cloned", "cloned"),
        ("operator", "holder", "operator"),
        ("cloned", "operator", "cloned"),
        ("cloned", "holder", "cloned"),
    ],
)
def test_a_stopped_phone_is_stopped_again_for_a_graver_reason_alone(
    phone: Phone, first: str, then: str, left: str
) -> None:
    for reason in (first, then):
        suspend_client(client=phone.row, actor="x", reason=reason, now=now())
    assert (phone.row.state, phone.row.reason) == ("suspended", left)
    stops = AuditRow.objects.filter(action="offline.suspended").order_by("pk")
    assert list(stops.values_list("code", flat=True)) == list(dict.fromkeys([first, left]))


@pytest.mark.parametrize("reason", ["operator", "cloned"])
def test_what_an_operator_has_to_look_at_a_holder_does_not_resume(
    phone: Phone, reason: str
) -> None:
    suspend_client(client=phone.row, actor="x", reason=reason, now=now())
    with pytest.raises(ClientStateError):
        resume_client(client=phone.row, actor="x", now=now())
    resume_client(client=phone.row, actor="x", is_operator=True, now=now())
    assert (phone.row.state, phone.row.reason) == ("active", "")
    with pytest.raises(ClientStateError):
        resume_client(client=phone.row, actor="x", is_operator=True, now=now())
