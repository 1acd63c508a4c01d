"""A phone is replaced, stopped, let go on and ended; nobody else does it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from audit.models import AuditRow
from billing.ledger.services import set_payment_password
from binding.models import Binding
from binding.services import suspend, tidy_phones
from notices.models import Notice
from tests.platform.phones import Phone, Sim
from tests.platform.world import Answer, Person, everything_stored, now
from transactions.services import leave

pytestmark = pytest.mark.usefixtures("phone_keys")

PASSPHRASE = "seven-otters"
DAY = timedelta(hours=24)


@pytest.fixture
def phone(dora: Person) -> Phone:
    """Dora's phone, bound; she has a payment password."""
    set_payment_password(holder=dora.holder, password=PASSPHRASE, now=now())
    return Phone.bound(dora)


@pytest.fixture
def new(phone: Phone) -> Phone:
    """Dora's new phone with her SIM in it: its number is proved."""
    new = Phone.of(phone.person, sim=phone.sim)
    answer = new.prove(new.register())
    assert answer.body["state"] == "pending_proof"
    assert answer.body["waits_for_consent"] is True
    return new


def approve(phone: Phone, password: str = PASSPHRASE) -> Answer:
    """Have the holder agree."""
    path = f"/bindings/{phone.row.public_id}/approve"
    return phone.person.call("POST", path, {"payment_password": password})


def act(phone: Phone, action: str, body: object = None, by: Person | None = None) -> Answer:
    path = f"/bindings/{phone.row.public_id}/{action}"
    return (by or phone.person).call("POST", path, body)


def resume(phone: Phone, password: str = PASSPHRASE) -> Answer:
    return act(phone, "resume", {"payment_password": password})


# Another phone takes its place.


def test_a_new_phone_waits_and_the_old_one_goes_on(phone: Phone, new: Phone) -> None:
    assert phone.permit().status == 201
    assert new.permit().refusal == (403, "not_bound")
    notice = Notice.objects.get(kind="phone_waits")
    assert (notice.email, notice.page) == (phone.person.email, f"/phones/{new.row.public_id}")


def test_the_old_phone_agrees_and_the_new_one_is_bound_at_once(phone: Phone, new: Phone) -> None:
    answer = phone.gadget.call("POST", f"/binding/{new.row.public_id}/approve")
    assert (answer.status, answer.body["state"]) == (200, "bound")
    assert new.permit().status == 201
    assert (phone.row.state, phone.row.reason) == ("revoked", "rebound")
    assert phone.permit().refusal == (403, "not_bound")


def test_cooling_off_for_24_hours_without_the_old_phone(phone: Phone, new: Phone) -> None:
    before = everything_stored()
    answer = approve(new)
    assert answer.refusal == (409, "cooling_off")
    until = new.row.may_bind_at
    assert until
    assert answer.body["until"] == until.isoformat()
    assert everything_stored() == before
    with time_machine.travel(until - timedelta(seconds=1), tick=False):
        assert approve(new).refusal == (409, "cooling_off")
    with time_machine.travel(until, tick=False):
        assert approve(new).body["state"] == "bound"
    assert phone.row.state == "revoked"


def test_paypass_wrong_after_24_hours(phone: Phone, new: Phone) -> None:
    with time_machine.travel(now() + DAY, tick=False):
        assert approve(new, "wrong-otters").refusal == (403, "paypass_wrong")
    assert new.row.state == "pending_proof"


def test_the_number_of_the_new_phone_has_to_be_proved_by_a_new_sms(phone: Phone) -> None:
    new = Phone.of(phone.person, sim=phone.sim)
    assert new.register().status == 201
    with time_machine.travel(now() + DAY, tick=False):
        assert approve(new).refusal == (404, "not_found")
    answer = phone.gadget.call("POST", f"/binding/{new.row.public_id}/approve")
    assert answer.refusal == (404, "not_found")


def test_a_stopped_phone_agrees_to_nothing(phone: Phone, new: Phone) -> None:
    suspend(phone.row, reason="reported", actor="system", now=now())
    answer = phone.gadget.call("POST", f"/binding/{new.row.public_id}/approve")
    assert answer.refusal == (409, "binding_state_wrong")


def test_a_phone_agrees_to_no_other_sim_in_itself(phone: Phone) -> None:
    phone.sim = Sim()
    assert phone.prove(phone.register()).body["waits_for_consent"] is True
    answer = phone.gadget.call("POST", f"/binding/{phone.row.public_id}/approve")
    assert answer.refusal == (404, "not_found")
    with time_machine.travel(now() + DAY, tick=False):
        assert approve(phone).body["state"] == "bound"
    assert phone.permit().status == 201


def test_nobody_but_the_old_phone_and_the_holder_agrees(new: Phone) -> None:
    third, stranger = Phone.bound(new.person), Phone.bound(Person.make("Ed"))
    for other in (new, third, stranger):
        answer = other.gadget.call("POST", f"/binding/{new.row.public_id}/approve")
        assert answer.refusal == (404, "not_found")
    with time_machine.travel(now() + DAY, tick=False):
        answer = act(new, "approve", {"payment_password": PASSPHRASE}, by=stranger.person)
        assert answer.refusal == (404, "not_found")


