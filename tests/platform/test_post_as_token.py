"""POST /responses: what a token posts by itself, under a tag that only it can make."""

from typing import Any

import pytest

from audit.models import AuditRow
from enrolment.models import AuthserverHost
from protocol.enrolment import post_tag
from tests.platform.world import (
    Answer,
    Person,
    call,
    everything_stored,
    step_row,
    to_base64,
    unreachable,
)
from transactions.models import Step


def post(person: Person, step: dict[str, Any], **changes: object) -> Answer:
    """Post the right response as the token does, but for the changes."""
    shown = person.look(step)
    response = person.response(step)
    tag = person.token.response_tag(shown, response)
    body = {"s": step["id"], "response": response, "tag": to_base64(tag)}
    return call("POST", "/responses", body | changes)


def decline(person: Person, step: dict[str, Any], reason: str, **changes: object) -> Answer:
    tag = person.token.decline_tag(person.look(step), reason)
    body = {"s": step["id"], "decline": reason, "tag": to_base64(tag)}
    return call("POST", "/responses", body | changes)


def test_a_token_signs_without_anybody_signed_in(anna: Person) -> None:
    step = anna.open()

    answer = post(anna, step)

    assert answer.status == 200
    assert answer.body["accepted"] is True
    assert AuditRow.objects.get(action="step.signed", subject=step["id"]).actor == (
        f"token:{anna.token.serial}"
    )


def test_a_wrong_tag_is_refused_and_costs_no_try(anna: Person) -> None:
    step = anna.open()
    before = everything_stored()

    for _ in range(6):
        assert post(anna, step, tag=to_base64(bytes(32))).refusal == (403, "tag_wrong")

    assert everything_stored() == before
    assert anna.answer(step, anna.wrong(step)).body["tries_left"] == 4


def test_a_tag_has_one_spelling(anna: Person) -> None:
    step = anna.open()
    # Of the last character, four of six bits are the tag's.
    spelt = to_base64(bytes(32))[:-1] + "B"

    assert post(anna, step, tag=spelt).refusal == (422, "encoding_invalid")


def test_the_tag_of_another_response_is_refused(anna: Person) -> None:
    step = anna.open()

    assert post(anna, step, response=anna.wrong(step)).refusal == (403, "tag_wrong")


def test_the_tag_of_another_token_is_refused(anna: Person, ben: Person) -> None:
    step = anna.open()
    tag = post_tag(ben.token.post_key, bytes.fromhex(step["id"]), anna.response(step))

    assert post(anna, step, tag=to_base64(tag)).refusal == (403, "tag_wrong")


def test_a_wrong_response_under_its_tag_counts(anna: Person) -> None:
    step = anna.open()
    wrong = anna.wrong(step)
    tag = anna.token.response_tag(anna.look(step), wrong)

    answer = post(anna, step, response=wrong, tag=to_base64(tag))

    assert answer.status == 200
    assert answer.body["reason"] == "response_wrong"
    assert answer.body["tries_left"] == 4


def test_a_token_that_posts_twice_gets_the_same_answer(anna: Person) -> None:
    step = anna.open()

    assert post(anna, step).body == post(anna, step).body


def test_a_token_declines_with_its_holder_s_words(anna: Person) -> None:
    step = anna.open()

    answer = decline(anna, step, "too dear")

    assert answer.status == 200
    assert answer.body["accepted"] is False
    assert answer.body["reason"] == "declined"
    assert answer.body["state"] == "refused"
    assert step_row(step).note == "too dear"


def test_the_words_of_a_decline_are_kept_in_nfc_and_tagged_as_given(anna: Person) -> None:
    step = anna.open()

    assert decline(anna, step, " trop cher\u0301 ").status == 200
    assert step_row(step).note == "trop che\u0155"


def test_a_decline_under_a_wrong_tag_changes_nothing(anna: Person) -> None:
    step = anna.open()
    before = everything_stored()

    answer = decline(anna, step, "too dear", tag=to_base64(bytes(32)))

    assert answer.refusal == (403, "tag_wrong")
    assert everything_stored() == before


def test_the_tag_of_a_response_does_not_decline(anna: Person) -> None:
    step = anna.open()
    tag = anna.token.response_tag(anna.look(step), "too dear")

    assert decline(anna, step, "too dear", tag=to_base64(tag)).refusal == (403, "tag_wrong")


