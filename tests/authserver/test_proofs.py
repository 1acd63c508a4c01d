"""POST /v1/servers/{vk}/proofs: the host answers the token first (mutual OCRA)."""

import secrets

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from authserver.models import Proof
from authserver.services import after_restore
from protocol.statement import Kind, Statement
from tests.authserver.world import NOON, TYPED_SUITE, Bank, LocalHost, Paired, opened
from tokens import responses
from tokens.question import draw_challenge, question_for
from tokens.suite import OCRASuite

SUITES = [
    "OCRA-1:HOTP-SHA256-8:QH64-T1M",
    "OCRA-1:HOTP-SHA256-8:QN10",
    "OCRA-1:HOTP-SHA256-8:C-QN08",
]


def challenge(paired: Paired) -> str:
    """Draw the token's own challenge."""
    assert isinstance(paired.token.suite, OCRASuite)
    return draw_challenge(paired.token.suite)


def question(paired: Paired, statement: Statement) -> str:
    return question_for(paired.token.suite, statement.digest) or ""


def computed(paired: Paired, asked: str) -> str:
    """Compute what only the token and its host can, over any question."""
    suite, made = paired.token.suite, paired.token.secrets
    assert made
    return responses.compute(
        suite,
        made.seed,
        question=asked,
        counter=paired.token.counter if suite.counter else None,
        time_step=int(NOON.timestamp()) // 60 if suite.time_step_seconds else None,
    )


@pytest.fixture(params=SUITES)
def mutual(request: pytest.FixtureRequest, host: LocalHost, bank: Bank) -> Paired:
    paired = Paired.make(host, bank, request.param)
    paired.activate()
    return paired


def test_the_host_answers_the_token_and_then_the_token_the_host(mutual: Paired) -> None:
    statement, own = mutual.statement(), challenge(mutual)
    proof = mutual.prove(statement, own)
    assert proof.body == {"answer": computed(mutual, own + question(mutual, statement))}
    response = mutual.token.respond(statement, challenge=own)
    accepted = mutual.answer(statement, response)
    assert opened(accepted, mutual).accepted is True
    assert mutual.answer(statement, response).raw == accepted.raw


def test_after_a_proof_the_response_is_judged_over_both_questions(mutual: Paired) -> None:
    statement = mutual.statement()
    plain = mutual.token.respond(statement)
    mutual.prove(statement, challenge(mutual))
    assert mutual.answer(statement, plain).body["reason"] == "response_wrong"
    assert mutual.status()["tries_left"] == 4


def test_other_statements_are_judged_as_ever(mutual: Paired) -> None:
    mutual.prove(mutual.statement(), challenge(mutual))
    assert mutual.answer(mutual.statement(number=1)).body["accepted"] is True


def test_a_proof_is_given_once_for_each_statement(mutual: Paired) -> None:
    statement, own = mutual.statement(), challenge(mutual)
    first = mutual.prove(statement, own)
    assert mutual.prove(statement, own).raw == first.raw
    refused = mutual.prove(statement, challenge(mutual))
    assert (refused.status, refused.code) == (409, "proof_given")
    assert Proof.objects.count() == 1


def test_the_hosts_own_answer_is_never_accepted(mutual: Paired) -> None:
    statement = mutual.statement()
    proof = mutual.prove(statement, challenge(mutual)).body["answer"]
    assert mutual.answer(statement, proof).body["accepted"] is False
    other = mutual.statement(number=1)
    assert mutual.answer(other, proof).body["accepted"] is False


def test_the_statements_own_question_is_no_challenge(mutual: Paired) -> None:
    # Both orders of the two would be the same question.
    statement = mutual.statement()
    refused = mutual.prove(statement, question(mutual, statement))
    assert (refused.status, refused.code) == (422, "input_invalid")
    assert mutual.answer(statement).body["accepted"] is True


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_statements_cannot_be_played_against_each_other(
    mutual: Paired, order: tuple[int, int]
) -> None:
    """The answer to (q2, q1) for the first statement would be the response to the second."""
    both = [mutual.statement(number=number) for number in (1, 2)]
    questions = [question(mutual, statement) for statement in both]
    answers = {
        place: mutual.prove(both[place], questions[1 - place]).body["answer"] for place in order
    }
    for place in (0, 1):
        refused = mutual.answer(both[place], answers[1 - place])
        assert (refused.status, refused.code) == (409, "question_reused")
    assert mutual.status()["tries_left"] == 5
    # The holder is not stuck: the statement ends, and another is made.
    assert mutual.void(both[0]).status == 200
    assert mutual.answer(mutual.statement(number=3)).body["accepted"] is True


