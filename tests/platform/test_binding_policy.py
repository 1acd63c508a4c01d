"""Where the policy wants it, nothing is begun and nothing is signed without a permit."""

import pytest

from binding.models import Permit
from tests.platform.composing import NEW, form, steps_of
from tests.platform.operators import browser_of, text
from tests.platform.phones import Phone
from tests.platform.policies import set_policy
from tests.platform.test_post_as_token import post
from tests.platform.world import Person, everything_stored, to_base64

REQUIRED = (403, "permit_required")


@pytest.fixture
def phone(anna: Person, sms: list[tuple[str, str]]) -> Phone:
    """Anna's phone, bound; the policy wants it for every step and every signature."""
    phone = Phone.bound(anna)
    set_policy(permits=["step", "countersign"])
    return phone


def named(phone: Phone, purpose: str) -> dict[str, str]:
    """The header with a fresh permit."""
    return {"Permit": phone.permit(purpose).body["permit"]}


def test_nothing_is_begun_or_continued_without_a_permit(phone: Phone, ben: Person) -> None:
    anna = phone.person
    before = everything_stored()
    assert anna.try_open().refusal == REQUIRED
    assert everything_stored() == before
    step = anna.call("POST", "/transactions", anna.part(), headers=named(phone, "step"))
    assert step.status == 201
    phone.permit("countersign")
    receipt = anna.sign(step.body)
    assert ben.try_follow(receipt).refusal == REQUIRED


def test_a_permit_begins_one_transaction(phone: Phone) -> None:
    anna = phone.person
    header = named(phone, "step")
    assert anna.call("POST", "/transactions", anna.part(), headers=header).status == 201
    assert anna.call("POST", "/transactions", anna.part(), headers=header).refusal == REQUIRED


def test_a_refused_step_keeps_its_permit(phone: Phone) -> None:
    anna = phone.person
    header = named(phone, "step")
    wrong = anna.part(remark="")
    assert anna.call("POST", "/transactions", wrong, headers=header).status == 422
    assert anna.call("POST", "/transactions", anna.part(), headers=header).status == 201


def test_nothing_is_signed_without_a_permit_and_no_try_is_used_up(phone: Phone) -> None:
    anna = phone.person
    phone.permit("step")
    step = anna.open()
    assert anna.answer(step).refusal == REQUIRED
    assert post(anna, step).refusal == REQUIRED
    phone.permit("countersign")
    assert anna.answer(step, anna.wrong(step)).body["tries_left"] == 4
    assert anna.answer(step).refusal == REQUIRED
    phone.permit("countersign")
    assert anna.answer(step).body["accepted"] is True
    # It is only told again.
    assert anna.answer(step).body["accepted"] is True


def test_a_token_signs_by_itself_once_the_phone_gave_leave(phone: Phone) -> None:
    phone.permit("step")
    step = phone.person.open()
    phone.permit("countersign")
    assert post(phone.person, step).body["accepted"] is True


def test_a_wrong_tag_burns_no_permit(phone: Phone) -> None:
    phone.permit("step")
    step = phone.person.open()
    phone.permit("countersign")
    answer = post(phone.person, step, tag=to_base64(bytes(32)))
    assert answer.refusal == (403, "tag_wrong")
    assert Permit.objects.filter(purpose="countersign", used_at=None).exists()


def test_what_concerns_the_token_alone_needs_no_phone(phone: Phone) -> None:
    anna = phone.person
    assert anna.sign(anna.post(f"/tokens/{anna.token.serial}/test"))


def test_pages_say_that_the_phone_has_to_confirm(phone: Phone) -> None:
    browser = browser_of(phone.person)
    refused = browser.post(NEW, form(phone.person))
    assert refused.status_code == 403
    assert "Confirm it with your phone" in text(refused)
    phone.permit("step")
    assert browser.post(NEW, form(phone.person)).status_code == 302
    (step,) = steps_of(phone.person)
    page = f"/steps/{bytes(step.s).hex()}"
    answered = {"action": "respond", "response": "12345678"}
    refused = browser.post(page, answered)
    assert refused.status_code == 403
    assert "Confirm it with your phone" in text(refused)
