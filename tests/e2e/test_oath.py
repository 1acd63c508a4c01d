"""A token of another make, PyPI's oath, signs steps against our authserver."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from oath import OCRAChallengeResponseClient

from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Party
from tokens.question import question_for

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


class OathParty(Party):
    """A person whose every response, the first one included, oath computes."""

    def code(self, step: Mapping[str, Any]) -> str:
        token = self.tokens[step["token"]]
        statement = token.read(step["challenge"], datetime.now(UTC)).statement
        other = OCRAChallengeResponseClient(token.seed, str(token.suite))
        code: str = other.compute_response(
            question_for(token.suite, statement.digest), T_precomputed=int(time.time()) // 60
        )
        return code


@pytest.mark.parametrize(
    "suite",
    [
        *("OCRA-1:HOTP-SHA256-8:QH64-T1M", "OCRA-1:HOTP-SHA256-8:QH64"),
        *("OCRA-1:HOTP-SHA256-8:QN10-T1M", "OCRA-1:HOTP-SHA256-8:QN10"),
    ],
)
def test_a_token_of_another_make_signs_a_step(on_sqlite: Live, suite: str) -> None:
    otto = on_sqlite.party("Otto", OathParty)
    signed = otto.sign(otto.open(token=otto.enrol(suite)))
    report = otto.post("/receipts/verify", {"receipt": signed["receipt"]})
    assert report["is_valid"] is True
