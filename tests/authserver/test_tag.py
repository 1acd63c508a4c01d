"""Responses that the token posts itself carry its tag, checked before anything is counted."""

import pytest

from authserver.base64url import encode
from protocol.statement import Kind
from tests.authserver.world import Paired


def test_a_tagged_response_is_accepted(active: Paired) -> None:
    statement = active.statement()
    tag = active.token.tag(statement, active.token.respond(statement))
    assert active.answer(statement, tag=tag).body["accepted"] is True


def test_a_repeat_with_its_tag_gets_the_same_bytes(active: Paired) -> None:
    statement = active.statement()
    tag = active.token.tag(statement, active.token.respond(statement))
    assert active.answer(statement, tag=tag).raw == active.answer(statement, tag=tag).raw


@pytest.mark.parametrize("of", ["another response", "another statement", "nothing"])
def test_a_wrong_tag_is_an_error_and_burns_no_try(active: Paired, of: str) -> None:
    statement, right = active.statement(), active.token.respond(active.statement())
    tag = {
        "another response": active.token.tag(statement, active.wrong(statement)),
        "another statement": active.token.tag(active.statement(number=1), right),
        "nothing": encode(bytes(32)),
    }[of]
    refused = active.answer(statement, right, tag=tag)
    assert (refused.status, refused.code) == (403, "tag_wrong")
    assert active.status()["tries_left"] == 5


def test_a_wrong_response_with_its_tag_is_counted(active: Paired) -> None:
    statement = active.statement()
    wrong = active.wrong(statement)
    tagged = active.answer(statement, wrong, tag=active.token.tag(statement, wrong))
    assert tagged.body["tries_left"] == 4


def test_a_tag_of_another_length_is_refused(active: Paired) -> None:
    assert active.answer(active.statement(), tag=encode(bytes(31))).code == "input_invalid"


def test_before_enrolment_no_tag_can_be_right(paired: Paired) -> None:
    statement = paired.statement(Kind.ACTIVATION)
    refused = paired.answer(statement, "00000000", tag=encode(bytes(32)))
    assert (refused.status, refused.code) == (409, "token_not_active")
