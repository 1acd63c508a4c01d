"""Status codes, counted uses, places for devices and proofs, each wanted by many at once."""

import json
from collections import Counter
from datetime import UTC, datetime
from functools import partial

import pytest

from terminal.dpop import make_proof
from tests.e2e.copies import LiveCopy, LiveDevice, OnSale, buy, publish
from tests.e2e.live import LOOPBACK, Live, most_at_once
from tests.e2e.party import Answer, Party, at_once

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

MANY = 32
CODES = "entitlements_statuscode"


@pytest.fixture
def buyer(services: Live) -> Party:
    return services.party("Anna Meier")


def bought(services: Live, buyer: Party, *, device_limit: int = 3, **offer: object) -> OnSale:
    """A resource of somebody else, paid for."""
    resource = publish(services.party("Dev Meier"), device_limit=device_limit, **offer)
    buy(buyer, resource)
    return resource


def outcomes(answers: list[Answer]) -> Counter[tuple[int, str]]:
    return Counter((answer.status, answer.code) for answer in answers)


def test_of_32_uses_of_one_status_code_one_wins(services: Live, buyer: Party) -> None:
    copy = LiveCopy(LiveDevice.of(buyer), bought(services, buyer))
    code = copy.ask().body["status_code"]

    answers = at_once([partial(copy.present, code)] * MANY)

    assert outcomes(answers) == {(200, ""): 1, (409, "status_code_used"): MANY - 1}
    assert most_at_once(answer.span for answer in answers) > 1, "there was no race"
    consumed = "state = 'consumed' AND rnonce = ?"
    assert services.count("platform", CODES, consumed, bytes.fromhex(copy.rnonce)) == 1


def test_the_last_counted_use_is_used_once(services: Live, buyer: Party) -> None:
    resource = bought(services, buyer, term="metered", uses=1)
    device = LiveDevice.of(buyer)
    copies = [LiveCopy(device, resource) for _ in range(8)]
    codes = [copy.ask().body["status_code"] for copy in copies]

    answers = at_once(
        [partial(copy.present, code) for copy, code in zip(copies, codes, strict=True)]
    )

    assert outcomes(answers) == {(200, ""): 1, (402, "entitlement_expired"): 7}
    entitlement = buyer.get("/entitlements")["results"][0]
    assert entitlement["uses_left"] == 0


def test_of_eight_devices_two_have_the_two_places(services: Live, buyer: Party) -> None:
    resource = bought(services, buyer, device_limit=2)
    devices = [LiveDevice.of(services.party("Anna Meier")) for _ in range(8)]

    answers = at_once([LiveCopy(device, resource).ask for device in devices])

    assert outcomes(answers) == {(200, ""): 2, (403, "device_limit"): 6}


def test_of_many_uses_of_one_proof_one_is_taken(services: Live, buyer: Party) -> None:
    copy = LiveCopy(LiveDevice.of(buyer), bought(services, buyer))
    code = copy.ask().body["status_code"]
    url = f"{buyer.origin}/api/v1/billing/verify"
    body = json.dumps(copy.presented(code)).encode()
    proof = make_proof(copy.key, "POST", url, body, now=datetime.now(UTC))

    answers = at_once([partial(copy.present, code, proof)] * 16)

    assert outcomes(answers) == {(200, ""): 1, (401, "device_proof_invalid"): 15}


def test_nobody_uses_what_is_given_back_as_unused_in_the_same_moment(
    services: Live, buyer: Party
) -> None:
    device, resource = LiveDevice.of(buyer), publish(services.party("Dev Meier"))
    for _ in range(3):
        purchase = buy(buyer, resource)
        copies = [LiveCopy(device, resource) for _ in range(4)]
        codes = [copy.ask().body["status_code"] for copy in copies]
        uses = [partial(copy.present, code) for copy, code in zip(copies, codes, strict=True)]
        ask_back = partial(buyer.call, "POST", f"/purchases/{purchase}/refund", {})

        asked, *used = at_once([ask_back, *uses])

        assert asked.status == 200, asked
        is_back = asked.body["state"] == "refunded"
        opened = any(answer.status == 200 for answer in used)
        # Whoever comes first: the money is back, or the content key is out.
        assert is_back != opened
        if not is_back:
            services.party("Dev Meier").post(f"/purchases/{purchase}/refund/grant", {})


def test_one_code_adds_one_device(services: Live, buyer: Party) -> None:
    code = buyer.post("/devices/codes", {})["code"]
    before = len(buyer.get("/devices"))

    answers = at_once([partial(LiveDevice(buyer).add, code) for _ in range(8)])

    assert outcomes(answers) == {(201, ""): 1, (403, "device_code_invalid"): 7}
    assert len(buyer.get("/devices")) == before + 1
