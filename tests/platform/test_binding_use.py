"""A permit is given to the phone that is bound, for one use; everything else is refused."""

from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from audit.models import AuditRow
from binding.errors import PermitRequiredError
from binding.models import Binding, ChipChallenge, Permit
from binding.services import note_swap, require_permit, resume, suspend, tidy_phones
from notices.models import Notice
from protocol import binding as protocol
from protocol.binding import Purpose
from protocol.jwk import from_base64, to_base64
from protocol.keys import Purpose as KeyPurpose
from signing.services import signing_key
from tests.platform.phones import Phone, Sim, TestChip
from tests.platform.world import Person, everything_stored, now

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def phone(dora: Person) -> Phone:
    """Dora's phone, bound."""
    return Phone.bound(dora)


@pytest.fixture
def swapped(settings: Any, tmp_path: Path) -> Path:
    """The fake carrier's list of numbers with a new SIM."""
    settings.CARRIER_URL = f"file://{tmp_path / 'swapped'}"
    return tmp_path / "swapped"


def stop(phone: Phone, reason: str = "operator") -> None:
    assert suspend(phone.row, reason=reason, actor="operator:1", now=now())


def use(phone: Phone, permit: str | None, purpose: str = "billing", **more: Any) -> None:
    require_permit(
        holder=phone.person.holder, purpose=Purpose(purpose), permit=permit, now=now(), **more
    )


# What is given.


def test_a_permit_is_signed_for_this_device_and_purpose_and_lives_a_minute(phone: Phone) -> None:
    answer = phone.permit("step")
    assert answer.status == 201
    key = signing_key(KeyPurpose.PERMIT, now=now()).key.public
    signed = protocol.Permit.open(from_base64(answer.body["signed"]), key=key)
    assert to_base64(signed.permit) == answer.body["permit"]
    assert signed.device == phone.gadget.keys.thumbprint
    assert (signed.purpose, signed.expires - signed.issued) == ("step", 60)


def test_a_permit_is_used_once(phone: Phone) -> None:
    permit = phone.permit().body["permit"]
    use(phone, permit)
    with pytest.raises(PermitRequiredError):
        use(phone, permit)


def test_without_a_name_any_fresh_permit_is_used_the_oldest_first(phone: Phone) -> None:
    first, second = (phone.permit().body["permit"] for _ in range(2))
    use(phone, None)
    with pytest.raises(PermitRequiredError):
        use(phone, first)
    use(phone, second)


@pytest.mark.parametrize("wrong", ["purpose", "holder", "device", "late", "stopped", "unknown"])
def test_a_permit_is_good_for_nothing_else(phone: Phone, wrong: str) -> None:
    permit = phone.permit().body["permit"] if wrong != "unknown" else "A" * 22
    other = Phone.of(Person.make("Ed"))
    if wrong == "stopped":
        stop(phone)
    who = other if wrong == "holder" else phone
    purpose = "step" if wrong == "purpose" else "billing"
    only = {"device": other.gadget.row} if wrong == "device" else {}
    later = timedelta(seconds=60 if wrong == "late" else 0)
    # By its name, and as any fresh one.
    for named in (permit,) if wrong == "unknown" else (permit, None):
        with time_machine.travel(now() + later, tick=False), pytest.raises(PermitRequiredError):
            use(who, named, purpose, **only)
    assert not Permit.objects.exclude(used_at=None).exists()


@pytest.mark.parametrize("permit", ["", "ключ", "====", "A" * 5000])
def test_what_is_no_permit_is_none(phone: Phone, permit: str) -> None:
    phone.permit()
    with pytest.raises(PermitRequiredError):
        use(phone, permit)


def test_old_permits_and_challenges_are_forgotten(phone: Phone) -> None:
    phone.permit()
    tidy_phones(now=now() + timedelta(days=2))
    assert not Permit.objects.exists()
    assert not ChipChallenge.objects.exists()


# The truth table of eight.