def spoilt(own: str) -> list[str]:
    return ["", own[:-1], own + "1", " " + own[1:], own[:-1] + "\0", own[:-1] + "G", "0" + "x" * 9]


def test_a_challenge_has_exactly_the_form_of_the_suites_questions(mutual: Paired) -> None:
    statement = mutual.statement()
    for bad in spoilt(challenge(mutual)):
        assert mutual.prove(statement, bad).code == "input_invalid"
    assert not Proof.objects.exists()


def test_a_number_that_begins_with_zeros_is_no_challenge(host: LocalHost, bank: Bank) -> None:
    # Before the statement's question it would vanish: a number has no leading zeros.
    paired = Paired.make(host, bank, TYPED_SUITE)
    paired.activate()
    statement = paired.statement()
    for zeros in (10, 1):
        own = "0" * zeros + challenge(paired)[zeros:]
        assert paired.prove(statement, own).code == "input_invalid"


@pytest.mark.parametrize("suite", ["GMT0021:SM3-8:T60-Q64", "HOTP:SHA1-6"])
def test_only_ocra_knows_mutual_challenges(host: LocalHost, bank: Bank, suite: str) -> None:
    paired = Paired.make(host, bank, suite)
    paired.activate()
    kind = Kind.ORDER if paired.token.suite.has_question else Kind.ACTIVATION
    refused = paired.prove(paired.statement(kind, number=1), secrets.token_hex(32))
    assert (refused.status, refused.code) == (422, "suite_refused")


def test_a_token_that_may_not_answer_is_given_no_proof(
    active: Paired, clock: time_machine.Traveller
) -> None:
    own, ended = challenge(active), active.statement(number=1)
    active.answer(ended)
    assert active.prove(ended, own).code == "state_conflict"
    assert active.prove(active.statement(Kind.BILLING), own).code == "kind_refused"
    old = active.statement(number=2)
    clock.shift(old.ttl + 1)
    assert active.prove(old, own).code == "challenge_expired"
    active.fail(active.statement(number=3), 5)
    assert active.prove(active.statement(number=4), own).code == "token_locked"
    active.unlock()
    active.call("POST", "/suspend")
    assert active.prove(active.statement(number=4), own).code == "token_not_active"


def test_no_proof_is_given_soon_after_a_restore(active: Paired) -> None:
    # It may have been given before, for another challenge, and be lost.
    after_restore(now=NOON)
    assert active.prove(active.statement(), challenge(active)).code == "token_locked"


def test_a_proof_is_no_attempt_and_moves_nothing(mutual: Paired) -> None:
    before = mutual.status()
    mutual.prove(mutual.statement(), challenge(mutual))
    assert mutual.status() == before


def test_a_login_and_an_activation_can_be_proven(host: LocalHost, bank: Bank) -> None:
    paired = Paired.make(host, bank)
    paired.enrol()
    paired.confirm()
    for kind in (Kind.ACTIVATION, Kind.LOGIN):
        statement, own = paired.statement(kind), challenge(paired)
        paired.prove(statement, own)
        response = paired.token.respond(statement, challenge=own)
        assert paired.answer(statement, response).body["accepted"] is True


def test_verdicts_ask_for_proofs_only_while_one_may_be_open(
    active: Paired, clock: time_machine.Traveller
) -> None:
    statement = active.statement()
    active.prove(statement, challenge(active))
    clock.shift(statement.ttl + 1)
    with CaptureQueriesContext(connection) as queries:
        active.answer(active.statement(number=1))
    assert not any("authserver_proof" in query["sql"] for query in queries.captured_queries)
