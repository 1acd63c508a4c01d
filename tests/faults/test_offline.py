"""A step that a phone without a network signs, while a service dies."""

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest

from protocol.near_field import Kind
from protocol.offline import Serial, ToBeSigned
from terminal.links.loopback import Loopback
from terminal.offline.relay import Gate
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.offline import Tap, said
from tests.e2e.signing import Signer, allow, open_desk, phone_of
from tests.e2e.wire import Fault

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


def test_a_platform_that_died_while_a_response_was_judged_decides_when_the_device_asks_again(
    on_sqlite: Live,
) -> None:
    allow(on_sqlite)
    anna = on_sqlite.party("Anna Ohnenetz")
    signer = Signer(anna, phone_of(on_sqlite, anna), anna.open())
    near, far = Loopback.pair()
    tap = Tap(far)
    gate = Gate.of(open_desk(on_sqlite), tap)
    with ThreadPoolExecutor(2) as pool:
        with on_sqlite.back.spoiled(Fault(hangs=True)):
            asked = pool.submit(signer.sign, near)
            served = pool.submit(gate.admit)
            while not on_sqlite.back.lost:
                sleep(0.01)
            on_sqlite.kill("platform")
        was_open = gate.is_open
        serial: Serial = said(ToBeSigned, tap.of(Kind.TO_BE_SIGNED)[0]).serial
        assert state_of(on_sqlite, serial) == "countersigned"
        on_sqlite.start("platform")
        assert not was_open
        # The device asks on by itself.
        assert served.result().is_approved
        assert asked.exception() is None
    assert gate.is_open
    assert signer.party.state(signer.step) == "signed"
    assert state_of(on_sqlite, serial) == "approved"


def state_of(live: Live, serial: Serial) -> str:
    """How an authorization stands."""
    query = "SELECT state FROM offline_authorization WHERE serial = ?"
    ((state,),) = live.rows("platform", query, bytes(serial))
    return str(state)