@pytest.mark.parametrize("equal", list(product([True, False], repeat=3)))
def test_only_all_three_together_pass(phone: Phone, equal: tuple[bool, bool, bool]) -> None:
    chip, sim, number = equal
    phone.chip = phone.chip if chip else TestChip().list()
    other = Sim()
    phone.sim = Sim(
        phone.sim.code if sim else other.code, phone.sim.number if number else other.number
    )

    answer = phone.permit()

    if chip and sim and number:
        assert answer.status == 201
        return
    assert answer.refusal == (403, "binding_refused")
    assert not Permit.objects.exists()
    reasons = AuditRow.objects.filter(action="binding.mismatch").values_list("code", flat=True)
    wrong = {"chip": chip, "sim": sim, "number": number}
    assert set(reasons) == {f"bind_{part}_mismatch" for part in wrong if not wrong[part]}
    assert not any(part in answer.body["detail"].lower() for part in ("chip", "counter"))
    # With its SIM and number in another phone it is stolen; else three mismatches make one stop.
    assert phone.row.state == ("suspended" if sim and number else "bound")


def test_a_sim_that_is_changed_between_two_uses_is_noticed(phone: Phone) -> None:
    assert phone.permit().status == 201
    phone.sim = Sim()
    assert phone.permit().refusal == (403, "binding_refused")


def test_the_third_mismatch_in_a_row_stops_the_phone(phone: Phone) -> None:
    right = phone.sim
    phone.sim = Sim()
    assert [phone.permit().refusal[1] for _ in range(2)] == ["binding_refused"] * 2
    phone.sim = right
    assert phone.permit().status == 201
    phone.sim = Sim()
    for _ in range(3):
        assert phone.row.state == "bound"
        assert phone.permit().refusal == (403, "binding_refused")
    assert (phone.row.state, phone.row.reason) == ("suspended", "mismatch")
    assert phone.permit().refusal == (423, "binding_suspended")
    assert Notice.objects.filter(kind="phone_stopped").count() == 1


# Who gets none.


def test_not_bound(dora: Person) -> None:
    assert Phone.of(dora).permit().refusal == (403, "not_bound")


def test_not_bound_with_a_chip_on_no_list(dora: Person) -> None:
    assert Phone.of(dora, chip=TestChip()).permit().refusal == (403, "not_bound")


def test_not_bound_while_the_number_is_not_proved(dora: Person) -> None:
    phone = Phone.of(dora)
    phone.register()
    assert phone.permit().refusal == (403, "not_bound")


def test_no_sim_in_use(phone: Phone) -> None:
    body = {"purpose": "billing", **phone.shown("billing"), "sim_code": ""}
    assert phone.gadget.call("POST", "/binding/permits", body).refusal == (422, "no_sim")
    assert phone.row.mismatches == 0


@pytest.mark.parametrize(
    "change", [{"nonce": bytes(16)}, {"purpose": "step"}, {"device": bytes(32)}]
)
def test_chip_proof_invalid_in_use(phone: Phone, change: dict[str, Any]) -> None:
    assert phone.permit(**change).refusal == (403, "chip_proof_invalid")
    assert not Permit.objects.exists()


def test_chip_counter_replay_in_use(phone: Phone) -> None:
    counter = phone.chip.counter
    assert phone.permit(counter=counter).refusal == (409, "chip_counter_replay")
    assert phone.permit(counter=counter + 1).status == 201


def test_binding_suspended(phone: Phone) -> None:
    stop(phone)
    assert phone.permit().refusal == (423, "binding_suspended")


def test_permits_for_registering_are_not_given(phone: Phone) -> None:
    assert phone.permit("register").refusal == (422, "input_invalid")


def test_rate_limited_when_sixty_challenges_wait(phone: Phone) -> None:
    ChipChallenge.objects.all().delete()
    ChipChallenge.objects.bulk_create(
        ChipChallenge(
            nonce_hash=bytes([at]) * 32,
            device=phone.gadget.row,
            expires_at=now() + timedelta(minutes=1),
        )
        for at in range(60)
    )
    answer = phone.gadget.call("POST", "/binding/challenges")
    assert answer.refusal == (429, "rate_limited")
    assert answer.headers["Retry-After"] == "120"


def test_a_refusal_leaves_one_row_that_says_who_was_refused(phone: Phone) -> None:
    stop(phone)
    phone.permit()
    row = AuditRow.objects.get(action="request.refused")
    assert (row.actor, row.code) == (phone.gadget.row.actor, "binding_suspended")


# The stolen SIM.


