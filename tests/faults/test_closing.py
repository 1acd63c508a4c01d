"""A step that is being ended while the authserver is down: only the authserver ends it."""

import subprocess

import pytest

from tests.e2e.live import LOOPBACK, Live
from tests.e2e.wire import Fault
from tests.faults.conftest import asked

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


def test_it_keeps_its_place_until_reconciliation_has_asked_the_authserver(
    services: Live,
) -> None:
    anna, ben, chen = map(services.party, ("Anna Meier", "Ben Schmidt", "陈静"))
    head = anna.sign(anna.open())
    step, continuation = ben.go_on(head), chen.continuation(head)
    with services.without("authserver"):
        cancelled = ben.call("POST", f"/steps/{step['id']}/cancel")
        assert (cancelled.status, cancelled.code) == (503, "authserver_unavailable")
        assert anna.state(step) == ben.state(step) == "closing"
        next_one = chen.call("POST", *continuation)
        assert (next_one.status, next_one.code) == (409, "chain_head_moved")
        with pytest.raises(subprocess.CalledProcessError):
            services.manage("reconcile_steps")
    assert ben.state(step) == "closing"
    assert "0 left" in services.manage("reconcile_steps")
    assert ben.state(step) == "cancelled"
    assert chen.sign(chen.post(*continuation))["state"] == "signed"


def test_it_still_takes_the_right_response(on_sqlite: Live) -> None:
    anna = on_sqlite.party("Anna Meier")
    one = asked(anna)
    with on_sqlite.back.spoiled(Fault(answer=b"")):
        anna.call("POST", f"/steps/{one.step['id']}/cancel")
    assert one.state == "closing"
    assert one.answer().body["accepted"] is True


def test_what_the_authserver_had_accepted_before_cannot_be_cancelled(on_sqlite: Live) -> None:
    anna = on_sqlite.party("Anna Meier")
    one = asked(anna)
    with on_sqlite.back.spoiled(Fault(loses=2)):
        one.answer()
    cancelled = anna.call("POST", f"/steps/{one.step['id']}/cancel")
    assert (cancelled.status, cancelled.body["state"]) == (200, "signed")
    assert cancelled.body["receipt_id"]
