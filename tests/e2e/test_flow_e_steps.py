"""A step of a transaction, signed by a token behind a phone without a network."""

from collections.abc import Callable
from typing import Any

import pytest

from terminal.offline.relay import Gate, Relay
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.offline import Air, Tap, meet
from tests.e2e.signing import Signer, allow, open_desk, phone_of

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


def test_a_step_is_signed_and_the_device_opens_and_nothing_is_paid(on_sqlite: Live) -> None:
    allow(on_sqlite)
    anna, desk = on_sqlite.party("Anna Meier"), open_desk(on_sqlite)
    signer = Signer(anna, phone_of(on_sqlite, anna), anna.open())

    def device(tap: Tap) -> tuple[Relay, Callable[[], Any]]:
        gate = Gate.of(desk, tap)
        return gate, gate.admit

    met = meet(Air("loopback", on_sqlite.folder), signer.sign, device)
    assert (met.client, met.device.money, met.relay.is_open) == (met.device, None, True)
    assert anna.state(signer.step) == "signed"
    serial = bytes(met.device.serial).hex()
    receipt = anna.download(f"/offline/authorizations/{serial}/receipt.txt").decode()
    report = anna.post("/receipts/verify", {"receipt": receipt})
    assert (report["is_valid"], report["charge"]["amount"]) == (True, None)
