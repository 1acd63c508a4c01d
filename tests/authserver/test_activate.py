"""POST /v1/servers/{vk}/activate, and the activation statement after it."""

from protocol.statement import Kind
from tests.authserver.world import Paired


def wrong_digits(paired: Paired) -> str:
    assert paired.token.secrets
    return f"{(int(paired.token.secrets.digits) + 1) % 10**8:08}"


def test_right_digits_confirm_the_token(paired: Paired) -> None:
    paired.enrol()
    confirmed = paired.confirm()
    assert (confirmed.status, confirmed.body) == (200, {"state": "confirmed"})
    assert paired.status()["digits_ready"] is False


def test_a_repeated_confirmation_gets_the_same_answer(paired: Paired) -> None:
    paired.enrol()
    assert paired.confirm().body == paired.confirm().body


def test_wrong_digits_say_how_many_tries_are_left(paired: Paired) -> None:
    paired.enrol()
    wrong = paired.confirm(wrong_digits(paired))
    assert (wrong.status, wrong.code, wrong.body["tries_left"]) == (422, "digits_wrong", 2)
    assert paired.confirm().status == 200


def test_the_third_wrong_digits_void_the_enrolment(paired: Paired) -> None:
    paired.enrol()
    codes = [paired.confirm(wrong_digits(paired)).code for _ in range(3)]
    assert codes == ["digits_wrong", "digits_wrong", "enrolment_void"]
    assert paired.status()["state"] == "revoked"
    assert paired.confirm().code == "state_conflict"


def test_digits_of_other_characters_are_wrong_and_no_fault(paired: Paired) -> None:
    paired.enrol()
    assert paired.token.secrets
    full_width = "".join(chr(0xFEE0 + ord(digit)) for digit in paired.token.secrets.digits)
    assert paired.confirm(full_width).code == "digits_wrong"


def test_before_the_token_enrolled_there_is_nothing_to_compare(paired: Paired) -> None:
    refused = paired.call("POST", "/activate", {"digits": "00000000"})
    assert (refused.status, refused.code) == (409, "state_conflict")


def test_digits_alone_do_not_make_a_token_active(paired: Paired) -> None:
    paired.enrol()
    paired.confirm()
    refused = paired.answer(paired.statement(Kind.ORDER))
    assert (refused.status, refused.code) == (409, "token_not_active")


def test_an_accepted_activation_makes_the_token_active(paired: Paired) -> None:
    paired.enrol()
    paired.confirm()
    statement = paired.statement(Kind.ACTIVATION)
    assert paired.answer(statement).body["accepted"] is True
    assert paired.status()["state"] == "active"


def test_a_repeated_activation_response_gets_the_same_verdict(paired: Paired) -> None:
    paired.enrol()
    paired.confirm()
    statement = paired.statement(Kind.ACTIVATION)
    assert paired.answer(statement).raw == paired.answer(statement).raw


def test_a_wrong_activation_response_leaves_the_token_confirmed(paired: Paired) -> None:
    paired.enrol()
    paired.confirm()
    statement = paired.statement(Kind.ACTIVATION)
    wrong = paired.answer(statement, paired.wrong(statement))
    assert wrong.body == {"accepted": False, "reason": "response_wrong", "tries_left": 4}
    assert paired.status()["state"] == "confirmed"


def test_an_active_token_is_not_activated_again(active: Paired) -> None:
    refused = active.answer(active.statement(Kind.ACTIVATION, number=1))
    assert (refused.status, refused.code) == (422, "kind_refused")


def test_activation_before_the_digits_is_refused(paired: Paired) -> None:
    paired.enrol()
    assert paired.answer(paired.statement(Kind.ACTIVATION)).code == "token_not_active"
