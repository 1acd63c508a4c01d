"""A token with an end: the clock ends it, and the events say so."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command

from authserver.models import Event, Server
from authserver.services import expire_due
from protocol.statement import Kind
from tests.authserver.test_stock import assign, put_into_stock
from tests.authserver.world import NOON, Paired

DAY = timedelta(days=1)


@pytest.fixture
def ending(active: Paired) -> Paired:
    """An active token that ends in a day."""
    Server.objects.update(expires_at=NOON + DAY)
    return active


def expired() -> int:
    return Event.objects.filter(kind="expired").count()


def test_from_its_end_on_a_token_answers_nothing(
    ending: Paired, clock: time_machine.Traveller
) -> None:
    clock.move_to(NOON + DAY - timedelta(seconds=1))
    assert ending.answer(ending.statement(number=1)).body["accepted"] is True
    clock.move_to(NOON + DAY)
    refused = ending.answer(ending.statement(number=2))
    assert (refused.status, refused.code) == (409, "token_not_active")
    assert ending.status()["state"] == "expired"
    assert ending.status()["expires_at"] == int((NOON + DAY).timestamp())


def test_what_was_accepted_before_stays(ending: Paired, clock: time_machine.Traveller) -> None:
    statement = ending.statement()
    right = ending.token.respond(statement)
    first = ending.answer(statement, right)
    clock.shift(2 * DAY)
    assert ending.answer(statement, right).raw == first.raw


@pytest.mark.parametrize("action", ["suspend", "resume", "release"])
def test_an_expired_token_does_not_come_back(
    ending: Paired, clock: time_machine.Traveller, action: str
) -> None:
    clock.shift(2 * DAY)
    assert ending.call("POST", f"/{action}").code == "state_conflict"


def test_an_expired_token_is_revoked_like_another_and_both_are_told(
    ending: Paired, clock: time_machine.Traveller
) -> None:
    clock.shift(2 * DAY)
    assert ending.call("POST", "/revoke").body == {"state": "revoked"}
    kinds = Event.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds)[-2:] == ["expired", "revoked"]


def test_the_end_is_told_when_events_are_fetched(
    ending: Paired, clock: time_machine.Traveller
) -> None:
    clock.shift(2 * DAY)
    for _ in range(2):
        answer = ending.host.call("GET", "/v1/events", key=ending.bank.key)
        assert [event["kind"] for event in answer.body["events"]].count("expired") == 1
    assert ending.row.state == "expired"


def test_the_command_writes_every_end_once(
    ending: Paired, clock: time_machine.Traveller, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("expire")
    assert (capsys.readouterr().out, expired()) == ("Expired: 0\n", 0)
    clock.shift(2 * DAY)
    for total in (1, 0):
        call_command("expire")
        assert capsys.readouterr().out == f"Expired: {total}\n"
    assert expired() == 1


def test_the_ends_of_many_are_written_a_hundred_at_a_time(
    ending: Paired, clock: time_machine.Traveller
) -> None:
    rows = [Server.objects.get() for _ in range(150)]
    for number, row in enumerate(rows):
        row.pk, row.vk, row.serial = None, f"{number:016x}", f"T{number}"
    Server.objects.bulk_create(rows)
    clock.shift(2 * DAY)
    written = [expire_due(now=datetime.now(UTC)) for _ in range(3)]
    assert (written, expired()) == ([100, 51, 0], 151)


def test_a_token_that_ended_in_stock_is_not_assigned(
    paired: Paired, clock: time_machine.Traveller
) -> None:
    stocked = put_into_stock(paired)
    Server.objects.update(expires_at=NOON + DAY)
    clock.shift(2 * DAY)
    assert assign(stocked).code == "serial_unknown"


def test_an_activation_that_comes_too_late_is_refused(
    paired: Paired, clock: time_machine.Traveller
) -> None:
    paired.enrol()
    paired.confirm()
    Server.objects.update(expires_at=NOON + DAY)
    clock.shift(2 * DAY)
    assert paired.answer(paired.statement(Kind.ACTIVATION)).code == "token_not_active"
