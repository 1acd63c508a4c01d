"""POST /transactions: the first step, and what may stand in a statement."""

import unicodedata
from typing import Any

import pytest

from protocol import qrtext
from protocol.bundle import Bundle
from protocol.qrtext import Link
from protocol.statement import Kind, Sight, Statement
from tests.platform.world import (
    APPROVAL,
    PAYMENT,
    TYPED_SUITE,
    Person,
    everything_stored,
    long_part,
    statements,
    step_row,
)

FAMILY = "👨‍👩‍👧 Ἀθῆναι"


def statement_of(step: dict[str, Any]) -> Statement:
    _, content = qrtext.decode(step["challenge"], Link.BUNDLE)
    return Statement.from_payload(Bundle.decode(content).signed.payload)


def test_a_step_says_what_was_asked_and_what_the_token_will_show(anna: Person) -> None:
    step = anna.open(remark="for the garden")

    statement = anna.look(step).statement
    assert step["state"] == "challenged"
    assert step["position"] == 0
    assert step["party"] == {"account": anna.account, "name": None, "remark": "for the garden"}
    assert step["demand"] == PAYMENT
    assert step["id"] == statement.digest.hex()
    assert statement.platform.origin == "http://localhost:8000"
    assert statement.demand.kind is Kind.PAYMENT
    assert statement.sight is Sight.SHOWN


def test_a_scanning_token_has_no_digits_to_type(anna: Person) -> None:
    assert anna.open()["question"] is None


def test_a_typed_token_has_ten_digits_to_type(mallory: Person) -> None:
    mallory.enrol(TYPED_SUITE)

    step = mallory.open()

    assert len(step["question"]) == 10
    assert step["question"].isdigit()
    assert step["sight"] == "typed"


def test_one_changed_character_of_the_remark_makes_another_challenge(anna: Person) -> None:
    first, second = anna.open(remark="ten chairs"), anna.open(remark="ten chairz")

    assert first["id"] != second["id"]
    assert anna.answer(second, anna.response(first)).body["accepted"] is False


def test_one_changed_digit_of_the_amount_makes_another_challenge(anna: Person) -> None:
    first, second = anna.open(), anna.open({**PAYMENT, "amount": 125_001})

    assert first["id"] != second["id"]
    assert anna.answer(second, anna.response(first)).body["accepted"] is False


def test_the_same_content_twice_is_two_challenges(anna: Person) -> None:
    first, second = statement_of(anna.open()), statement_of(anna.open())

    assert first.nonce != second.nonce
    assert first.tx != second.tx


@pytest.mark.parametrize(
    "words",
    ["👍🏽 gut", FAMILY, "同意付款", "أوافق على الدفع", "אני מסכים", "e\u0301te\u0301 a\u0308"],
    ids=["emoji", "zwj", "chinese", "arabic", "hebrew", "combining"],
)
def test_words_of_every_script_are_signed_and_come_back_in_nfc(anna: Person, words: str) -> None:
    receipt = anna.sign(anna.open(remark=f"  {words} "))

    (statement,) = statements(receipt)
    assert statement.party.remark == unicodedata.normalize("NFC", words)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("", "text_empty"),
        ("   ", "text_empty"),
        ("a\x00b", "text_refused"),
        ("a\nb", "text_refused"),
        ("a\u202eb", "text_refused"),
        ("a\u2028b", "text_refused"),
        ("a\ue000b", "text_refused"),
        ("a\U000e0041b", "text_refused"),
        ("x" * 121, "text_too_long"),
        ("付" * 41, "text_too_long"),
    ],
    ids=["empty", "blank", "nul", "newline", "bidi", "line", "private", "tag", "121", "123"],
)
def test_words_that_may_not_be_signed_are_refused(anna: Person, words: str, code: str) -> None:
    before = everything_stored()

    answer = anna.try_open(remark=words)

    assert answer.refusal == (422, code)
    assert answer.body["field"] == "remark"
    assert everything_stored() == before


def test_a_text_too_long_is_refused_with_its_count_of_bytes(anna: Person) -> None:
    assert "123 bytes long; 120 are allowed" in anna.try_open(remark="付" * 41).body["detail"]


