"""What owners offer to phones without a network: services, their devices, and for whom."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from audit.models import AuditRow
from binding.services import remove_device
from common.errors import InputInvalidError
from notices.models import Notice
from offline.errors import (
    AccountUnknownError,
    DeviceNotTrustedError,
    RelayElsewhereError,
    ServiceEndedError,
)
from offline.models import Authorization, Grant, Relay, Service
from offline.selectors import is_served, relay_of
from offline.services.relays import add_relay, end_relay
from offline.services.services import (
    change_service,
    create_service,
    end_service,
    grant,
    resume_service,
    suspend_service,
    ungrant,
)
from protocol.offline import Countersign
from tests.platform.gadgets import Gadget
from tests.platform.offline import Phone, Shop
from tests.platform.operators import operator
from tests.platform.world import Answer, Person, call, now

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def owner(db: None) -> Person:
    return Person.make("Olga")


@pytest.fixture
def gate(owner: Person) -> Service:
    return create_service(owner=owner.holder, title="Gate", kind="gate", now=now())


def changed(service: Service, **changes: Any) -> Service:
    said: dict[str, Any] = {
        "title": "Gate",
        "is_open": True,
        "is_high": False,
        "high_from": None,
        "takes_codes": False,
    }
    return change_service(service=service, now=now(), **{**said, **changes})


# --- What is offered


def test_a_new_service_is_open_to_everybody_at_the_ordinary_level(owner: Person) -> None:
    made = create_service(
        owner=owner.holder, title=" Cafe\u0301 ", kind="checkout", currency="EUR", now=now()
    )
    assert (made.title, made.is_open, made.is_high) == ("Caf\xe9", True, False)
    assert not made.takes_codes
    assert AuditRow.objects.get(action="service.created").subject == made.public_id


@pytest.mark.parametrize(
    ("title", "kind", "currency", "field"),
    [
        ("", "gate", "", "title"),
        ("x" * 61, "gate", "", "title"),
        ("a\u202eb", "gate", "", "title"),
        ("Gate", "door", "", "kind"),
        ("Gate", "gate", "EUR", "currency"),
        ("Till", "checkout", "", "currency"),
        ("Till", "checkout", "XXY", "currency"),
        ("Sign", "approval", "EUR", "currency"),
    ],
)
def test_a_service_that_breaks_a_rule_is_not_made(
    owner: Person, title: str, kind: str, currency: str, field: str
) -> None:
    with pytest.raises(InputInvalidError) as refused:
        create_service(owner=owner.holder, title=title, kind=kind, currency=currency, now=now())
    assert refused.value.extra["field"] == field
    assert not Service.objects.exists()


@pytest.mark.parametrize(
    "change", [{"high_from": 5}, {"takes_codes": True}, {"high_from": 0}, {"title": ""}]
)
def test_only_a_checkout_has_amounts(gate: Service, change: dict[str, Any]) -> None:
    with pytest.raises(InputInvalidError):
        changed(gate, **change)


def test_the_database_itself_refuses_a_gate_with_a_currency(gate: Service) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Service.objects.filter(pk=gate.pk).update(currency="EUR")


# --- For whom


def test_an_open_service_is_there_for_everybody(gate: Service, dora: Person) -> None:
    assert is_served(gate, dora.holder)


def test_a_closed_service_is_there_for_its_owner_and_for_those_named(
    gate: Service, owner: Person, dora: Person
) -> None:
    closed = changed(gate, is_open=False)
    assert is_served(closed, owner.holder)
    assert not is_served(closed, dora.holder)
    for _ in range(2):
        grant(service=closed, account=dora.holder.account, now=now())
    assert is_served(closed, dora.holder)
    assert not is_served(closed, Person.make("Emil").holder)
    for _ in range(2):
        ungrant(service=closed, account=dora.holder.account, now=now())
    assert not is_served(closed, dora.holder)
    assert (
        AuditRow.objects.filter(action__in=("service.granted", "service.ungranted")).count() == 2
    )


def test_nobody_is_let_in_whom_nobody_knows(gate: Service) -> None:
    with pytest.raises(AccountUnknownError):
        grant(service=gate, account="000000000000", now=now())
    assert not Grant.objects.exists()


def test_a_service_that_an_operator_stopped_is_there_for_nobody(
    gate: Service, owner: Person
) -> None:
    boss = operator("Otto").holder
    for _ in range(2):
        suspend_service(service=gate, operator=boss, now=now())
    assert not is_served(gate, owner.holder)
    resume_service(service=gate, operator=boss, now=now())
    assert is_served(gate, owner.holder)
    told = Notice.objects.filter(holder=owner.holder).order_by("pk")
    assert list(told.values_list("kind", flat=True)) == ["service_suspended", "service_resumed"]


def test_a_service_that_ended_is_there_for_nobody_and_never_again(
    gate: Service, owner: Person
) -> None:
    boss = operator("Otto").holder
    for _ in range(2):
        end_service(service=gate, now=now())
    assert not is_served(gate, owner.holder)
    with pytest.raises(ServiceEndedError):
        changed(gate)
    with pytest.raises(ServiceEndedError):
        grant(service=gate, account=owner.holder.account, now=now())
    assert suspend_service(service=gate, operator=boss, now=now()).suspended_at is None
    assert AuditRow.objects.filter(action="service.ended").count() == 1


# --- Devices that stand there


def test_a_device_stands_at_one_service_until_it_is_taken_away(
    gate: Service, owner: Person
) -> None:
    other = create_service(owner=owner.holder, title="Other", kind="gate", now=now())
    gadget = Gadget.of(owner, "Tablet")
    for _ in range(2):
        add_relay(service=gate, device=gadget.row, now=now())
    relay = relay_of(gadget.row)
    with pytest.raises(RelayElsewhereError):
        add_relay(service=other, device=gadget.row, now=now())
    assert relay_of(gadget.row).service == gate
    end_relay(relay=relay, actor=owner.holder, now=now())
    with pytest.raises(DeviceNotTrustedError):
        relay_of(gadget.row)
    assert add_relay(service=other, device=gadget.row, now=now()).service == other
    assert relay_of(gadget.row).service == other
    assert AuditRow.objects.filter(action="relay.added").count() == 2


def test_what_was_ended_elsewhere_ends_nothing_where_the_device_stands_now(
    gate: Service, owner: Person
) -> None:
    """An old page may still be open."""
    gadget = Gadget.of(owner, "Tablet")
    stale = add_relay(service=gate, device=gadget.row, now=now())
    end_relay(relay=stale, actor=owner.holder, now=now())
    other = create_service(owner=owner.holder, title="Other", kind="gate", now=now())
    add_relay(service=other, device=gadget.row, now=now())
    end_relay(relay=stale, actor=owner.holder, now=now())
    assert relay_of(gadget.row).service == other


def test_a_device_of_somebody_else_or_that_was_removed_never_relays(
    gate: Service, owner: Person, dora: Person
) -> None:
    own = Gadget.of(owner, "Tablet").row
    remove_device(holder=owner.holder, uid=bytes(own.uid), now=now())
    own.refresh_from_db()
    for device in (Gadget.of(dora, "Phone").row, own):
        with pytest.raises(DeviceNotTrustedError):
            add_relay(service=gate, device=device, now=now())
    assert not Relay.objects.exists()


def test_a_device_that_is_removed_relays_no_more(gate: Service, owner: Person) -> None:
    device = Gadget.of(owner, "Tablet").row
    add_relay(service=gate, device=device, now=now())
    remove_device(holder=owner.holder, uid=bytes(device.uid), now=now())
    with pytest.raises(DeviceNotTrustedError):
        relay_of(device)
    assert Relay.objects.get().ended_at is not None


def test_the_devices_of_a_service_that_ends_relay_no_more(gate: Service, owner: Person) -> None:
    device = Gadget.of(owner, "Tablet").row
    add_relay(service=gate, device=device, now=now())
    end_service(service=gate, now=now())
    with pytest.raises(DeviceNotTrustedError):
        relay_of(device)
    with pytest.raises(ServiceEndedError):
        add_relay(service=gate, device=device, now=now())


# --- Over the API


def test_an_owner_rules_a_service_over_the_api(owner: Person, dora: Person) -> None:
    made = call(
        "POST",
        "/offline/services",
        {"title": "Till", "kind": "checkout", "currency": "EUR"},
        key=owner.key,
    )
    assert made.status == 201, made
    path = f"/offline/services/{made.body['id']}"
    edit = {
        "title": "Till 2",
        "is_open": False,
        "is_high": True,
        "high_from": 500,
        "takes_codes": True,
    }
    answer = call("PUT", path, edit, key=owner.key)
    assert answer.body == {**made.body, **edit}
    account = dora.holder.account
    assert call("POST", f"{path}/grants", {"account": account}, key=owner.key).status == 201
    (row,) = call("GET", f"{path}/grants", key=owner.key).body
    assert row["account"] == account
    assert call("DELETE", f"{path}/grants/{account}", key=owner.key).status == 204
    assert call("GET", f"{path}/grants", key=owner.key).body == []
    device = Gadget.of(owner, "Tablet").row.public_id
    assert call("POST", f"{path}/relays", {"device": device}, key=owner.key).status == 201
    (relay,) = call("GET", f"{path}/relays", key=owner.key).body
    assert (relay["device"], relay["name"], relay["ended_at"]) == (device, "Tablet", None)
    assert call("POST", f"/offline/relays/{device}/end", key=owner.key).status == 204
    assert call("POST", f"/offline/relays/{device}/end", key=owner.key).status == 404
    assert call("POST", f"{path}/end", key=owner.key).body["ended_at"]
    (listed,) = call("GET", "/offline/services", key=owner.key).body
    assert listed["id"] == made.body["id"]


def everything_about(service: str) -> list[tuple[str, str, Any]]:
    path = f"/offline/services/{service}"
    edit = {"title": "x", "is_open": True, "is_high": False, "high_from": None}
    return [
        ("PUT", path, {**edit, "takes_codes": False}),
        ("POST", f"{path}/end", None),
        ("GET", f"{path}/grants", None),
        ("POST", f"{path}/grants", {"account": "000000000000"}),
        ("DELETE", f"{path}/grants/000000000000", None),
        ("GET", f"{path}/relays", None),
        ("POST", f"{path}/relays", {"device": "0" * 16}),
        ("GET", f"{path}/authorizations", None),
    ]


def test_a_service_is_its_owners_alone(gate: Service, dora: Person) -> None:
    before = Service.objects.values().get()
    for method, path, body in everything_about(gate.public_id):
        assert call(method, path, body, key=dora.key).status == 404, path
        assert call(method, path, body).status == 401, path
    assert Service.objects.values().get() == before


def test_a_device_is_taken_away_by_its_owner_alone(owner: Person, dora: Person) -> None:
    shop = Shop.of(owner, "gate")
    path = f"/offline/relays/{shop.gadget.row.public_id}/end"
    assert call("POST", path, key=dora.key).status == 404
    assert shop.relay.ended_at is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"title": "Gate"},
        {"title": "Gate", "kind": "door"},
        {"title": 5, "kind": "gate"},
        {"title": "Gate", "kind": "gate", "currency": "EURO"},
        {"title": "Gate", "kind": "gate", "owner": 1},
        {"title": "\ud800", "kind": "gate"},
        {"title": "x" * 5000, "kind": "gate"},
    ],
)
def test_hostile_services_are_refused(owner: Person, body: object) -> None:
    answer = call("POST", "/offline/services", body, key=owner.key)
    assert answer.status in (400, 422), answer
    assert not Service.objects.exists()


@pytest.mark.parametrize("uid", ["0" * 15, "zz" * 8, "%00", "..", "0" * 17])
def test_hostile_ids_find_nothing(owner: Person, uid: str) -> None:
    for method, path, body in everything_about(uid):
        answer: Answer = call(method, path, body, key=owner.key)
        assert answer.status in (404, 405, 422), (path, answer)


def test_an_owner_reads_who_was_served_and_of_others_only_that_they_asked(
    owner: Person,
) -> None:
    phone, shop = Phone.rich(), Shop.of(owner)
    assert phone.applies(shop).brings().status == 200
    refused = phone.applies(shop)
    assert refused.brings(phone.signs(Countersign(bytes(32)))).status == 403
    path = f"/offline/services/{shop.service.public_id}/authorizations"
    rows = call("GET", path, key=owner.key).body["results"]
    told = [(row["state"], row["code"], row["payer"]) for row in rows]
    assert told == [
        ("rejected", "countersign_invalid", None),
        ("approved", "approved", phone.person.holder.account),
    ]
    approved = Authorization.objects.get(state="approved")
    back = f"/payments/{rows[1]['payment']}/refunds"
    assert call("POST", back, {"amount": 250}, key=owner.key).body["refunded"] == 250
    receipt = f"/offline/authorizations/{approved.public_id}/receipt.cbor"
    assert call("GET", receipt, key=owner.key).status == 200
    assert call("GET", receipt, key=phone.person.key).status == 200
    assert call("GET", receipt, key=Person.make("Emil").key).status == 404
    missing = receipt.replace(approved.public_id, refused.row.public_id)
    for person in (owner, phone.person):
        assert call("GET", missing, key=person.key).status == 404
