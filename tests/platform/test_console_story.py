"""One transaction's whole story, as an operator reads it."""

from collections.abc import Callable
from typing import Any

from django.test import Client

from audit.models import AuditRow
from console.story import story
from tests.platform.operators import text_of
from tests.platform.world import (
    now,
)
from transactions.models import Step


def steps_of(tx: str) -> list[Step]:
    return list(Step.objects.filter(transaction__tx=bytes.fromhex(tx)))


def things(tx: str) -> list[object]:
    return [event.thing for event in story(bytes.fromhex(tx), now=now()).events]


def told(tx: str) -> list[str]:
    """Return the events of a transaction in short."""
    short: dict[str, Callable[[Any], str]] = {
        "opened": lambda _: "opened",
        "asked": lambda part: f"asked {part.step.position}",
        "ended": lambda part: f"{part.step.state} {part.step.position}",
        "notice": lambda notice: f"notice {notice.kind}",
        "row": lambda row: f"row {row.action} {row.code}".strip(),
        "concluded": lambda row: f"row {row.action} {row.code}".strip(),
    }
    return [short[event.kind](event.thing) for event in story(bytes.fromhex(tx), now=now()).events]


def test_the_story_tells_everything_in_order(eventful: str) -> None:
    events = told(eventful)

    def at(event: str) -> int:
        return events.index(event)

    assert events[:2] == ["opened", "asked 0"]
    assert at("row response.refused response_wrong") < at("signed 0") < at("row step.signed")
    assert at("row step.signed") < at("notice step_waits") < at("asked 1") < at("refused 1")
    assert at("refused 1") < at("row step.refused declined") < at("notice declined")
    assert events.count("asked 1") == 2
    assert at("refused 1") < at("signed 1") < at("row transaction.closed")
    assert "row request.refused challenge_void" in events


def test_the_story_is_in_order_of_time(eventful: str) -> None:
    times = [
        int(event.at.timestamp()) for event in story(bytes.fromhex(eventful), now=now()).events
    ]

    assert times == sorted(times)


def test_every_audit_row_of_the_transaction_is_in_the_story(eventful: str) -> None:
    ids = [eventful, *(step.public_id for step in steps_of(eventful))]
    wanted = {row for row in AuditRow.objects.all() if any(one in row.subject for one in ids)}

    assert {thing for thing in things(eventful) if isinstance(thing, AuditRow)} == wanted


def test_the_page_of_a_transaction_shows_every_field(console: Client, eventful: str) -> None:
    page = text_of(console.get(f"/console/transactions/{eventful}"))

    for step in steps_of(eventful):
        assert f'id="{step.public_id}"' in page
        assert step.public_receipt_id in page
        assert step.content.nonce.hex() in page
        assert bytes(step.link or b"").hex() in page
    assert "wrong colour" in page
    assert "attempts" not in page
    assert "Flowers for the spring" in page


def test_what_cannot_be_read_any_more_is_said(console: Client, signed: Step) -> None:
    Step.objects.filter(pk=signed.pk).update(statement=b"x")

    page = text_of(console.get(f"/console/transactions/{signed.transaction}"))

    assert "The stored statement cannot be read any more." in page
