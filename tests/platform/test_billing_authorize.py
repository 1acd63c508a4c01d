"""A status code for who has paid, on as many devices as were paid for; flow B, steps 3 to 5."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from audit.models import AuditRow
from billing.entitlements.models import DeviceSlot, Entitlement, Resource, StatusCode, Version
from billing.ledger.services import freeze
from protocol.ed25519 import SigningKey
from signing.services import create_keys
from tests.platform.billing import Copy, on_sale, pay
from tests.platform.gadgets import Gadget
from tests.platform.phones import Phone
from tests.platform.policies import set_policy
from tests.platform.world import Person, now


@pytest.fixture(autouse=True)
def own_world(db: None, settings: Any, tmp_path: Path) -> None:
    settings.RESOURCE_STORE = tmp_path
    create_keys(root=SigningKey.generate(), now=now())


@pytest.fixture
def dev(db: None) -> Person:
    """A developer."""
    return Person.make("Dev")


@pytest.fixture
def version(dev: Person) -> Version:
    """A picture on sale."""
    return on_sale(dev)


@pytest.fixture
def copy(dora: Person, version: Version) -> Copy:
    """A copy on Dora's device, not paid for."""
    return Copy(version, Gadget.of(dora), dora)


def test_who_has_paid_gets_a_code(copy: Copy, dora: Person) -> None:
    pay(dora, copy.version.resource)
    answer = copy.ask()

    assert answer.status == 200, answer
    code = answer.body["status_code"]
    assert len(code) == 26
    assert set(code) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    row = StatusCode.objects.get()
    assert row.expires_at - row.issued_at == timedelta(seconds=60)
    assert row.state == "issued"
    assert code.encode() not in bytes(row.code_hash)
    audit = AuditRow.objects.get(action="billing.authorized")
    assert (audit.actor, audit.subject) == (copy.gadget.row.actor, str(copy.version.resource))


@pytest.mark.parametrize("kind", Resource.Kind)
@pytest.mark.parametrize("has_paid", [True, False])
@pytest.mark.parametrize("is_right", [True, False])
def test_only_who_has_paid_for_this_very_resource_gets_one(
    dora: Person, dev: Person, kind: str, *, has_paid: bool, is_right: bool
) -> None:
    asked, other = on_sale(dev, kind), on_sale(dev, kind)
    if has_paid:
        pay(dora, asked.resource if is_right else other.resource)
    answer = Copy(asked, Gadget.of(dora), dora).ask()
    assert (answer.status == 200) == (has_paid and is_right)
    assert StatusCode.objects.count() == int(has_paid and is_right)


def test_who_has_not_paid_is_told_the_price_and_where_to(copy: Copy) -> None:
    answer = copy.ask()
    assert answer.refusal == (402, "not_paid")
    assert (answer.body["price"], answer.body["currency"]) == (499, "EUR")
    assert answer.body["order_url"] == f"http://localhost:8000/shop/{copy.version.resource}"
    is_left_alone(copy)


def is_left_alone(copy: Copy) -> None:
    """A refusal leaves one audit row, and nothing else."""
    assert not StatusCode.objects.exists()
    assert not DeviceSlot.objects.exists()
    refused = AuditRow.objects.filter(action="request.refused", actor=copy.gadget.row.actor)
    assert refused.count() == 1


@pytest.mark.parametrize(
    ("bought", "refusal"),
    [
        ({"state": "pending_payment"}, (402, "not_paid")),
        ({"state": "expired"}, (402, "entitlement_expired")),
        ({"term": "until", "days": -1}, (402, "entitlement_expired")),
        ({"term": "metered", "uses": 0}, (402, "entitlement_expired")),
        ({"state": "refunded"}, (402, "entitlement_refunded")),
        ({"state": "suspended"}, (403, "entitlement_closed")),
        ({"state": "revoked"}, (403, "entitlement_closed")),
    ],
)
def test_what_is_over_gives_no_code(
    copy: Copy, dora: Person, bought: dict[str, Any], refusal: tuple[int, str]
) -> None:
    bought = {key: value for key, value in bought.items() if value != -1}
    entitlement = pay(dora, copy.version.resource, **bought)
    if "term" in bought:
        Entitlement.objects.filter(pk=entitlement.pk).update(
            expires_at=now(), uses_left=bought.get("uses")
        )
    answer = copy.ask()
    assert answer.refusal == refusal
    assert ("price" in answer.body) == (refusal[0] == 402)
    is_left_alone(copy)


