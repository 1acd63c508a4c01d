"""A phone is registered: its hardware is read, its number is proved, and then it is bound."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from audit.models import AuditRow
from binding.models import Binding, NumberProof
from binding.services import tidy_phones
from notices.models import Notice, SmsMessage
from tests.platform.phones import Phone, Sim, TestChip, code_to, send_sms_from, sms_to
from tests.platform.world import Person, everything_as_bytes, now

pytestmark = pytest.mark.usefixtures("phone_keys")


def test_a_phone_is_bound_by_the_code_that_was_sent_to_it(dora: Person) -> None:
    phone = Phone.of(dora)
    registered = phone.register()
    assert registered.status == 201
    assert registered.body["state"] == "pending_proof"
    assert registered.body["send_to"] is registered.body["text"] is None

    answer = phone.prove(registered)

    assert answer.status == 200
    assert answer.body["state"] == "bound"
    (shown,) = phone.gadget.call("GET", "/binding").body
    assert (shown["state"], shown["number"]) == ("bound", f"…{phone.sim.number[-4:]}")


def test_a_phone_is_bound_by_the_sms_that_it_sends(dora: Person) -> None:
    phone = Phone.of(dora)
    registered = phone.register(proof="from_phone")
    assert registered.body["send_to"] == "+12025550100"
    assert not SmsMessage.objects.exists()

    assert send_sms_from(phone.sim.number, f" {registered.body['text'].lower()} ")

    assert phone.row.state == "bound"


@pytest.mark.parametrize("change", ["sender", "code", "words", "late"])
def test_an_sms_proves_its_own_number_by_its_own_code(dora: Person, change: str) -> None:
    phone = Phone.of(dora)
    text = phone.register(proof="from_phone").body["text"]
    sender = Sim().number if change == "sender" else phone.sim.number
    text = {"code": "CS AAAAAAAAAAAAAAAA", "words": f"{text} please"}.get(change, text)
    with time_machine.travel(now() + timedelta(minutes=10 if change == "late" else 0), tick=False):
        send_sms_from(sender, text)
    assert phone.row.state == "pending_proof"


def test_a_code_that_was_sent_to_the_phone_is_none_to_send_from_it(dora: Person) -> None:
    phone = Phone.of(dora)
    registered = phone.register(proof="from_phone")
    path = f"/binding/{registered.body['binding']}/proof"
    assert phone.gadget.call("POST", path, {"code": "000000"}).refusal == (410, "sms_code_expired")


def test_its_holder_hears_of_it_by_email_and_the_operator_can_read_it(dora: Person) -> None:
    phone = Phone.bound(dora)
    notice = Notice.objects.get(kind="phone_bound")
    assert (notice.email, notice.page) == (dora.email, f"/phones/{phone.row.public_id}")
    rows = AuditRow.objects.filter(subject=phone.row.public_id).order_by("pk")
    assert [row.action for row in rows] == ["binding.registered", "binding.bound"]


def test_neither_serial_nor_sim_nor_number_nor_code_is_stored_in_clear(dora: Person) -> None:
    phone = Phone.of(dora)
    registered = phone.register()
    code = code_to(phone.sim.number)
    assert phone.prove(registered, code).status == 200
    assert phone.permit().status == 201
    stored = everything_as_bytes()
    for secret in (phone.chip.serial, phone.sim.code, phone.sim.number, phone.sim.number[1:]):
        assert secret.encode() not in stored
    assert f" {code}".encode() not in stored


@pytest.mark.parametrize(
    "missing", ["registration_number", "chip_serial", "sim_code", "comm_number", "chip_proof"]
)
def test_each_of_what_is_registered_is_needed(dora: Person, missing: str) -> None:
    phone = Phone.of(dora)
    left_out: dict[str, Any] = {missing: None}
    assert phone.register(**left_out).refusal == (422, "input_invalid")
    assert not Binding.objects.exists()


def test_reg_number_mismatch(dora: Person) -> None:
    phone = Phone.of(dora)
    answer = phone.register(registration_number=Sim().number)
    assert answer.refusal == (422, "reg_number_mismatch")
    assert not Binding.objects.exists()


def test_the_number_may_be_typed_as_people_write_it(dora: Person) -> None:
    phone = Phone.of(dora, sim=Sim(number="+4915112345678"))
    assert phone.register(registration_number="+49 (151) 123-456 78").status == 201


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("registration_number", "0", "number_invalid"),
        ("comm_number", "12", "number_invalid"),
        ("sim_code", "89", "value_out_of_range"),
        ("chip_serial", "é", "text_refused"),
        ("chip_serial", "", "text_empty"),
        ("chip_proof", "~", "encoding_invalid"),
        ("proof", "by_letter", "input_invalid"),
    ],
)
def test_what_cannot_be_is_refused(dora: Person, field: str, value: str, code: str) -> None:
    phone = Phone.of(dora)
    answer = phone.register(**{field: value})
    assert answer.refusal == (422, code)
    assert value == "" or value not in answer.body["detail"] or len(value) < 3


def test_no_sim(dora: Person) -> None:
    assert Phone.of(dora).register(sim_code="").refusal == (422, "no_sim")


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": bytes(16)},
        {"purpose": "billing"},
        {"sim": "8949000000000000000"},
        {"number": "+4915112000000"},
        {"device": bytes(32)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_chip_proof_invalid_when_the_chip_signed_something_else(
    dora: Person, change: dict[str, Any]
) -> None:
    phone = Phone.of(dora)
    shown = phone.shown("register", **change)
    answer = phone.register(chip_proof=shown["chip_proof"])
    assert answer.refusal == (403, "chip_proof_invalid")
    assert not Binding.objects.exists()


def test_chip_proof_invalid_of_a_chip_that_no_manufacturer_listed(dora: Person) -> None:
    assert Phone.of(dora, chip=TestChip()).register().refusal == (403, "chip_proof_invalid")


def test_chip_proof_invalid_by_another_chip(dora: Person) -> None:
    phone = Phone.of(dora)
    phone.chip.key = TestChip().key
    assert phone.register().refusal == (403, "chip_proof_invalid")


def test_chip_proof_invalid_when_the_challenge_is_too_old(dora: Person) -> None:
    phone = Phone.of(dora)
    shown = phone.shown("register")
    with time_machine.travel(now() + timedelta(minutes=2), tick=False):
        assert phone.register(**shown).refusal == (403, "chip_proof_invalid")


def test_a_chip_proof_works_once(dora: Person) -> None:
    phone = Phone.of(dora)
    shown = phone.shown("register")
    assert phone.register(**shown).status == 201
    assert phone.register(**shown).refusal == (403, "chip_proof_invalid")


def test_a_chip_proof_of_one_device_is_none_of_another(dora: Person) -> None:
    phone = Phone.of(dora)
    thief = Phone.of(dora, chip=phone.chip, sim=phone.sim)
    shown = phone.shown("register", device=thief.gadget.keys.thumbprint)
    assert thief.register(**shown).refusal == (403, "chip_proof_invalid")


def test_chip_counter_replay_of_a_copied_chip(dora: Person) -> None:
    phone = Phone.of(dora)
    assert phone.register().status == 201
    phone.chip.counter = 0
    assert phone.register().refusal == (409, "chip_counter_replay")


def test_already_bound_when_another_holder_has_the_sim(dora: Person) -> None:
    phone = Phone.bound(dora)
    other = Phone.of(Person.make("Ed"), sim=Sim(code=phone.sim.code))
    assert other.register().refusal == (409, "already_bound")
    assert Binding.objects.count() == 1


@pytest.mark.parametrize("part", ["chip", "number"])
def test_already_bound_when_another_holder_has_the(dora: Person, part: str) -> None:
    phone = Phone.bound(dora)
    chip = phone.chip if part == "chip" else None
    sim = Sim(number=phone.sim.number) if part == "number" else None
    other = Phone.of(Person.make("Ed"), chip=chip, sim=sim)
    assert other.register().refusal == (409, "already_bound")


def test_already_bound_just_so(dora: Person) -> None:
    assert Phone.bound(dora).register().refusal == (409, "already_bound")


def test_already_bound_when_it_would_replace_two_phones(dora: Person) -> None:
    first, second = Phone.bound(dora), Phone.bound(dora)
    mixed = Phone.of(dora, chip=first.chip, sim=second.sim)
    assert mixed.register().refusal == (409, "already_bound")


def test_already_bound_when_somebody_else_proves_first(dora: Person) -> None:
    phone = Phone.of(dora)
    registered = phone.register()
    rival = Phone.of(Person.make("Ed"), sim=Sim(code=phone.sim.code))
    assert rival.prove(rival.register()).body["state"] == "bound"
    assert phone.prove(registered).refusal == (409, "already_bound")
    assert phone.row.state == "pending_proof"


def test_sms_code_wrong_five_times_and_then_even_the_right_one_is_over(dora: Person) -> None:
    phone = Phone.of(dora)
    registered = phone.register()
    code = code_to(phone.sim.number)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    answers = [phone.prove(registered, wrong) for _ in range(5)]
    assert {answer.refusal for answer in answers} == {(403, "sms_code_wrong")}
    assert [answer.body["tries_left"] for answer in answers] == [4, 3, 2, 1, 0]
    assert phone.prove(registered, code).refusal == (410, "sms_code_expired")
    assert phone.row.state == "pending_proof"


def test_sms_code_expired_after_five_minutes(dora: Person) -> None:
    phone = Phone.of(dora)
    registered = phone.register()
    code = code_to(phone.sim.number)
    with time_machine.travel(now() + timedelta(minutes=5), tick=False):
        assert phone.prove(registered, code).refusal == (410, "sms_code_expired")


def test_a_code_is_good_for_its_own_registration_alone(dora: Person) -> None:
    phone = Phone.of(dora)
    first = phone.register()
    code = code_to(phone.sim.number)
    second = phone.register()
    assert phone.prove(first, code).refusal == (409, "binding_state_wrong")
    if code != code_to(phone.sim.number):
        assert phone.prove(second, code).refusal == (403, "sms_code_wrong")


def test_a_proved_phone_is_not_proved_again(dora: Person) -> None:
    phone = Phone.of(dora)
    registered = phone.register()
    assert phone.prove(registered).status == 200
    assert phone.prove(registered, "000000").refusal == (409, "binding_state_wrong")


def test_another_device_proves_nothing(dora: Person) -> None:
    phone, other = Phone.of(dora), Phone.of(dora)
    registered = phone.register()
    assert other.prove(registered, code_to(phone.sim.number)).refusal == (404, "not_found")


def test_rate_limited_after_three_codes_to_one_number(dora: Person) -> None:
    phone = Phone.of(dora)
    for _ in range(3):
        assert phone.register().status == 201
    answer = phone.register()
    assert answer.refusal == (429, "rate_limited")
    assert answer.headers["Retry-After"] == "3600"
    assert SmsMessage.objects.count() == 3
    assert phone.register(proof="from_phone").status == 201


def test_the_sms_says_what_the_code_does(dora: Person) -> None:
    phone = Phone.of(dora)
    phone.register()
    assert "binds this phone" in sms_to(phone.sim.number)


def test_what_is_never_proved_comes_to_nothing(dora: Person) -> None:
    phone = Phone.of(dora)
    phone.register()
    tidy_phones(now=now() + timedelta(minutes=19))
    assert phone.row.state == "pending_proof"
    tidy_phones(now=now() + timedelta(minutes=21))
    assert (phone.row.state, phone.row.reason) == ("revoked", "not_proved")
    assert dora.get("/bindings") == []


def test_a_request_without_a_device_is_refused(dora: Person) -> None:
    answer = dora.call("POST", "/binding/challenges")
    assert answer.refusal == (401, "device_proof_invalid")
    assert not NumberProof.objects.exists()