def test_a_remark_of_120_bytes_is_taken(anna: Person) -> None:
    assert anna.open(APPROVAL, remark="付" * 40)["party"]["remark"] == "付" * 40


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": None}, "field_missing"),
        ({"currency": None}, "field_missing"),
        ({"payee_account": None}, "field_missing"),
        ({"amount": 0}, "value_out_of_range"),
        ({"amount": -1}, "value_out_of_range"),
        ({"amount": 2**53}, "value_out_of_range"),
        ({"amount": 10**400}, "value_out_of_range"),
        ({"currency": "EURO"}, "currency_unknown"),
        ({"currency": "\x00"}, "currency_unknown"),
        ({"payee_account": "Ä1"}, "text_refused"),
        ({"payee_account": "1" * 35}, "text_too_long"),
        ({"payee_name": "n" * 71}, "text_too_long"),
        ({"text": "t" * 121}, "text_too_long"),
        ({"reference": "r" * 36}, "text_too_long"),
        ({"reference": "r\u0000"}, "text_refused"),
        ({"due_days": -1}, "value_out_of_range"),
        ({"due_days": 3651}, "value_out_of_range"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_demand_that_breaks_a_rule_is_refused(
    anna: Person, change: dict[str, Any], code: str
) -> None:
    answer = anna.try_open({**PAYMENT, **change})

    assert answer.refusal == (422, code)
    assert answer.body["field"] in PAYMENT


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "activation"},
        {"kind": "login"},
        {"kind": "PAYMENT"},
        {"kind": 1},
        {"kind": None},
        {"amount": "125000"},
        {"amount": 1.0},
        {"amount": True},
        {"text": 5},
        {"text": ["a"]},
        {"text": "\ud800"},
        {"text": "x" * 2001},
        {"due_days": "14"},
    ],
    ids=str,
)
def test_a_demand_of_the_wrong_form_is_refused(anna: Person, change: dict[str, Any]) -> None:
    answer = anna.try_open({**PAYMENT, **change})

    assert answer.refusal == (422, "input_invalid")
    assert next(iter(change)) in answer.body["faults"][0]["field"]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"ttl": 29}, (422, "value_out_of_range")),
        ({"ttl": 601}, (422, "value_out_of_range")),
        ({"ttl": -(10**30)}, (422, "value_out_of_range")),
        ({"ttl": "180"}, (422, "input_invalid")),
        ({"token": "NOSUCHTOKEN"}, (409, "token_not_paired")),
        ({"token": "\x00"}, (422, "input_invalid")),
        ({"token": "Ä"}, (422, "input_invalid")),
        ({"token": "T" * 17}, (422, "input_invalid")),
        ({"next": {"account": "999999999999"}}, (404, "holder_unknown")),
        ({"next": {"account": "x"}}, (422, "input_invalid")),
        ({"next": {"email": "nobody"}}, (422, "input_invalid")),
        ({"next": {"email": "a@b.c\nBcc: d@e.f"}}, (422, "input_invalid")),
        ({"next": {"email": "a,b@example.com"}}, (422, "input_invalid")),
        ({"next": {"email": "<a@example.com>"}}, (422, "input_invalid")),
        ({"next": {"email": f"{'a' * 65}@example.com"}}, (422, "input_invalid")),
        ({"next": []}, (422, "input_invalid")),
        ({"is_open_to_anyone": "maybe"}, (422, "input_invalid")),
    ],
    ids=str,
)
def test_a_part_that_breaks_a_rule_is_refused(
    anna: Person, change: dict[str, Any], refusal: tuple[int, str]
) -> None:
    before = everything_stored()

    assert anna.try_open(**change).refusal == refusal
    assert everything_stored() == before


def test_the_longest_and_the_shortest_life_of_a_challenge_are_taken(anna: Person) -> None:
    assert step_row(anna.open(ttl=30)).expires_at < step_row(anna.open(ttl=600)).expires_at


def test_a_token_of_somebody_else_is_refused(anna: Person, mallory: Person) -> None:
    answer = mallory.call("POST", "/transactions", anna.part())

    assert answer.refusal == (409, "token_not_paired")


def test_a_token_that_is_not_active_is_refused(mallory: Person) -> None:
    mallory.pair()

    assert mallory.try_open().refusal == (409, "token_not_active")


def test_a_suspended_token_is_refused(anna: Person) -> None:
    anna.post(f"/tokens/{anna.token.serial}/suspend")

    answer = anna.try_open()

    assert answer.refusal == (409, "token_not_active")
    assert "suspended" in answer.body["detail"]


def test_a_first_statement_at_all_its_caps_fits(anna: Person) -> None:
    anna.post("/me", {"name": "N" * 40})

    assert anna.open(**long_part(1), ttl=600)["state"] == "challenged"


def test_a_fourth_open_challenge_of_one_token_is_refused(anna: Person) -> None:
    for _ in range(3):
        anna.open()

    assert anna.try_open().refusal == (429, "too_many_challenges")


def test_an_eleventh_challenge_within_the_hour_is_refused(anna: Person) -> None:
    # The activation of the token was the first.
    for _ in range(9):
        anna.post(f"/steps/{anna.open()['id']}/cancel")

    assert anna.try_open().refusal == (429, "too_many_challenges")


def test_the_limit_of_challenges_is_of_each_token_alone(anna: Person) -> None:
    for _ in range(3):
        anna.open()
    anna.enrol()

    assert anna.open()["token"] == anna.token.serial