def test_what_was_bought_again_opens_again(copy: Copy, dora: Person) -> None:
    pay(dora, copy.version.resource, state="refunded")
    pay(dora, copy.version.resource)
    assert copy.ask().status == 200


def test_a_use_is_not_spent_where_something_without_a_count_would_do(
    copy: Copy, dora: Person
) -> None:
    pay(dora, copy.version.resource)
    pay(dora, copy.version.resource, term="metered", uses=3)
    copy.code()
    assert StatusCode.objects.get().entitlement.term == "permanent"


@pytest.mark.parametrize(
    "changes",
    [
        {"resource_id": "0" * 16},
        {"resource_version": 2},
        {"resource_build_digest": "0" * 64},
    ],
)
def test_an_unknown_resource_has_no_code(
    copy: Copy, dora: Person, changes: dict[str, Any]
) -> None:
    pay(dora, copy.version.resource)
    assert copy.ask(**changes).refusal == (404, "unknown_resource")
    assert not StatusCode.objects.exists()


def test_a_draft_is_unknown_but_to_who_bought_it_before(copy: Copy, dora: Person) -> None:
    Resource.objects.update(state="draft")
    assert copy.ask().refusal == (404, "unknown_resource")
    pay(dora, copy.version.resource)
    assert copy.ask().status == 200


def test_a_withdrawn_resource_is_not_used_any_more(copy: Copy, dora: Person) -> None:
    pay(dora, copy.version.resource)
    Resource.objects.update(state="withdrawn")
    assert copy.ask().refusal == (410, "resource_withdrawn")
    is_left_alone(copy)


def test_a_withdrawn_version_is_not_used_any_more(copy: Copy, dora: Person) -> None:
    pay(dora, copy.version.resource)
    Version.objects.update(withdrawn_at=now())
    assert copy.ask().refusal == (410, "resource_withdrawn")


SIM = {"msisdn": "+491511234567", "sim": "8949000000000000000"}


@pytest.mark.parametrize(
    "identity",
    [{}, {"account": ""}, SIM, {"account": "1" * 12}, {"msisdn": SIM["msisdn"]}, {"sim": "1"}],
)
def test_a_request_names_the_account_of_its_device(
    copy: Copy, dora: Person, identity: dict[str, str]
) -> None:
    pay(dora, copy.version.resource)
    account = {"account": dora.account} if len(identity) == 1 and "account" not in identity else {}
    refused = copy.ask(identity={**account, **identity})
    assert refused.refusal == (422, "identity_incomplete")
    is_left_alone(copy)


def test_what_is_said_of_the_sim_is_kept_nowhere(copy: Copy, dora: Person) -> None:
    pay(dora, copy.version.resource)
    assert copy.ask(identity={"account": dora.account, **SIM}).status == 200
    rows = [*StatusCode.objects.values(), *AuditRow.objects.values()]
    assert not any(value in str(rows) for value in SIM.values())


def test_nobody_uses_what_somebody_else_has_paid_for(copy: Copy, dora: Person) -> None:
    pay(dora, copy.version.resource)
    eve = Person.make("Eve")
    copied = Copy(copy.version, Gadget.of(eve), eve)
    assert copied.ask().refusal == (402, "not_paid")
    assert copied.ask(identity={"account": dora.account}).refusal == (422, "identity_incomplete")


def test_a_frozen_account_uses_nothing(copy: Copy, dora: Person, olga: Person) -> None:
    pay(dora, copy.version.resource)
    freeze(holder=dora.holder, operator=olga.holder, now=now())
    assert copy.ask().refusal == (403, "account_frozen")
    is_left_alone(copy)


def test_there_are_as_many_devices_as_were_paid_for(dora: Person, dev: Person) -> None:
    version = on_sale(dev, device_limit=2)
    pay(dora, version.resource)
    first, second, third = (Copy(version, Gadget.of(dora), dora) for _ in range(3))
    assert first.ask().status == second.ask().status == 200

    answer = third.ask()
    assert answer.refusal == (403, "device_limit")
    assert answer.body["limit"] == 2
    assert StatusCode.objects.filter(device=third.gadget.row).count() == 0
    # The devices that have a place keep it.
    first.rnonce = bytes(16)
    assert first.ask().status == 200


