"""Tokens of the stock: assigned by serial, released, replaced."""

from datetime import UTC, datetime
from typing import Any

import pytest

from authserver.base64url import encode
from authserver.models import Batch, Event, Platform, Server
from protocol.statement import Kind
from tests.authserver.conftest import admitted
from tests.authserver.world import Answer, Bank, LocalHost, Paired


def put_into_stock(paired: Paired) -> Paired:
    """Make an enrolled token one that came in a batch and is nobody's."""
    paired.enrol()
    paired.confirm()
    batch = Batch.objects.create(
        platform=Platform.objects.get(id=paired.bank.information.id),
        name=f"batch of {paired.serial}",
        format="pskc",
        imported_at=datetime.now(UTC),
        tokens=1,
    )
    Server.objects.filter(vk=paired.vk).update(batch=batch)
    assert paired.call("POST", "/release").body == {"state": "stock"}
    return paired


@pytest.fixture
def stocked(paired: Paired) -> Paired:
    return put_into_stock(paired)


def assign(paired: Paired, bank: Bank | None = None, **changes: str) -> Answer:
    bank = bank or paired.bank
    body = {"serial": paired.serial, "certificate": encode(bank.certificate), "label": "Anna"}
    return paired.host.call("POST", "/v1/servers/assign", body | changes, bank.key)


def kinds(paired: Paired) -> list[str]:
    events = Event.objects.filter(server__vk=paired.vk).order_by("id")
    return list(events.values_list("kind", flat=True))


def test_an_assigned_token_is_active_when_it_has_answered_its_activation(stocked: Paired) -> None:
    answer = assign(stocked)
    assert answer.status == 200
    assert answer.body == {
        "vk": stocked.vk,
        "serial": stocked.serial,
        "suite": str(stocked.token.suite),
        "sight": stocked.sight,
        "certificate": encode(stocked.certificate),
        "expires_at": None,
    }
    status = stocked.status()
    assert (status["state"], status["label"]) == ("confirmed", "Anna")
    assert stocked.answer(stocked.statement()).code == "token_not_active"
    assert stocked.answer(stocked.statement(Kind.ACTIVATION)).body["accepted"] is True
    assert kinds(stocked)[-3:] == ["released", "assigned", "activated"]


def test_an_assignment_is_safe_to_repeat_until_the_token_is_active(stocked: Paired) -> None:
    first = assign(stocked)
    assert assign(stocked, label="Ben").raw == first.raw
    assert stocked.status()["label"] == "Anna"
    assert kinds(stocked).count("assigned") == 1
    stocked.answer(stocked.statement(Kind.ACTIVATION))
    assert assign(stocked).code == "serial_unknown"


def test_whatever_is_not_in_the_callers_stock_is_unknown_alike(
    stocked: Paired, host: LocalHost
) -> None:
    shop = admitted(Bank.make("shop", datetime.now(UTC)))
    app = Paired.make(host, stocked.bank)
    app.enrol()
    app.confirm()
    answers = [
        assign(stocked, serial="NOBODYS"),
        assign(stocked, serial=""),
        assign(app),
        assign(stocked, shop),
    ]
    for answer in answers:
        assert (answer.status, answer.code) == (404, "serial_unknown")
    assert stocked.status()["state"] == "stock"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"serial": "A\x00"}, "input_invalid"),
        ({"serial": "A" * 17}, "input_invalid"),
        ({"label": "ä" * 21}, "input_invalid"),
        ({"label": "A\u202e"}, "input_invalid"),
        ({"certificate": "AAAA"}, "certificate_invalid"),
    ],
)
def test_an_assignment_that_cannot_be_is_refused(
    stocked: Paired, changes: dict[str, Any], code: str
) -> None:
    refused = assign(stocked, **changes)
    assert (refused.status, refused.code) == (422, code)


def test_a_token_in_stock_answers_nothing(stocked: Paired) -> None:
    for kind in (Kind.ORDER, Kind.ACTIVATION):
        assert stocked.answer(stocked.statement(kind)).code == "token_not_active"


def test_a_released_token_serves_the_next_holder_and_keeps_its_past(stocked: Paired) -> None:
    assign(stocked)
    statement = stocked.statement(Kind.ACTIVATION)
    stocked.answer(statement)
    order = stocked.statement()
    first = stocked.answer(order)
    stocked.fail(stocked.statement(number=1), 5)
    stocked.call("POST", "/release", {"actor": "kim"})
    assert stocked.status()["label"] == ""
    assert stocked.answer(order).body["verdict"] == first.body["verdict"]
    assign(stocked, label="Ben")
    again = stocked.statement(Kind.ACTIVATION, number=2)
    # The lock was the token's, not the holder's.
    assert stocked.answer(again).code == "token_locked"
    stocked.unlock()
    assert stocked.answer(again).body["accepted"] is True


def test_an_app_token_has_no_stock_to_go_back_to(active: Paired) -> None:
    refused = active.call("POST", "/release")
    assert (refused.status, refused.code) == (409, "state_conflict")
    assert active.status()["state"] == "active"


def test_a_replaced_token_names_its_successor_and_answers_no_more(
    active: Paired, host: LocalHost
) -> None:
    statement = active.statement()
    first = active.answer(statement)
    new = Paired.make(host, active.bank)
    replaced = active.call("POST", "/replace", {"successor": new.vk, "actor": "anna"})
    assert replaced.body == {"state": "replaced"}
    assert active.call("POST", "/replace", {"successor": new.vk}).body == replaced.body
    third = Paired.make(host, active.bank)
    assert active.call("POST", "/replace", {"successor": third.vk}).code == "state_conflict"
    status = active.status()
    assert (status["state"], status["successor"]) == ("replaced", new.vk)
    assert active.answer(active.statement(number=1)).code == "token_not_active"
    assert active.answer(statement).raw == first.raw
    event = Event.objects.get(kind="replaced")
    assert (event.actor, event.detail) == ("platform:anna", {"successor": new.vk})


@pytest.mark.parametrize("case", ["itself", "unknown", "another's", "revoked", "nonsense"])
def test_a_successor_is_another_living_server_of_the_same_platform(
    active: Paired, host: LocalHost, case: str
) -> None:
    shop = admitted(Bank.make("shop", datetime.now(UTC)))
    dead = Paired.make(host, active.bank)
    dead.call("POST", "/revoke")
    successors = {
        "itself": (active.vk, "state_conflict"),
        "unknown": ("0" * 16, "server_unknown"),
        "another's": (Paired.make(host, shop).vk, "server_unknown"),
        "revoked": (dead.vk, "state_conflict"),
        "nonsense": ("\x00", "input_invalid"),
    }
    successor, code = successors[case]
    assert active.call("POST", "/replace", {"successor": successor}).code == code
    assert active.status()["state"] == "active"
