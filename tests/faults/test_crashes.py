"""Services that are killed lose nothing that was said."""

import pytest

from tests.concurrency.test_responses import verdicts
from tests.e2e.live import LOOPBACK, Live
from tests.faults.conftest import Aged

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


def test_a_chain_goes_on_where_both_services_were_killed(services: Live) -> None:
    anna, ben, chen = map(services.party, ("Anna Meier", "Ben Schmidt", "陈静"))
    first = anna.sign(anna.open())
    step = ben.go_on(first)
    with services.without("platform", "authserver"):
        pass
    assert ben.get(f"/steps/{step['id']}") == step
    third = chen.sign(chen.go_on(ben.sign(step)))
    report = chen.post("/receipts/verify", {"receipt": third["receipt"]})
    assert (report["is_valid"], report["length"]) == (True, 3)


def test_a_retry_finishes_the_step_of_a_platform_that_died_before_its_commit(
    on_sqlite: Live, aged: Aged
) -> None:
    (verdict,) = verdicts(on_sqlite, aged.retried.step["id"])
    assert aged.retried.state == "challenged"
    assert bytes.fromhex(aged.retried.answer().body["verdict"]) == verdict[1]
    assert aged.retried.state == "signed"
