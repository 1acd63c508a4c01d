"""What becomes of steps whose time ran out, with and without a verdict that got lost."""

import pytest

from tests.concurrency.test_responses import verdicts
from tests.e2e.live import LOOPBACK, Live
from tests.faults.conftest import Aged

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@pytest.fixture(autouse=True)
def expired(aged: Aged) -> None:
    aged.await_expiry()


def test_a_lost_acceptance_is_there_for_the_same_response_after_expiry(aged: Aged) -> None:
    assert aged.told.status == 503
    assert aged.lost.state == "challenged"
    assert aged.lost.answer().body["accepted"] is True


def test_an_expired_step_blocks_nobody(on_sqlite: Live, aged: Aged) -> None:
    ben, chen = on_sqlite.party("Ben Schmidt"), on_sqlite.party("陈静")
    assert ben.state(aged.unanswered) == "challenged"
    assert chen.sign(chen.go_on(aged.head))["state"] == "signed"
    assert ben.state(aged.unanswered) == "expired"
    late = ben.answer(aged.unanswered, next(ben.wrong_codes(aged.unanswered)))
    assert (late.status, late.code) == (410, "challenge_expired")


def test_reconciliation_finishes_the_step_of_a_platform_that_died_before_its_commit(
    on_sqlite: Live, aged: Aged
) -> None:
    assert aged.reconciled.state == "challenged"
    assert "0 left" in on_sqlite.manage("reconcile_steps")
    assert aged.reconciled.state == "signed"
    assert len(verdicts(on_sqlite, aged.reconciled.step["id"])) == 1
    assert aged.reconciled.answer().body["accepted"] is True
