"""Another OCRA implementation (oath, from PyPI) driven as a token."""

import time

import pytest
from oath import OCRAChallengeResponseClient

from protocol.statement import Statement
from tests.authserver.world import Bank, LocalHost, Paired
from tokens.question import question_for


def respond(paired: Paired, statement: Statement) -> str:
    assert paired.token.secrets
    token = OCRAChallengeResponseClient(paired.token.secrets.seed, str(paired.token.suite))
    question = question_for(paired.token.suite, statement.digest)
    step = paired.token.suite.time_step_seconds
    inputs = {"T_precomputed": int(time.time()) // step} if step else {}
    return str(token.compute_response(question, **inputs))


@pytest.mark.parametrize(
    "suite",
    [
        "OCRA-1:HOTP-SHA256-8:QH64-T1M",
        "OCRA-1:HOTP-SHA256-8:QH64",
        "OCRA-1:HOTP-SHA256-8:QN10-T1M",
        "OCRA-1:HOTP-SHA256-8:QN10",
    ],
)
def test_a_token_of_another_make_signs_a_step(host: LocalHost, bank: Bank, suite: str) -> None:
    paired = Paired.make(host, bank, suite)
    paired.activate()
    statement = paired.statement()
    assert paired.answer(statement, respond(paired, statement)).body["accepted"] is True