def test_a_token_that_declines_what_was_signed_is_told_so(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)

    answer = decline(anna, step, "too late")

    assert answer.status == 200
    assert (answer.body["accepted"], answer.body["state"]) == (True, "signed")
    assert step_row(step).state == Step.State.SIGNED


def test_a_token_that_declines_twice_gets_the_same_answer(anna: Person) -> None:
    step = anna.open()
    first = decline(anna, step, "too dear")

    assert (first.status, decline(anna, step, "too dear").body) == (200, first.body)
    assert decline(anna, step, "not mine").body == first.body
    assert step_row(step).note == "too dear"


def test_a_step_that_has_ended_otherwise_is_not_declined(anna: Person) -> None:
    step = anna.open()
    anna.post(f"/steps/{step['id']}/cancel", {})

    assert decline(anna, step, "too late").refusal == (409, "challenge_void")
    assert step_row(step).state == Step.State.CANCELLED


@pytest.mark.parametrize("end", ["sign", "decline", "cancel"])
def test_how_a_step_ended_is_told_to_nobody_but_its_token(anna: Person, end: str) -> None:
    step = anna.open()
    if end == "sign":
        anna.sign(step)
    elif end == "decline":
        decline(anna, step, "too dear")
    else:
        anna.post(f"/steps/{step['id']}/cancel", {})
    before = everything_stored()

    answer = decline(anna, step, "too late", tag=to_base64(bytes(32)))

    assert answer.refusal == (403, "tag_wrong")
    assert everything_stored() == before


@pytest.mark.parametrize("words", ["", "a\nb", "x" * 121, "\u202e"], ids=repr)
def test_words_that_may_not_be_kept_are_refused(anna: Person, words: str) -> None:
    step = anna.open()

    status, code = decline(anna, step, words).refusal

    assert status == 422
    assert code in {"text_empty", "text_refused", "text_too_long"}
    assert step_row(step).state == Step.State.CHALLENGED


def test_a_host_without_an_answer_leaves_the_step_open(anna: Person, host: AuthserverHost) -> None:
    step = anna.open()

    with unreachable(host):
        assert post(anna, step).refusal == (503, "authserver_unavailable")
        assert decline(anna, step, "too dear").refusal == (503, "authserver_unavailable")

    assert step_row(step).state == Step.State.CHALLENGED
    assert post(anna, step).body["accepted"] is True


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, (422, "input_invalid")),
        ({"s": "0" * 64, "tag": "AAAA"}, (422, "field_missing")),
        ({"s": "0" * 64, "tag": "AAAA", "response": "1", "decline": "x"}, (422, "field_missing")),
        ({"s": "0" * 64, "tag": "AAAA", "response": "12345678"}, (404, "not_found")),
        ({"s": "0" * 64, "tag": "AAAA", "decline": "no"}, (404, "not_found")),
        ({"s": "0" * 64, "tag": "AAAAA", "response": "12345678"}, (422, "encoding_invalid")),
        ({"s": "0" * 64, "tag": "A+/=", "response": "12345678"}, (422, "input_invalid")),
        ({"s": "0" * 64, "tag": "", "response": "12345678"}, (422, "input_invalid")),
        ({"s": "0" * 64, "tag": "A" * 6001, "response": "12345678"}, (422, "input_invalid")),
        ({"s": "xyz", "tag": "AAAA", "response": "12345678"}, (422, "input_invalid")),
        ({"s": "0" * 64, "tag": "AAAA", "response": 12345678}, (422, "input_invalid")),
        ({"s": "0" * 64, "tag": "AAAA", "decline": "\ud800"}, (422, "input_invalid")),
    ],
    ids=str,
)
def test_what_no_token_posts_is_refused(
    db: None, body: dict[str, object], refusal: tuple[int, str]
) -> None:
    assert call("POST", "/responses", body).refusal == refusal


@pytest.mark.parametrize("size", [1, 31, 33, 4000])
def test_a_tag_of_another_length_is_refused(anna: Person, size: int) -> None:
    step = anna.open()

    status, _ = post(anna, step, tag=to_base64(bytes(size))).refusal

    assert status in (403, 422)
    assert step_row(step).state == Step.State.CHALLENGED