def test_a_stolen_sim_in_an_unbound_phone_is_refused_and_stops_the_phone_it_is_of(
    phone: Phone,
) -> None:
    thief = Phone.of(Person.make("Ed"), sim=phone.sim)
    assert thief.permit().refusal == (403, "not_bound")
    assert (phone.row.state, phone.row.reason) == ("suspended", "mismatch")
    alert = Notice.objects.get(kind="phone_stopped")
    assert alert.email == phone.person.email
    assert phone.permit().refusal == (423, "binding_suspended")


def test_a_stolen_sim_in_another_bound_phone_is_refused_and_stops_the_phone_it_is_of(
    phone: Phone,
) -> None:
    thief = Phone.bound(Person.make("Ed"))
    thief.sim = phone.sim
    assert thief.permit().refusal == (403, "binding_refused")
    assert phone.row.state == "suspended"
    assert thief.row.state == "bound"


def test_a_stolen_sim_that_is_registered_by_somebody_else_stops_the_phone_it_is_of(
    phone: Phone,
) -> None:
    thief = Phone.of(Person.make("Ed"), sim=phone.sim)
    assert thief.register().refusal == (409, "already_bound")
    assert phone.row.state == "suspended"
    assert Notice.objects.filter(kind="phone_stopped", email=phone.person.email).count() == 1


def test_who_claims_a_sim_without_a_chip_stops_nobody(phone: Phone) -> None:
    thief = Phone.of(Person.make("Ed"), chip=TestChip(), sim=phone.sim)
    assert thief.permit().refusal == (403, "not_bound")
    assert thief.register().refusal == (403, "chip_proof_invalid")
    assert phone.row.state == "bound"


# The swapped SIM.


def test_sim_recently_swapped_stops_the_phone(phone: Phone, swapped: Path) -> None:
    assert phone.permit().status == 201
    swapped.write_text(phone.sim.number)
    assert phone.permit().refusal == (403, "sim_recently_swapped")
    assert (phone.row.state, phone.row.reason) == ("suspended", "sim_swap")
    assert Notice.objects.filter(kind="phone_stopped", email=phone.person.email).exists()


def test_sim_recently_swapped_cannot_be_registered(phone: Phone, swapped: Path) -> None:
    swapped.write_text(phone.sim.number)
    phone.sim = Sim(number=phone.sim.number)
    assert phone.register().refusal == (403, "sim_recently_swapped")
    assert phone.row.state == "suspended"
    assert Binding.objects.count() == 1


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_carrier_that_says_nothing_makes_no_phone_pass(phone: Phone, settings: Any) -> None:
    settings.CARRIER_URL = "http://127.0.0.1:9/sim-swap/v1"
    before = everything_stored()["binding.Permit"]
    answer = phone.permit()
    assert answer.refusal == (503, "carrier_unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert everything_stored()["binding.Permit"] == before
    assert phone.row.state == "bound"


def test_an_operator_who_is_told_of_a_swap_stops_the_phone(phone: Phone) -> None:
    assert note_swap(number=phone.sim.number, actor="operator:1", now=now())
    assert not note_swap(number=phone.sim.number, actor="operator:1", now=now())
    assert phone.row.reason == "sim_swap"
    resume(phone.row, actor="operator:1", now=now())
    assert phone.permit().status == 201


# One to one.


@pytest.mark.parametrize("part", ["device", "chip", "sim_hash", "number_hash"])
@pytest.mark.parametrize("state", ["bound", "suspended"])
def test_the_database_refuses_a_second_phone_with_the_same(
    phone: Phone, part: str, state: str
) -> None:
    other = Phone.bound(Person.make("Ed"))
    Binding.objects.filter(pk=other.row.pk).update(state=state)
    with pytest.raises(IntegrityError), transaction.atomic():
        Binding.objects.filter(pk=other.row.pk).update(**{part: getattr(phone.row, part)})


def test_a_removed_device_stops_its_phone(phone: Phone) -> None:
    device = phone.gadget.row.public_id
    assert phone.person.call("POST", f"/devices/{device}/remove").status == 204
    assert (phone.row.state, phone.row.reason) == ("suspended", "device_removed")
    answer = phone.gadget.call("POST", "/binding/challenges")
    assert answer.refusal == (401, "device_proof_invalid")