def test_a_removed_device_makes_room_and_its_codes_are_void(dora: Person, dev: Person) -> None:
    version = on_sale(dev, device_limit=1)
    pay(dora, version.resource)
    old, new = (Copy(version, Gadget.of(dora), dora) for _ in range(2))
    code = old.code()
    assert new.ask().refusal == (403, "device_limit")

    assert dora.call("POST", f"/devices/{old.gadget.row}/remove").status == 204

    assert old.ask().refusal == (401, "device_proof_invalid")
    assert old.present(code).refusal == (403, "status_code_invalid")
    assert new.ask().status == 200


def test_a_device_that_calls_too_often_waits(copy: Copy, dora: Person, settings: Any) -> None:
    settings.BILLING_CALLS_PER_MINUTE = 2
    # Adding it was one call; those that are refused count, too.
    with time_machine.travel(now() + timedelta(minutes=1), tick=False):
        assert copy.ask().refusal == (402, "not_paid")
        pay(dora, copy.version.resource)
        assert copy.ask().status == 200
        answer = copy.ask(rnonce="0" * 32)
    assert answer.refusal == (429, "rate_limited")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    with time_machine.travel(now() + timedelta(minutes=2), tick=False):
        assert copy.ask(rnonce="0" * 32).status == 200


def test_a_copy_draws_a_new_rnonce_each_time(copy: Copy, dora: Person) -> None:
    pay(dora, copy.version.resource)
    copy.code()
    assert copy.ask().refusal == (409, "rnonce_used")
    assert StatusCode.objects.count() == 1


def test_the_policy_may_ask_for_the_phone(copy: Copy, dora: Person) -> None:
    pay(dora, copy.version.resource)
    set_policy(permits=["billing"])
    assert copy.ask().refusal == (403, "permit_required")
    assert copy.ask(headers={"Permit": "A" * 22}).refusal == (403, "permit_required")
    assert not StatusCode.objects.exists()
    assert not DeviceSlot.objects.exists()


def test_a_permit_of_the_bound_phone_lets_it_pass_once(copy: Copy, dora: Person) -> None:
    phone = Phone.bound(dora)
    set_policy(permits=["billing"])
    permit = {"Permit": phone.permit("billing").body["permit"]}
    # A request that is refused for something else leaves it as it was.
    assert copy.ask(headers=permit).refusal == (402, "not_paid")
    pay(dora, copy.version.resource)
    assert copy.ask(headers=permit).status == 200
    copy.rnonce = bytes(16)
    assert copy.ask(headers=permit).refusal == (403, "permit_required")
    assert copy.ask().refusal == (403, "permit_required")


def test_a_permit_for_something_else_is_none(copy: Copy, dora: Person) -> None:
    phone = Phone.bound(dora)
    pay(dora, copy.version.resource)
    set_policy(permits=["billing"])
    permit = {"Permit": phone.permit("message").body["permit"]}
    assert copy.ask(headers=permit).refusal == (403, "permit_required")


def test_without_a_proof_by_a_device_nothing_is_said(copy: Copy, dora: Person) -> None:
    pay(dora, copy.version.resource)
    stranger = Copy(copy.version, Gadget(), dora)
    assert stranger.ask().refusal == (401, "device_proof_invalid")


@pytest.mark.parametrize(
    "changes",
    [
        {"operation": "resell"},
        {"rnonce": "0" * 31},
        {"rnonce": "é" * 32},
        {"resource_id": "x"},
        {"resource_version": 0},
        {"resource_version": 2**31},
        {"resource_version": "1"},
        {"resource_build_digest": ""},
        {"resource_key": "!" * 43},
        {"resource_key": "A" * 42 + "B"},
        {"resource_key": ""},
        {"identity": {"account": "1", "level": "high"}},
        {"identity": None},
        {"price": 0},
    ],
)
def test_what_is_malformed_is_refused_before_anything_is_looked_up(
    copy: Copy, changes: dict[str, Any]
) -> None:
    assert copy.ask(**changes).status == 422
    is_left_alone(copy)