def test_the_holder_refuses_a_phone_that_waits(phone: Phone, new: Phone) -> None:
    assert act(new, "revoke").body["state"] == "revoked"
    with time_machine.travel(now() + DAY, tick=False):
        assert approve(new).refusal == (404, "not_found")
    assert phone.row.state == "bound"


def test_what_nobody_agrees_to_comes_to_nothing_after_a_week(new: Phone) -> None:
    tidy_phones(now=now() + DAY + timedelta(days=6))
    assert new.row.state == "pending_proof"
    tidy_phones(now=now() + DAY + timedelta(days=7, minutes=1))
    assert (new.row.state, new.row.reason) == ("revoked", "not_proved")


# Stopped, let go on, ended.


def test_a_stolen_phone_is_stopped_by_its_holder(phone: Phone) -> None:
    answer = act(phone, "suspend")
    assert (answer.body["state"], answer.body["reason"]) == ("suspended", "reported")
    assert phone.permit().refusal == (423, "binding_suspended")
    assert act(phone, "suspend").refusal == (409, "binding_state_wrong")


def test_a_phone_goes_on_with_the_payment_password(phone: Phone) -> None:
    act(phone, "suspend")
    assert resume(phone, "wrong-otters").refusal == (403, "paypass_wrong")
    assert resume(phone).body["state"] == "bound"
    assert phone.permit().status == 201
    assert Notice.objects.filter(kind="phone_released").count() == 1
    assert resume(phone).refusal == (409, "binding_state_wrong")


@pytest.mark.parametrize("reason", ["sim_swap", "operator"])
def test_only_an_operator_lets_go_on_what_others_stopped(phone: Phone, reason: str) -> None:
    suspend(phone.row, reason=reason, actor="operator:1", now=now())
    assert resume(phone).refusal == (423, "binding_suspended")
    assert phone.row.state == "suspended"


def test_a_removed_device_never_goes_on(phone: Phone) -> None:
    device = phone.gadget.row.public_id
    phone.person.call("POST", f"/devices/{device}/remove")
    Binding.objects.update(reason="reported")
    assert resume(phone).refusal == (409, "binding_state_wrong")


def test_an_ended_phone_never_comes_back_and_gives_its_parts_free(phone: Phone) -> None:
    assert act(phone, "revoke").body["state"] == "revoked"
    assert phone.permit().refusal == (403, "not_bound")
    assert resume(phone).refusal == (409, "binding_state_wrong")
    assert act(phone, "revoke").refusal == (409, "binding_state_wrong")
    with time_machine.travel(now() + DAY, tick=False):
        assert phone.prove(phone.register()).body["state"] == "bound"


def test_to_end_a_phone_first_does_not_go_round_the_cool_off(phone: Phone) -> None:
    act(phone, "revoke")
    new = Phone.of(phone.person, sim=phone.sim)
    assert new.prove(new.register()).body["waits_for_consent"] is True
    answer = phone.gadget.call("POST", f"/binding/{new.row.public_id}/approve")
    assert answer.refusal == (409, "binding_state_wrong")
    assert approve(new).refusal == (409, "cooling_off")
    with time_machine.travel(now() + DAY, tick=False):
        assert approve(new).body["state"] == "bound"


def test_what_an_operator_stopped_is_neither_ended_nor_replaced(phone: Phone) -> None:
    suspend(phone.row, reason="operator", actor="operator:1", now=now())
    assert act(phone, "revoke").refusal == (423, "binding_suspended")
    new = Phone.of(phone.person, sim=phone.sim)
    assert new.register().refusal == (423, "binding_suspended")
    assert phone.row.state == "suspended"


def test_of_who_leaves_neither_number_nor_sim_is_kept(phone: Phone) -> None:
    before = phone.row
    assert leave(holder=phone.person.holder, now=now())
    after = phone.row
    assert after.state == "revoked"
    assert (after.sealed_number, after.number_tail) == (b"", "")
    assert {bytes(after.sim_hash), bytes(after.number_hash)}.isdisjoint(
        {bytes(before.sim_hash), bytes(before.number_hash)}
    )


@pytest.mark.parametrize("action", ["suspend", "revoke"])
def test_nobody_touches_the_phone_of_somebody_else(phone: Phone, action: str) -> None:
    assert act(phone, action, by=Person.make("Ed")).refusal == (404, "not_found")
    assert phone.row.state == "bound"


def test_paypass_not_set_keeps_a_phone_stopped() -> None:
    phone = Phone.bound(Person.make("Ed"))
    act(phone, "suspend")
    assert resume(phone).refusal == (409, "paypass_not_set")


def test_every_change_is_told_by_email_and_written_down(phone: Phone) -> None:
    steps: list[Callable[[], Answer]] = [
        lambda: act(phone, "suspend"),
        lambda: resume(phone),
        lambda: act(phone, "revoke"),
    ]
    for step in steps:
        assert step().status == 200
    rows = AuditRow.objects.filter(subject=phone.row.public_id).order_by("pk")
    assert [row.action.removeprefix("binding.") for row in rows] == [
        "registered",
        "bound",
        "suspended",
        "resumed",
        "revoked",
    ]
    kinds = Notice.objects.filter(page=f"/phones/{phone.row.public_id}").order_by("pk")
    assert [notice.kind for notice in kinds] == [
        "phone_bound",
        "phone_stopped",
        "phone_released",
        "phone_stopped",
    ]
