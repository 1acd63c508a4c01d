"""Many responses to one challenge at once: the authserver counts each of them, and in turn."""

from collections import Counter
from functools import partial
from itertools import islice

import pytest

from protocol.verdict import Reason
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import at_once

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

# The wire waits until so many responses are on their way to the authserver: what one worker of the
# platform can send.  On a busy machine they may be fewer, but one after the other is no race.
TOGETHER = 8
OVERLAP = 2


def verdicts(services: Live, s: str) -> list[tuple[int, bytes]]:
    """Return reason and message of every terminal verdict the authserver has on a statement."""
    query = "SELECT reason, message FROM authserver_verdict WHERE s = ?"
    return [
        (reason, message)
        for reason, message in services.rows("authserver", query, bytes.fromhex(s))
    ]


def failures(services: Live, s: str) -> int:
    """Return how many wrong responses the authserver counted on a statement."""
    return services.count("authserver", "authserver_failure", "s = ?", bytes.fromhex(s))


def test_32_correct_responses_give_one_signed_step_and_one_verdict(services: Live) -> None:
    anna = services.party("Anna Meier")
    step = anna.open()
    right = anna.code(step)
    with services.back.gathering(TOGETHER):
        answers = at_once([partial(anna.answer, step, right)] * 32)
    assert {(answer.status, answer.body["accepted"]) for answer in answers} == {(200, True)}
    assert len({answer.body["receipt"] for answer in answers}) == 1
    assert len(verdicts(services, step["id"])) == 1
    assert (
        services.count(
            "platform", "audit_auditrow", "action = 'step.signed' AND subject = ?", step["id"]
        )
        == 1
    )
    assert services.back.most_at_once >= OVERLAP


def test_of_200_wrong_responses_five_are_evaluated(services: Live) -> None:
    anna = services.party("Anna Meier")
    token = anna.enrol()
    step = anna.open(token=token)
    wrong = islice(anna.wrong_codes(step), 200)
    with services.back.gathering(TOGETHER):
        answers = at_once([partial(anna.answer, step, code) for code in wrong])
    told = Counter((answer.status, answer.code) for answer in answers)
    assert told.pop((200, "response_wrong")) == 4
    assert told.pop((200, "attempts_exhausted")) >= 1
    assert set(told) <= {(409, "challenge_void")}
    assert failures(services, step["id"]) == 5
    assert [reason for reason, _ in verdicts(services, step["id"])] == [Reason.ATTEMPTS_EXHAUSTED]
    assert services.server(token.vk)["locked"] is True
    assert anna.state(step) == "refused"
    assert services.back.most_at_once >= OVERLAP


def test_the_same_wrong_response_counts_once_however_often_it_comes(services: Live) -> None:
    anna = services.party("Anna Meier")
    step = anna.open()
    wrong = next(anna.wrong_codes(step))
    with services.back.gathering(TOGETHER):
        answers = at_once([partial(anna.answer, step, wrong)] * 50)
    told = {(answer.status, answer.code, answer.body.get("tries_left")) for answer in answers}
    assert told == {(200, "response_wrong", 4)}
    assert failures(services, step["id"]) == 1
    assert services.back.most_at_once >= OVERLAP
    assert anna.sign(step)["state"] == "signed"
